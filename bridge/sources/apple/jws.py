"""A JWS in compact form (RFC 7515, section 7.1), taken apart. Nothing here proves anything, and no cryptography is
imported, so that the stating half can read what the receiving half has proven."""

from base64 import urlsafe_b64encode
from binascii import a2b_base64
from dataclasses import dataclass

import orjson

from bridge.errors import BadNotification
from bridge.values import jsontext
from bridge.values.records import Document

_STANDARD_ALPHABET = bytes.maketrans(b"-_+/", b"+/..")  # the last two have no place in base64url, dots in neither


@dataclass(frozen=True, slots=True)
class Jws:
    """The parts of a JWS: `header` as its text stands, `payload` and `signature` decoded, `signed` what is signed."""

    header: str
    payload: bytes
    signature: bytes
    signed: bytes


def split(text: str) -> Jws:
    """Take a JWS apart. Raises ValueError when it is not three segments of base64url."""
    header, payload, signature = text.split(".", 3)
    signed = text[: len(header) + 1 + len(payload)].encode("ascii")
    return Jws(header, decoded(payload), decoded(signature), signed)


def decoded(segment: str) -> bytes:
    """The bytes of a base64url segment (RFC 7515, section 2), with or without its padding.

    Each value has one text only, as PyJWT reads it too: Python's usual decoder skips what it does not know, and so one
    signature could be written in many ways. Raises ValueError.
    """
    data = segment.encode("ascii")
    padding = b"=" * (-len(data) % 4)
    value = a2b_base64(data.translate(_STANDARD_ALPHABET) + padding, strict_mode=True)
    whole_groups = len(value) // 3
    rest = urlsafe_b64encode(value[3 * whole_groups :])  # only a last, partial group can have bits to spare
    if data[4 * whole_groups :] not in (rest, rest.rstrip(b"=")):
        raise ValueError("a segment is not canonical base64url")
    return value


def signed_payload(body: bytes) -> str:
    """The outer JWS in the body of a notification. Raises ValueError when there is none.

    Source: https://developer.apple.com/documentation/appstoreservernotifications/responsebodyv2
    """
    document = orjson.loads(body)
    text = document.get("signedPayload") if isinstance(document, dict) else None
    if not isinstance(text, str):
        raise ValueError("there is no signedPayload")
    return text


def claims(text: str) -> Document:
    """What a proven JWS says; amounts keep every digit. Raises BadNotification when it is no JSON object."""
    try:
        document = jsontext.loads(split(text).payload)
    except ValueError:
        raise BadNotification("a signed part is not readable JSON") from None
    if not isinstance(document, dict):
        raise BadNotification("a signed part is not a JSON object")
    return document
