"""What is in the zip that `make package` makes, and that it is always the same."""

from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from zipfile import ZipFile

import pytest

from bridge.aws.package.build import ROOT, build
from bridge.aws.package.failure import PackageError
from bridge.aws.package.modules import copy_bridge, handlers
from bridge.aws.package.wheels import LEFT_OUT, Platform, check_machine

MAGIC = (3571).to_bytes(2, "little") + b"\r\n"  # of CPython 3.13, https://github.com/python/cpython, Include/internal
UNCHECKED_HASH = (0b01).to_bytes(4, "little")  # https://peps.python.org/pep-0552/
DIRECT_UPLOAD_BYTES = 50 << 20  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
NOT_FOR_FUNCTIONS = (
    "bridge/aws/package",
    "bridge/standins",
    "bridge/stories",
    "bridge/commands",
    "bridge/demo",
    "tests",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three zips of one checkout: for arm64, for arm64 again from a copy of it elsewhere, and for x86_64."""
    folder = tmp_path_factory.mktemp("zips")
    first, second = folder / "checkout", folder / "elsewhere" / "a-copy"
    first.mkdir()
    for name in ("serverless.yml", "requirements.txt"):
        copy(ROOT / name, first)
    for name in ("bridge", "mappings"):
        copytree(ROOT / name, first / name, ignore=ignore_patterns("__pycache__"))
    copytree(first, second)
    build(folder / "first.zip", Platform.ARM64, first)
    build(folder / "second.zip", Platform.ARM64, second)
    build(folder / "x86_64.zip", Platform.X86_64, first)
    return folder


def names(file: Path) -> list[str]:
    with ZipFile(file) as archive:
        return archive.namelist()


def test_two_builds_give_the_same_bytes(folder: Path) -> None:
    assert (folder / "first.zip").read_bytes() == (folder / "second.zip").read_bytes()
    assert (folder / "first.zip").stat().st_size < DIRECT_UPLOAD_BYTES


def test_both_processors_get_the_same_files(folder: Path) -> None:
    arm64, x86_64 = names(folder / "first.zip"), names(folder / "x86_64.zip")
    assert [name.replace("aarch64", "x86_64") for name in arm64] == x86_64


@pytest.mark.parametrize(("zip_name", "platform"), [("first", Platform.ARM64), ("x86_64", Platform.X86_64)])
def test_machine_code_is_for_the_processor(folder: Path, tmp_path: Path, zip_name: str, platform: Platform) -> None:
    with ZipFile(folder / f"{zip_name}.zip") as archive:
        archive.extractall(tmp_path)
    check_machine(tmp_path, platform)
    other = next(one for one in Platform if one is not platform)
    with pytest.raises(PackageError, match=rf"_cffi_backend\S+ is for machine {platform.machine}"):
        check_machine(tmp_path, other)


def test_a_zip_without_machine_code_is_none(tmp_path: Path) -> None:
    (tmp_path / "module.so").write_text("no ELF")
    with pytest.raises(PackageError, match="there is no machine code"):
        check_machine(tmp_path, Platform.ARM64)


def test_every_module_is_compiled_for_use_without_a_look_at_its_source(folder: Path) -> None:
    with ZipFile(folder / "first.zip") as archive:
        compiled = {name: archive.read(name)[:8] for name in archive.namelist() if name.endswith(".pyc")}
    assert set(compiled.values()) == {MAGIC + UNCHECKED_HASH}
    sources = {name for name in names(folder / "first.zip") if name.endswith(".py")}
    assert sources == {name.replace("__pycache__/", "").replace(".cpython-313.pyc", ".py") for name in compiled}


def test_it_holds_the_handlers_and_what_they_read_and_nothing_of_the_rest(folder: Path) -> None:
    held = set(names(folder / "first.zip"))
    assert {f"{module.replace('.', '/')}.py" for module in handlers(ROOT)} <= held
    assert "bridge/sources/apple/AppleRootCA-G3.cer" in held
    assert {f"bridge/data/mappings/{file.name}" for file in (ROOT / "mappings").glob("*.toml")} <= held
    assert not [name for name in held if name.startswith(NOT_FOR_FUNCTIONS)]
    assert not {name.partition("/")[0] for name in held} & {name.replace("-", "_") for name in LEFT_OUT}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with one function."""
    (tmp_path / "bridge").mkdir()
    (tmp_path / "bridge" / "__init__.py").touch()
    (tmp_path / "bridge" / "function.py").write_text("def handler():\n    import json, starlette.routing\n")
    (tmp_path / "serverless.yml").write_text("functions:\n  one:\n    handler: bridge.function.handler\n")
    return tmp_path


def test_a_function_that_imports_what_is_left_out_is_told(checkout: Path) -> None:
    with pytest.raises(PackageError, match=r"import starlette, which wheels\.py leaves out"):
        copy_bridge(checkout, checkout / "task")


def test_a_handler_that_there_is_not_is_told(checkout: Path) -> None:
    (checkout / "bridge" / "function.py").unlink()
    with pytest.raises(PackageError, match=r"names the handler bridge\.function, which there is not"):
        copy_bridge(checkout, checkout / "task")
