"""The proof of one JWS. The numbered checks are those of Apple's library, in an order that costs strangers more than
us; its verdict and this one are the same on every input within the bounds of size (tests/test_apple_differential.py).
"""

import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from bridge.errors import Forged
from bridge.sources.apple.chains import Chains
from bridge.sources.apple.jws import Jws, split

ALGORITHM = ECDSA(SHA256())
MAX_JWS_CHARS = 1 << 18  # a genuine notification has some 20,000
SIGNATURE_BYTES = 64  # RFC 7518, section 3.4
REGISTERED_CLAIMS = frozenset({"exp", "nbf", "iat", "aud", "sub", "jti"})  # RFC 7519, those that PyJWT looks at


class Prover:
    """Proves that a JWS was signed by Apple."""

    def __init__(self, chains: Chains) -> None:
        self._chains = chains

    def prove(self, text: str, now_ms: int) -> dict[str, Any]:
        """The payload of a JWS, proven. Its numbers are floats: read amounts with `jws.claims`.

        1. It is a JWS whose payload is a JSON object.
        2. Its header names ES256 and a chain of three certificates.
        3. The chain leads to a trusted root, carries Apple's marks, and was valid when the JWS says it was signed.
        4. The leaf's signature over header and payload is right.
        5. It carries no registered JWT claim that forbids its use now (Apple sends none at all).

        Raises Forged when one of these fails, CannotTell when too many unknown chains came at once.
        """
        jws, payload = _read(text)
        chain = self._chains.find(jws.header, _signed_at_s(payload, now_ms), now_ms)
        _check_signature(jws, chain.key)
        self._chains.remember(jws.header, chain)
        if not REGISTERED_CLAIMS.isdisjoint(payload):
            _check_registered_claims(text, chain.key)
        return payload


def _read(text: str) -> tuple[Jws, dict[str, Any]]:
    if len(text) > MAX_JWS_CHARS:
        raise Forged("A signed part is longer than anything Apple sends.")
    try:
        jws = split(text)
        payload = json.loads(jws.payload)
    except (ValueError, RecursionError):
        raise Forged("A signed part is not a readable JWS.") from None
    if not isinstance(payload, dict):
        raise Forged("A signed part is not a JSON object.")
    return jws, payload


def _signed_at_s(payload: dict[str, Any], now_ms: int) -> int:
    """When the JWS says it was signed (epoch seconds), read as the library reads it: certificates count as of then."""
    signed = payload.get("signedDate")
    if signed is None:
        signed = payload.get("receiptCreationDate")
    try:
        return int(now_ms if signed is None else signed) // 1_000
    except (TypeError, ValueError, OverflowError):
        raise Forged("A signed part does not say when it was signed.") from None


def _check_signature(jws: Jws, key: EllipticCurvePublicKey) -> None:
    half = SIGNATURE_BYTES // 2
    r, s = int.from_bytes(jws.signature[:half], "big"), int.from_bytes(jws.signature[half:], "big")
    try:
        if len(jws.signature) != SIGNATURE_BYTES:
            raise InvalidSignature
        key.verify(encode_dss_signature(r, s), jws.signed, ALGORITHM)
    except InvalidSignature:
        raise Forged("A signature in it is not right.") from None


def _check_registered_claims(text: str, key: EllipticCurvePublicKey) -> None:
    """Let PyJWT, as Apple's library does, judge the claims of RFC 7519 (`exp`, `aud` …), by the machine's own clock."""
    import jwt  # noqa: PLC0415 - dear, and never needed: Apple sends none

    try:
        jwt.decode(text, key, algorithms=["ES256"])
    except jwt.InvalidTokenError as error:
        raise Forged("A registered claim in it is not valid now.") from error
