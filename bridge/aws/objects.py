"""Bodies in S3 that are too large for a message of the queue."""

import os
from collections.abc import Mapping
from urllib.parse import quote

from bridge.aws.client import Caller, service_of
from bridge.aws.credentials import FindCredentials, from_environment


class ObjectStore:
    """One bucket, addressed by path, so that its name may have dots."""

    def __init__(self, caller: Caller, bucket: str) -> None:
        self._caller = caller
        self._bucket = bucket

    @classmethod
    def open(
        cls,
        bucket: str,
        environment: Mapping[str, str] = os.environ,
        *,
        credentials: FindCredentials = from_environment,
    ) -> "ObjectStore":
        """The bucket of this name. Raises AwsError without a region."""
        return cls(Caller(service_of("s3", environment), credentials), bucket)

    def put(self, name: str, body: bytes) -> None:
        """Store a body under a name, for good when it returns. Raises AwsError."""
        self._caller.send("PutObject", "PUT", self._path(name), {"content-type": "application/octet-stream"}, body)

    def get(self, name: str) -> bytes:
        """The body of a name. Raises AwsError."""
        return self._caller.send("GetObject", "GET", self._path(name), {}, b"").body

    def _path(self, name: str) -> str:
        return f"/{quote(self._bucket)}/{quote(name, safe='/~')}"
