"""The unpacked zip, for the tests in which it runs."""

from pathlib import Path
from zipfile import ZipFile

import pytest

from bridge.aws.package.build import build
from bridge.aws.package.wheels import Platform


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip for this machine's processor, all of its sources empty: what answers can only be the bytecode."""
    folder = tmp_path_factory.mktemp("zip")
    build(folder / "bridge.zip", Platform.here())
    with ZipFile(folder / "bridge.zip") as archive:
        archive.extractall(folder / "task")
    for source in (folder / "task").rglob("*.py"):
        source.write_bytes(b"")
    return folder / "task"
