"""AWS Signature Version 4, for requests without a query.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from bridge.aws.credentials import Credentials

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signature is good for."""

    service: str
    region: str


def signed_headers(  # noqa: PLR0913, PLR0917 - all that is signed, and nothing else
    method: str, path: str, headers: Mapping[str, str], body: bytes, scope: Scope, credentials: Credentials, now_ms: int
) -> dict[str, str]:
    """The headers with which to send the request, the signature among them.

    `headers` have lower-case names and hold the host; `path` is percent-encoded as it is sent.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_ms // 1_000))
    digest = sha256(body).hexdigest()
    known = {**headers, "x-amz-date": moment}
    if scope.service == "s3":
        known["x-amz-content-sha256"] = digest
    if credentials.token:
        known["x-amz-security-token"] = credentials.token.reveal()
    names = ";".join(sorted(known))
    lines = "".join(f"{name}:{known[name].strip()}\n" for name in sorted(known))
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    place = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    to_sign = f"{_ALGORITHM}\n{moment}\n{place}\n{sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_signing_key(place, credentials), to_sign).hex()
    known["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.key_id}/{place}, SignedHeaders={names}, Signature={signature}"
    )
    return known


def _signing_key(place: str, credentials: Credentials) -> bytes:
    key = f"AWS4{credentials.secret.reveal()}".encode()
    for part in place.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
