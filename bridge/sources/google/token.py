"""The bearer token of a push: an OIDC token that Google signs for the service account of the Pub/Sub subscription.

Source: https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from bridge.errors import Forged
from bridge.values.times import SECOND_MS

ISSUERS = ("https://accounts.google.com", "accounts.google.com")  # the two that google-auth accepts
SKEW_MS = 10 * SECOND_MS  # Google's clock and ours differ; one second of it is enough to refuse a fresh token

# Google's have a header of 103 characters, claims of 500 and a signature of 342. A JSON parser that meets a thousand
# nested brackets may end the request in a RecursionError, so what is longer is not even decoded.
_BEARER = re.compile(
    r"Bearer ((?P<header>[\w-]{1,300})\.(?P<claims>[\w-]{1,2000}))\.(?P<sig>[\w-]{1,700})", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class PushToken:
    """A token taken apart; nothing in it is proven yet. `signed` is what `signature` is over."""

    key_id: str
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes


def read_token(authorization: str) -> PushToken:
    """Take an Authorization header apart. Raises Forged (401) when it is not of the shape of Google's."""
    match = _BEARER.fullmatch(authorization)
    if match is None:
        raise not_proven(
            "There is no bearer token of Google's: this URL takes authenticated Pub/Sub pushes. In Google Cloud open "
            "Pub/Sub, Subscriptions, this one, Edit, and switch on 'Enable authentication'."
        )
    try:
        header = orjson.loads(_decoded(match["header"]))
        claims = orjson.loads(_decoded(match["claims"]))
        signature = _decoded(match["sig"])
    except ValueError:
        raise not_proven("The bearer token is not readable.") from None
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        raise not_proven("The bearer token is not readable.")
    return PushToken(_key_id(header), claims, match[1].encode(), signature)


def check_claims(claims: Mapping[str, Any], audience: str, account: str, now_ms: int) -> None:
    """Check what the token says. Raises Forged (401).

    1. Google issued it,
    2. for this bridge,
    3. to the service account that is configured: anybody with a Google account can have a token made for any audience,
       so the audience alone proves nothing,
    4. and it is valid now.
    """
    if claims.get("iss") not in ISSUERS:
        raise not_proven("The bearer token is not issued by Google.")
    if claims.get("aud") != audience:
        raise not_proven(
            "The bearer token is for another audience than GOOGLE_PUSH_AUDIENCE: both must be the same, letter by "
            "letter. Without an audience of its own a push subscription uses its endpoint URL."
        )
    if claims.get("email") != account or claims.get("email_verified") is not True:
        raise not_proven("The bearer token is of another account than GOOGLE_PUSH_ACCOUNT.")
    _check_time(claims.get("iat"), claims.get("exp"), now_ms)


def not_proven(message: str) -> Forged:
    """The error for a token that proves nothing: 401."""
    return Forged(message, status=401)


def _key_id(header: Mapping[str, Any]) -> str:
    key_id = header.get("kid")
    if header.get("alg") != "RS256" or not isinstance(key_id, str):
        raise not_proven("The bearer token is not signed the way Google signs.")
    return key_id


def _check_time(issued_at_s: Any, expires_at_s: Any, now_ms: int) -> None:
    if type(issued_at_s) is not int or type(expires_at_s) is not int:
        raise not_proven("The bearer token does not say from when to when it is valid.")
    if not issued_at_s * SECOND_MS - SKEW_MS <= now_ms <= expires_at_s * SECOND_MS + SKEW_MS:
        raise Forged(
            "The bearer token is not valid now: is the clock of this machine right?", status=401, code="not_current"
        )


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
