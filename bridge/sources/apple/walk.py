"""The walk along a certificate chain: OpenSSL's own verification, asked as Apple's library asks it.

The library itself offers no call for a chain alone, and importing it, with a web client and all of its models, would
nearly double what a function on AWS spends before its first answer (125 ms more than these imports, measured).
tests/test_apple_differential*.py hold the bridge's verdicts to the library's.
"""

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from OpenSSL import crypto

from bridge.errors import Forged

LEAF_MARK = x509.ObjectIdentifier("1.2.840.113635.100.6.11.1")  # "Mac App Store Receipt Signing"
INTERMEDIATE_MARK = x509.ObjectIdentifier("1.2.840.113635.100.6.2.1")  # "Apple Worldwide Developer Relations"


@dataclass(frozen=True, slots=True)
class Chain:
    """A proven chain: its leaf's key and the time in which each of its certificates is valid (epoch seconds)."""

    key: EllipticCurvePublicKey
    not_before_s: int
    not_after_s: int
    proven_at_ms: int

    def covers(self, at_s: int) -> bool:
        """Whether the walk at this time gives the same answer for certain. What holds at the very edge, OpenSSL
        decides."""
        return self.not_before_s < at_s < self.not_after_s


class Walker:
    """Walks chains that must end in one of the given roots (DER)."""

    def __init__(self, roots: Sequence[bytes]) -> None:
        self._roots = [x509.load_der_x509_certificate(root) for root in roots]

    def walk(self, x5c: Sequence[Any], at_s: int, now_ms: int) -> Chain:
        """Prove the chain as of `at_s` (epoch seconds). Raises Forged for whatever Apple's library does not accept."""
        try:
            return self._walk(x5c, at_s, now_ms)
        except Exception as error:
            raise Forged("A certificate chain in it is not Apple's.") from error

    def _walk(self, x5c: Sequence[Any], at_s: int, now_ms: int) -> Chain:
        leaf, intermediate = (_certificate(text) for text in x5c[:2])  # the third is the root, which is known here
        first, second = self._verified(leaf, intermediate, at_s)[:2]
        first.to_cryptography().extensions.get_extension_for_oid(LEAF_MARK)
        second.to_cryptography().extensions.get_extension_for_oid(INTERMEDIATE_MARK)
        key = leaf.to_cryptography().public_key()
        if not (isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)):
            raise ValueError("ES256 needs a key on P-256 (RFC 7518, section 3.4)")
        not_before_s, not_after_s = self._window_s([leaf.to_cryptography(), intermediate.to_cryptography()])
        return Chain(key, not_before_s, not_after_s, now_ms)

    def _verified(self, leaf: crypto.X509, intermediate: crypto.X509, at_s: int) -> list[crypto.X509]:
        """The chain from the leaf to the root. Raises X509StoreContextError.

        Whether a certificate was revoked since is not asked: a notification must not wait for OCSP servers, nor fail
        when they do not answer.
        """
        store = crypto.X509Store()
        for root in self._roots:
            store.add_cert(crypto.X509.from_cryptography(root))
        store.set_flags(crypto.X509StoreFlags.X509_STRICT)
        store.set_time(datetime.fromtimestamp(at_s, UTC))
        context = crypto.X509StoreContext(store, leaf, [intermediate])
        context.verify_certificate()
        return context.get_verified_chain()

    def _window_s(self, certificates: Sequence[x509.Certificate]) -> tuple[int, int]:
        """The time in which all certificates are valid that can have a part in this chain (epoch seconds)."""
        issuers = {certificate.issuer for certificate in certificates}
        involved = [*certificates, *(root for root in self._roots if root.subject in issuers)]
        return (
            max(int(certificate.not_valid_before_utc.timestamp()) for certificate in involved),
            min(int(certificate.not_valid_after_utc.timestamp()) for certificate in involved),
        )


def _certificate(text: str) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_ASN1, b64decode(text, validate=True))
