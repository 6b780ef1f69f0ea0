"""Whoever follows the pages arrives: every shell line of README and docs is run in their order, or at least read."""

import re
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from commands_rig import ROOT, Serving, Shell, flokit

from bridge.settings import KNOWN
from bridge.standins.workspace import Workspace

PAGES = [ROOT / "README.md", ROOT / "docs" / "operations.md"]
BRIDGE_URL = "http://127.0.0.1:8787"
SHELL = ("cp", "rm")


def shell_lines(page: Path) -> list[str]:
    """The lines of the page's `sh` blocks, in order."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


class Reader:
    """Does what the page says, line by line, with a stand-in where the real FloKit would be."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self._running: AbstractContextManager[Serving] | None = None
        self._url = ""

    def follow(self, line: str) -> None:
        """Do one line. Fails when it does not work, or is of a kind that nobody has thought of."""
        first, *words = shlex.split(line)
        if first == "export":
            name, _, value = words[0].partition("=")
            assert name in KNOWN, line
            self.shell = self.shell.with_settings(**{name: value})
        elif first == "bridge":
            self._bridge(words)
        elif first == "make":
            assert re.search(rf"(?m)^{re.escape(words[0])}:", (ROOT / "Makefile").read_text()), line
        elif first == "sqlite3":
            with sqlite3.connect(self.shell.folder / words[0]) as ledger:
                ledger.executescript(words[1])  # as the program does: several statements
        elif first in SHELL:
            self.stop()
            subprocess.run(line, shell=True, check=True, cwd=self.shell.folder)
        else:
            assert line == "source .venv/bin/activate", f"nobody has tried: {line}"

    def stop(self) -> None:
        """Ctrl-C, if a bridge runs."""
        if self._running:
            self._running.__exit__(None, None, None)
            self._running = None

    def _bridge(self, words: list[str]) -> None:
        if words[0] == "serve":
            self.stop()
            self._running = self.shell.serving()
            self._url = self._running.__enter__().url
            return
        ran = self.shell.run(*(word.replace(BRIDGE_URL, self._url) for word in words))
        assert ran.code == 0, (words, ran.err)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """In a folder with what a checkout has."""
    monkeypatch.chdir(tmp_path)
    for name in ("mappings", "fixtures"):
        (tmp_path / name).symlink_to(ROOT / name)
    with ExitStack() as stack:
        standin, shell = stack.enter_context(flokit(Shell(tmp_path, {})))
        standin.workspaces.append(Workspace("of the page", "the_key"))
        settings = {"FLOKIT_API_URL": shell.settings["FLOKIT_API_URL"], "STRIPE_API_URL": "http://127.0.0.1:9"}
        reader = Reader(Shell(tmp_path, settings))
        stack.callback(reader.stop)
        yield reader


def test_a_reader_gets_through_all_pages(reader: Reader) -> None:
    lines = [line for page in PAGES for line in shell_lines(page)]
    assert {line.split()[0] for line in lines} >= {"make", "export", "bridge", "rm"}
    for line in lines:
        reader.follow(line)
    assert (reader.shell.folder / "bridge-backup.sqlite").exists()


def test_the_unit_file_starts_the_bridge_as_it_is_started(reader: Reader) -> None:
    unit = (ROOT / "docs" / "operations.md").read_text().partition("```ini\n")[2].partition("```")[0]
    start = re.search(r"(?m)^ExecStart=(.*)$", unit)
    assert start
    program, *words = shlex.split(start[1])
    assert (Path(program).name, words[0]) == ("bridge", "serve")
    assert reader.shell.run(*words, "--help").code == 0
    for name in re.findall(r"(?m)^Environment=(\w+)=", unit):
        assert name in KNOWN


def test_no_page_has_a_shell_block_that_is_not_followed() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        if page not in PAGES:
            settings = {line.partition("=")[0].removeprefix("export ") for line in shell_lines(page)}
            assert settings <= KNOWN, page.name
