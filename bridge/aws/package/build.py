"""From the checkout to the zip."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.aws.package.archive import write_zip
from bridge.aws.package.interpreter import compile_folder
from bridge.aws.package.modules import copy_bridge
from bridge.aws.package.wheels import Platform, install_wheels

TASK = "/var/task"  # where Lambda unpacks the zip
ROOT = Path(__file__).resolve().parents[3]


def build(file: Path, platform: Platform, root: Path = ROOT) -> None:
    """Make the zip for a processor. Raises PackageError; then an older `file` is still as it was."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=file.parent) as temporary:
        folder = Path(temporary) / "task"
        install_wheels(root / "requirements.txt", folder, platform)
        copy_bridge(root, folder)
        compile_folder(folder, TASK)
        made = Path(temporary) / file.name
        write_zip(folder, made)
        made.replace(file)
