"""The trusted root: Apple's as shipped, or those of APPLE_ROOT_CERTIFICATES."""

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from apple_rig import NOW_MS, genuine, receiver, signer, verdict
from cryptography.hazmat.primitives.serialization import Encoding

import bridge
from bridge.errors import Forged, SettingsError
from bridge.sources.apple.roots import trusted_roots


def test_the_shipped_root_is_apples() -> None:
    (root,) = trusted_roots()
    assert len(root) == 583
    assert sha256(root).hexdigest() == "63343abfb89a6a03ebb57e9b3f5fa7be7c4f5c756f3017b3a8c488c3653e9179"


def test_nothing_else_passes_under_the_shipped_root() -> None:
    with pytest.raises(Forged):
        receiver(8, *trusted_roots()).verify({}, genuine(), NOW_MS)


def test_an_altered_root_stops_the_start(tmp_path: Path) -> None:
    shutil.copytree(Path(bridge.__file__).parent, tmp_path / "bridge", ignore=shutil.ignore_patterns("__pycache__"))
    root = tmp_path / "bridge/sources/apple/AppleRootCA-G3.cer"
    root.write_bytes(root.read_bytes()[:-1] + b"\0")
    program = "from bridge.sources.apple.roots import trusted_roots; trusted_roots()"
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "its fingerprint differs" in result.stderr


@pytest.mark.parametrize("encoding", [Encoding.DER, Encoding.PEM])
def test_roots_from_files(tmp_path: Path, encoding: Encoding) -> None:
    file = tmp_path / "root.cer"
    file.write_bytes(signer().root.certificate.public_bytes(encoding))
    roots = trusted_roots([file])
    assert roots == [signer().root.der]
    assert verdict(receiver(8, *roots), genuine())


def test_every_unusable_file_is_named(tmp_path: Path) -> None:
    junk, empty, missing = tmp_path / "junk.cer", tmp_path / "empty.pem", tmp_path / "missing.cer"
    junk.write_bytes(b"junk")
    empty.write_text("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n")
    with pytest.raises(SettingsError) as refusal:
        trusted_roots([junk, empty, missing])
    assert [problem.split()[1] for problem in refusal.value.problems] == [str(junk), str(empty), str(missing)]
