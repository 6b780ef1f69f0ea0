"""Test keys in a folder, so that a bridge in another process can be told to trust what `bridge simulate` signs."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from bridge.stories.apple_signing import AppleSigner, Holder
from bridge.values.times import EPOCH

ROOT_FILE = "apple-test-root.cer"
_PARTS = ("root", "intermediate", "leaf")


def signer_in(folder: Path, now_ms: int) -> AppleSigner:
    """The signer whose keys are in the folder; a new one when there is none, or when its certificates have run out."""
    files = [folder / f"apple-{part}.pem" for part in _PARTS]
    if all(file.exists() for file in files):
        signer = AppleSigner(*(_load(file) for file in files))
        ends = signer.leaf.certificate.not_valid_after_utc
        if (ends - EPOCH).total_seconds() * 1_000 > now_ms:
            return signer
    signer = AppleSigner.generate(now_ms)
    folder.mkdir(parents=True, exist_ok=True)
    for file, holder in zip(files, (signer.root, signer.intermediate, signer.leaf), strict=True):
        _save(file, holder)
    (folder / ROOT_FILE).write_bytes(signer.root.der)
    return signer


def _save(file: Path, holder: Holder) -> None:
    key = holder.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.touch(mode=0o600)
    file.write_bytes(key + holder.certificate.public_bytes(Encoding.PEM))


def _load(file: Path) -> Holder:
    text = file.read_bytes()
    key = load_pem_private_key(text, None)
    return Holder(load_pem_x509_certificate(text[text.index(b"-----BEGIN CERTIFICATE") :]), key)  # type: ignore[arg-type]  # saved above
