"""A CPython of the version that the functions run on: what another version compiles, they cannot use."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.aws.package.failure import PackageError, run

VERSION = (3, 13)  # `runtime` in serverless.yml
DOTTED = ".".join(map(str, VERSION))
_NAME = f"python{DOTTED}"
_TELL = "import sys; print(sys.implementation.name, *sys.version_info[:2])"


def interpreter() -> str:
    """The path of one that is on this machine; without any, uv fetches one. Raises PackageError."""
    return next(filter(_fits, _candidates()), None) or _fetched()


def compile_folder(folder: Path, shown_as: str) -> None:
    """Compile every module in `folder`. Tracebacks name files as if they lay in `shown_as`.

    The bytecode is used without a look at its source: dates in a zip are all the same, and a function cannot write
    what it would have compiled (measured: without this a cold start takes 2.4 times the CPU). Raises PackageError.
    """
    options = ("-q", "-f", "--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", shown_as)
    # Sets of text in the code are written in the order of their hashes, which is another one in every process.
    run([interpreter(), "-m", "compileall", *options, str(folder)], {**os.environ, "PYTHONHASHSEED": "0"})


def _candidates() -> Iterator[str]:
    yield sys.executable
    found = shutil.which(_NAME)
    if found:
        yield found
    # pyenv's `python3.13` on the PATH answers only where that version is chosen.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{DOTTED}.*/bin/{_NAME}")))


def _fits(path: str) -> bool:
    answer = subprocess.run([path, "-c", _TELL], capture_output=True, text=True, check=False).stdout
    return answer.split() == ["cpython", *map(str, VERSION)]


def _fetched() -> str:
    try:
        run(_uv("python", "install", DOTTED))
        return run(_uv("python", "find", "--managed-python", DOTTED)).strip()
    except PackageError as error:
        raise PackageError(f"CPython {DOTTED} is needed to compile for Lambda. Install {_NAME}.\n{error}") from None


def _uv(*arguments: str) -> Sequence[str]:
    return [sys.executable, "-m", "uv", "--quiet", *arguments]
