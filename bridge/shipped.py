"""Files that come with the program: the mappings, and the fixtures that `bridge simulate` sends."""

from pathlib import Path

_HERE = Path(__file__).parent


def folder(name: str) -> Path:
    """`mappings` or `fixtures`: inside an installed package, beside the program in a checkout."""
    installed = _HERE / "data" / name
    return installed if installed.is_dir() else _HERE.parent / name
