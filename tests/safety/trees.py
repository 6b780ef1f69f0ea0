"""Copies of the program with one line damaged."""

import shutil
from pathlib import Path

from .lines import SafetyLine

_COPIED = ("bridge", "mappings", "tests")
_LINKED = ("fixtures",)


def copy(tree: Path, folder: Path) -> Path:
    """Copy the program and its tests into a folder that does not exist yet."""
    folder.mkdir(parents=True)
    for name in _COPIED:
        shutil.copytree(tree / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _LINKED:
        (folder / name).symlink_to((tree / name).resolve())
    shutil.copy(tree / "pyproject.toml", folder)
    return folder


def damaged(line: SafetyLine, tree: Path, folder: Path) -> Path:
    """Copy the program with this line damaged. Raises LookupError unless it stands there exactly once."""
    line.check(tree)
    file = copy(tree, folder) / line.file
    file.write_text(file.read_text().replace(line.text, line.instead))
    return folder
