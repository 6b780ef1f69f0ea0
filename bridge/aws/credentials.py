"""Who calls AWS: keys from the environment, where Lambda puts those of the function's role."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bridge.aws.errors import AwsError
from bridge.environment import Secret


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key. Temporary ones come with a token."""

    key_id: str
    secret: Secret
    token: Secret | None = None


FindCredentials = Callable[[], Credentials]
"""Gives the credentials as they are now: temporary ones are replaced from time to time. Raises AwsError."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Credentials:
    """The keys that the environment variables hold. Raises AwsError when there are none."""
    key_id, secret = environment.get("AWS_ACCESS_KEY_ID"), environment.get("AWS_SECRET_ACCESS_KEY")
    if not key_id or not secret:
        raise AwsError(
            "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN "
            "for temporary ones"
        )
    token = environment.get("AWS_SESSION_TOKEN")
    return Credentials(key_id, Secret(secret), Secret(token) if token else None)
