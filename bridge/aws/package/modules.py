"""Which files of the bridge go into the zip: the modules that a function can import, and the data they read."""

import re
import sys
from collections.abc import Iterator, Sequence
from modulefinder import ModuleFinder
from pathlib import Path
from shutil import copyfile

from bridge.aws.package.failure import PackageError

_HANDLER = re.compile(r"^ *handler: ([\w.]+)\.\w+$", re.MULTILINE)


def handlers(root: Path) -> Sequence[str]:
    """The modules that serverless.yml names as handlers, each once."""
    return sorted(set(_HANDLER.findall((root / "serverless.yml").read_text())))


def copy_bridge(root: Path, folder: Path) -> None:
    """Copy what the functions need of the checkout `root` to `folder`, laid out as in a wheel.

    Call it when the dependencies are there. Raises PackageError when one of them is not, or a handler.
    """
    finder = _reached(root)
    _check_complete(finder, folder)
    for source in _modules_and_their_data(root, finder):
        _copy(source, folder / source.relative_to(root))
    for source in (root / "mappings").glob("*.toml"):
        _copy(source, folder / "bridge" / "data" / "mappings" / source.name)


def _reached(root: Path) -> ModuleFinder:
    """Finds every import statement of the handlers, also within functions or by way of other modules of the bridge."""
    finder = ModuleFinder(path=[str(root)])
    for module in handlers(root):
        try:
            finder.import_hook(module)
        except ImportError:
            raise PackageError(f"serverless.yml names the handler {module}, which there is not.") from None
    return finder


def _check_complete(finder: ModuleFinder, folder: Path) -> None:
    """To the finder, whatever is not of the bridge is missing: it has to be in Python itself or in `folder`."""
    packages = {name.partition(".")[0] for name in finder.badmodules} - {"bridge"} - sys.stdlib_module_names
    missing = [name for name in sorted(packages) if not (folder / name).is_dir() and not list(folder.glob(f"{name}.*"))]
    if missing:
        raise PackageError(f"The functions import {', '.join(missing)}, which wheels.py leaves out.")


def _modules_and_their_data(root: Path, finder: ModuleFinder) -> Iterator[Path]:
    files = [_file(root, module) for module in finder.modules if module.partition(".")[0] == "bridge"]
    yield from files
    for folder in {file.parent for file in files}:  # such as Apple's root certificate
        yield from (file for file in folder.iterdir() if file.is_file() and file.suffix not in (".py", ".pyc"))


def _file(root: Path, module: str) -> Path:
    path = root.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    copyfile(source, target)
