"""Signs as Apple signs, with certificates made on the spot: for tests, the demo and `bridge simulate`.

The chain has the shape and the marks of Apple's (root and intermediate on P-384, leaf on P-256), so that it passes
Apple's own library in its strict mode once its root is trusted. The keys never leave the process.
"""

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import EPOCH

# "Mac App Store Receipt Signing" and "Apple Worldwide Developer Relations": the marks that Apple's library asks for.
LEAF_MARK = "1.2.840.113635.100.6.11.1"
INTERMEDIATE_MARK = "1.2.840.113635.100.6.2.1"
VALID_DAYS = 400  # on either side of the moment the chain is made for

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is valid."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, at_ms: int, days: int = VALID_DAYS) -> "Validity":
        """So many days on either side of a moment (epoch milliseconds)."""
        moment = EPOCH + timedelta(milliseconds=at_ms)
        return cls(moment - timedelta(days=days), moment + timedelta(days=days))


@dataclass(frozen=True, slots=True)
class Holder:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)


def issue(  # noqa: PLR0913 - what a certificate consists of
    name: str,
    validity: Validity,
    *,
    issuer: Holder | None = None,
    mark: str | None = None,
    is_authority: bool = False,
    key: PrivateKey | None = None,
    identifiers: bool = True,
) -> Holder:
    """A certificate, signed by `issuer` or by itself. `mark` is the extension that Apple tells certificates apart by.

    `identifiers=False` leaves out the key identifiers, which a strict reading of RFC 5280 asks for.
    """
    own_key = key or ec.generate_private_key(ec.SECP384R1() if is_authority else ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder(issuer.certificate.subject if issuer else subject, subject, own_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.start)
        .not_valid_after(validity.end)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_usage(is_authority), critical=True)
    )
    signer = issuer.key if issuer else own_key
    if identifiers:
        builder = _with_identifiers(builder, own_key, signer)
    if mark:
        builder = builder.add_extension(_mark(mark), critical=False)
    return Holder(builder.sign(signer, SHA384()), own_key)


@dataclass(frozen=True, slots=True)
class AppleSigner:
    """Signs with the last certificate of a chain."""

    root: Holder
    intermediate: Holder
    leaf: Holder

    @classmethod
    def generate(cls, at_ms: int) -> "AppleSigner":
        """A new chain, valid around a moment (epoch milliseconds)."""
        validity = Validity.around(at_ms)
        root = issue("Stand-in Root CA - G3", validity, is_authority=True)
        intermediate = issue(
            "Stand-in Worldwide Developer Relations", validity, issuer=root, mark=INTERMEDIATE_MARK, is_authority=True
        )
        leaf = issue("Stand-in Receipt Signing", validity, issuer=intermediate, mark=LEAF_MARK)
        return cls(root, intermediate, leaf)

    @property
    def x5c(self) -> list[str]:
        """The chain as a JWS header carries it (RFC 7515, section 4.1.6)."""
        return [b64encode(holder.der).decode() for holder in (self.leaf, self.intermediate, self.root)]

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A JWS of the claims, as Apple makes it."""
        return self.sign_bytes(jsontext.dumps(claims), {"alg": "ES256", "x5c": self.x5c})

    def sign_bytes(self, payload: bytes, header: Mapping[str, Any]) -> str:
        """A JWS of any payload under any header."""
        signed = f"{_segment(jsontext.dumps(header))}.{_segment(payload)}"
        return f"{signed}.{self.signature(signed)}"

    def signature(self, signed: str) -> str:
        """The last segment of a JWS, over the two before it."""
        return _segment(_signature(self.leaf.key, signed.encode()))

    def notification(
        self,
        claims: Document,
        *,
        transaction: Mapping[str, Any] | None = None,
        renewal: Mapping[str, Any] | None = None,
    ) -> bytes:
        """The body of a webhook; the transaction and the renewal info are signed and put into its `data`."""
        nested = {"signedTransactionInfo": transaction, "signedRenewalInfo": renewal}
        signed = {field: self.sign(part) for field, part in nested.items() if part is not None}
        whole = {**claims, "data": {**claims["data"], **signed}} if signed else claims
        return jsontext.dumps({"signedPayload": self.sign(whole)})


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _with_identifiers(builder: x509.CertificateBuilder, key: PrivateKey, signer: PrivateKey) -> x509.CertificateBuilder:
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuers = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(own, critical=False).add_extension(issuers, critical=False)


def _mark(oid: str) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x05\x00")  # an ASN.1 NULL, as Apple's


def _signature(key: PrivateKey, signed: bytes) -> bytes:
    """The signature as a JWS has it: two numbers, side by side (RFC 7518, section 3.4)."""
    if isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("ES256 needs a key on an elliptic curve")
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(SHA256())))
    size_bytes = (key.key_size + 7) // 8
    return r.to_bytes(size_bytes, "big") + s.to_bytes(size_bytes, "big")


def _segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
