"""The bridge's dependencies as the functions need them: the pinned wheels for Lambda's processor, and of these only
what can be imported.
"""

import re
import shutil
import struct
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from platform import machine
from tempfile import TemporaryDirectory

from bridge.aws.package.failure import PackageError, run
from bridge.aws.package.interpreter import DOTTED


class Platform(Enum):
    """A processor: its name in serverless.yml, uv's name for a platform with it, and its number in an ELF file."""

    ARM64 = ("arm64", "aarch64-manylinux2014", 183)
    X86_64 = ("x86_64", "x86_64-manylinux2014", 62)

    def __init__(self, word: str, wheels: str, machine: int) -> None:
        self.word = word
        self.wheels = wheels
        self.machine = machine

    @classmethod
    def here(cls) -> "Platform":
        """That of this machine. Raises PackageError when the functions cannot run on such a one."""
        for one in cls:
            if sys.platform == "linux" and machine() in one.wheels:
                return one
        raise PackageError("Lambda's functions run on Linux, on arm64 or x86_64.")


LEFT_OUT: Mapping[str, str] = {
    "anyio": "httpx and httpcore take it for asyncio; where it is missing they do without",
    "charset-normalizer": "requests",
    "click": "the commands",
    "colorama": "the commands, on Windows",
    "httptools": "the server",
    "pyasn1": "google-auth takes it where there is no cryptography",
    "pyasn1-modules": "as pyasn1",
    "pycparser": "cffi takes it to compile C",
    "requests": "stripe takes it where it is, to call Stripe's API",
    "starlette": "the server",
    "urllib3": "requests",
    "uvicorn": "the server",
    "uvloop": "the server",
}
"""Pinned packages that no function imports, and who else does."""

PRUNED = (
    "bin",
    "*.dist-info",
    "**/*.pyi",
    "**/py.typed",
    "**/*.[ch]",
    "cffi",  # cryptography takes only its _cffi_backend
    "stripe/*/",  # the API's resources: of this package only the check of a signature is used
    "stripe/data",
    ".lock",
)
"""What no function imports of the others, and what is no code."""

_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)==.*(?:\n[ \t]+.*)*", re.MULTILINE)
_ELF = struct.Struct("<4s14xH")


def install_wheels(requirements: Path, folder: Path, platform: Platform) -> None:
    """Put the wheels into `folder`, unpacked and pruned. Raises PackageError when there is none, or a wrong one."""
    with TemporaryDirectory() as temporary:
        taken = Path(temporary) / "requirements.txt"
        taken.write_text("\n".join(_taken(requirements.read_text())))
        run([
            sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(folder),
            "--python-platform", platform.wheels, "--python-version", DOTTED, "--only-binary", ":all:",
            "--no-deps", "--require-hashes", "--requirement", str(taken),
        ])  # fmt: skip
    _prune(folder)
    check_machine(folder, platform)


def check_machine(folder: Path, platform: Platform) -> None:
    """Raise PackageError when machine code in `folder` is for another processor, or there is none at all."""
    machines = dict(_machines(folder))
    wrong = [f"{path} is for machine {found}" for path, found in machines.items() if found != platform.machine]
    if wrong or not machines:
        raise PackageError(f"Not for {platform.word}: {', '.join(wrong) or 'there is no machine code'}.")


def _taken(pinned: str) -> Iterator[str]:
    """The requirements, each with its hashes, that are not left out."""
    return (match[0] for match in _REQUIREMENT.finditer(pinned) if match["name"] not in LEFT_OUT)


def _prune(folder: Path) -> None:
    for pattern in PRUNED:
        for path in list(folder.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _machines(folder: Path) -> Iterator[tuple[Path, int]]:
    """Each ELF file and the number of its processor: what a file is, its bytes say and not its name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(_ELF.size)
            if head.startswith(b"\x7fELF"):
                yield path.relative_to(folder), _ELF.unpack(head)[1]
