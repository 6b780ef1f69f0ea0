"""A folder as a zip: the same files always give the same bytes, whenever and by whomever they were made."""

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can hold
READABLE = 0o100644  # Lambda runs the code as another user than the one who has packaged it


def write_zip(folder: Path, file: Path) -> None:
    """Write all files in `folder` to the zip `file`, in the order of their names. Links are followed."""
    with ZipFile(file, "w") as archive:
        for name in names(folder):
            entry = ZipInfo(name, LONG_AGO)
            entry.external_attr = READABLE << 16
            archive.writestr(entry, (folder / name).read_bytes(), ZIP_DEFLATED, 9)


def names(folder: Path) -> list[str]:
    """The names of all files in a folder, however deep, in order."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
