"""A test key in a folder, so that a bridge in another process goes on trusting what `bridge simulate` signs."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from bridge.stories.google_signing import GoogleSigner
from bridge.values.times import EPOCH, SECOND_MS

_FILE = "google-signing.pem"
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def signer_in(folder: Path, now_ms: int) -> GoogleSigner:
    """The signer whose key is in the folder; a new one when there is none, or when its certificate has run out."""
    file = folder / _FILE
    if file.exists():
        signer = _load(file.read_bytes())
        ends = signer.certificate.not_valid_after_utc
        if (ends - EPOCH).total_seconds() * SECOND_MS > now_ms:
            return signer
    signer = GoogleSigner.generate(now_ms)
    folder.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    certificate = signer.certificate.public_bytes(Encoding.PEM)
    file.write_bytes(f"{signer.key_id}\n{signer.private_key_pem}".encode() + certificate)
    return signer


def _load(text: bytes) -> GoogleSigner:
    key_id, _, rest = text.partition(b"\n")
    start = rest.index(_CERTIFICATE)
    key = load_pem_private_key(rest[:start], None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError(f"{_FILE} holds no RSA key; remove it")
    return GoogleSigner(key_id.decode(), key, load_pem_x509_certificate(rest[start:]))
