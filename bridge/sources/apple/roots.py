"""The certificates that a chain must end in.

Apple Root CA - G3 is published at https://www.apple.com/certificateauthority/ ("Apple Root Certificates").
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from bridge.errors import SettingsError

SHIPPED_FILE = Path(__file__).with_name("AppleRootCA-G3.cer")
SHIPPED_SHA256 = "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179"


def trusted_roots(files: Sequence[Path] = ()) -> list[bytes]:
    """The trusted certificates in DER: those in the files (DER or PEM), or, with no files, Apple's own as shipped.

    Raises SettingsError with every problem: a file that cannot be read or holds no certificate, or a shipped root
    that is not Apple's.
    """
    if not files:
        return [_shipped()]
    roots: list[bytes] = []
    problems: list[str] = []
    for file in files:
        try:
            roots += _certificates(file.read_bytes())
        except (OSError, ValueError):
            problems.append(f"APPLE_ROOT_CERTIFICATES: {file} is not a readable certificate (DER or PEM).")
    if problems:
        raise SettingsError(problems)
    return roots


def _shipped() -> bytes:
    root = SHIPPED_FILE.read_bytes()
    if sha256(root).hexdigest() != SHIPPED_SHA256:
        raise SettingsError([f"{SHIPPED_FILE} is not Apple Root CA - G3: its fingerprint differs. Install anew."])
    return root


def _certificates(data: bytes) -> list[bytes]:
    if b"-----BEGIN" in data:
        return [certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(data)]
    return [x509.load_der_x509_certificate(data).public_bytes(Encoding.DER)]
