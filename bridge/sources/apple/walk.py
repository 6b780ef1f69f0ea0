"""The walk along a certificate chain, by Apple's own library. Importing this is dear (the library brings a web client
along), so it is imported when a chain is first walked.

The library offers no call for a chain alone: `_ChainVerifier` is its inside. Its version is therefore pinned, and
tests/test_apple_differential.py holds the bridge's verdicts to the library's.
"""

from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import jwt
from appstoreserverlibrary.signed_data_verifier import _ChainVerifier
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from OpenSSL import crypto

from bridge.errors import Forged
from bridge.sources.apple.chains import Chain

ES256 = "ES256"


class Walker:
    """Walks chains that must end in one of the given roots (DER)."""

    def __init__(self, roots: Sequence[bytes]) -> None:
        self._verifier = _ChainVerifier(list(roots))
        self._roots = [x509.load_der_x509_certificate(root) for root in roots]

    def walk(self, x5c: Sequence[Any], at_s: int, now_ms: int) -> Chain:
        """Prove the chain as of `at_s` (epoch seconds). Raises Forged for whatever the library does not accept."""
        try:
            return self._walk(list(x5c), at_s, now_ms)
        except Exception as error:
            raise Forged("A certificate chain in it is not Apple's.") from error

    def _walk(self, x5c: list[Any], at_s: int, now_ms: int) -> Chain:
        # Online checks stay off: a notification must not wait for OCSP servers, nor fail when they do not answer.
        pem = self._verifier.verify_chain(x5c, False, at_s)
        key = load_pem_public_key(pem.encode())
        if not (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
            raise ValueError("ES256 needs a key on P-256 (RFC 7518, section 3.4)")
        not_before_s, not_after_s = self._window_s([_certificate(text) for text in x5c[:2]])
        return Chain(key, not_before_s, not_after_s, now_ms)

    def _window_s(self, certificates: Sequence[x509.Certificate]) -> tuple[int, int]:
        """The time in which all certificates are valid that can have a part in this chain (epoch seconds)."""
        issuers = {certificate.issuer for certificate in certificates}
        involved = [*certificates, *(root for root in self._roots if root.subject in issuers)]
        return (
            max(int(certificate.not_valid_before_utc.timestamp()) for certificate in involved),
            min(int(certificate.not_valid_after_utc.timestamp()) for certificate in involved),
        )


def check_registered_claims(text: str, key: EllipticCurvePublicKey) -> None:
    """Let the library's JWT package judge the claims of RFC 7519 (`exp`, `aud` …), by the machine's own clock.

    Raises Forged when it refuses one.
    """
    try:
        jwt.decode(text, key, algorithms=[ES256])
    except jwt.InvalidTokenError as error:
        raise Forged("A registered claim in it is not valid now.") from error


def _certificate(text: str) -> x509.Certificate:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, b64decode(text, validate=True)).to_cryptography()
