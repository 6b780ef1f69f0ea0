"""Signs as Google signs, with a certificate made on the spot: for tests, the demo and `bridge simulate`."""

import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import EPOCH, SECOND_MS, iso

KEY_BITS = 2_048
VALID_DAYS = 400  # on either side of the moment the certificate is made for
TOKEN_LIFE_S = 3_600
SUBSCRIPTION = "projects/standin-project/subscriptions/play-push"


@dataclass(frozen=True, slots=True)
class GoogleSigner:
    """A signing key with its certificate. The key never leaves the process."""

    key_id: str
    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @classmethod
    def generate(cls, at_ms: int) -> "GoogleSigner":
        """A new key, with a certificate that is valid around a moment (epoch milliseconds)."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=KEY_BITS)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")])
        moment = EPOCH + timedelta(milliseconds=at_ms)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(moment - timedelta(days=VALID_DAYS))
            .not_valid_after(moment + timedelta(days=VALID_DAYS))
            .sign(key, SHA256())
        )
        return cls(secrets.token_hex(20), key, certificate)

    @property
    def certificates(self) -> dict[str, str]:
        """What Google's `oauth2/v1/certs` answers: key id to certificate in PEM."""
        return {self.key_id: self.certificate.public_bytes(Encoding.PEM).decode()}

    @property
    def private_key_pem(self) -> str:
        """The private key as a service account's key file holds it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def push_token(self, audience: str, account: str, now_ms: int, **changes: Any) -> str:
        """The bearer token of a push at a moment. `changes` replace claims; None leaves one out."""
        now_s = now_ms // SECOND_MS
        claims = {
            "aud": audience,
            "azp": "113774264463038321964",
            "email": account,
            "email_verified": True,
            "exp": now_s + TOKEN_LIFE_S,
            "iat": now_s,
            "iss": "https://accounts.google.com",
            "sub": "113774264463038321964",
            **changes,
        }
        return self.sign({name: value for name, value in claims.items() if value is not None})

    def sign(self, claims: Mapping[str, Any], **header: Any) -> str:
        """A JWT of the claims; `header` replaces fields of the usual header."""
        usual = {"alg": "RS256", "kid": self.key_id, "typ": "JWT"}
        return self.sign_bytes(jsontext.dumps(claims), jsontext.dumps({**usual, **header}))

    def sign_bytes(self, claims: bytes, header: bytes) -> str:
        """A JWS of any bytes under any header, rightly signed."""
        signed = f"{_segment(header)}.{_segment(claims)}"
        return f"{signed}.{_segment(self.key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


@dataclass(frozen=True, slots=True)
class Push:
    """One delivery, ready to be posted."""

    headers: Mapping[str, str]
    body: bytes


def wrapped(data: bytes, token: str, message_id: str, published_at_ms: int, subscription: str = SUBSCRIPTION) -> Push:
    """A delivery in the usual, wrapped form."""
    message: Document = {
        "data": b64encode(data).decode(),
        "messageId": message_id,
        "message_id": message_id,
        "publishTime": iso(published_at_ms),
        "publish_time": iso(published_at_ms),
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return Push(headers, jsontext.dumps({"message": message, "subscription": subscription}))


def unwrapped(data: bytes, token: str, message_id: str, published_at_ms: int, subscription: str = SUBSCRIPTION) -> Push:
    """A delivery with payload unwrapping and metadata: the data alone, the rest in headers."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "x-goog-pubsub-message-id": message_id,
        "x-goog-pubsub-publish-time": iso(published_at_ms),
        "x-goog-pubsub-subscription-name": subscription,
    }
    return Push(headers, data)


def _segment(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
