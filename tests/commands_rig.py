"""The commands as a person starts them: processes in a folder of their own, with settings and no other environment."""

import json
import os
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.standins.flokit import PRODUCTION_KEY, SANDBOX_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.values.records import Document

ROOT = Path(__file__).resolve().parent.parent
BRIDGE = Path(sysconfig.get_path("scripts")) / "bridge"
SECRET = "whsec_of_the_commands_0123456789"
PATIENCE_S = 20.0
LAST_LINE_OF_BANNER = "sandbox"


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.out.splitlines()


@dataclass(frozen=True)
class Serving:
    """A bridge that runs: where, and what it said at the start."""

    url: str
    banner: str
    process: subprocess.Popen[str]


@dataclass(frozen=True)
class Shell:
    """A folder to work in, and the settings of all that is started from it."""

    folder: Path
    settings: Mapping[str, str]

    def with_settings(self, **more: str) -> "Shell":
        """The same folder with more settings."""
        return Shell(self.folder, {**self.settings, **more})

    def run(self, *words: str, stdin: str = "") -> Ran:
        """Run `bridge` with these words to its end."""
        done = subprocess.run(
            [BRIDGE, *words],
            cwd=self.folder,
            env=self.environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def serving(self) -> Iterator[Serving]:
        """`bridge serve` on a free port; its log goes to the file `log`. It has to end with exit code 0."""
        with (self.folder / "log").open("a") as log:
            process = subprocess.Popen(
                [BRIDGE, "serve", "--port", "0"],
                cwd=self.folder,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        with process:
            try:
                banner = _banner(process)
                yield Serving(banner.splitlines()[0].rpartition(" ")[2], banner, process)
            finally:
                code = _stopped(process)
        assert code == 0

    def environment(self) -> dict[str, str]:
        """What a process of this shell sees."""
        return {"PATH": f"{BRIDGE.parent}{os.pathsep}{os.defpath}", **self.settings}

    def log(self) -> str:
        """What the bridge logged so far."""
        return (self.folder / "log").read_text()


@contextmanager
def flokit(shell: Shell) -> Iterator[tuple[FlokitStandin, Shell]]:
    """A stand-in FloKit, and the shell with both of its keys."""
    standin = FlokitStandin()
    with running(standin.app) as url:
        yield (
            standin,
            shell.with_settings(FLOKIT_API_URL=url, FLOKIT_API_KEY=PRODUCTION_KEY, FLOKIT_SANDBOX_API_KEY=SANDBOX_KEY),
        )


def eventually(true: Callable[[], object], within_s: float = PATIENCE_S) -> None:
    """Wait until it is true; fail when it takes too long."""
    give_up_at = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < give_up_at, "it did not become true"
        time.sleep(0.02)


def keys(standin: FlokitStandin) -> list[str]:
    """The keys of what FloKit has, in the order of arrival."""
    return [event.key for event in standin.stored]


def status(shell: Shell) -> Document:
    """What `bridge status` says."""
    ran = shell.run("status", "--json")
    assert ran.code == 0, ran.err
    found: Document = json.loads(ran.out)
    return found


def counted(shell: Shell) -> dict[str, int]:
    """Stripe's notifications by outcome."""
    found: dict[str, int] = status(shell)["sources"]["stripe"]["notifications"]
    return found


def states(shell: Shell) -> dict[tuple[str, str], int]:
    """How many events there are, by environment and state."""
    return {(row["environment"], row["state"]): row["count"] for row in status(shell)["events"]}


def _stopped(process: subprocess.Popen[str]) -> int:
    """The exit code after SIGTERM. One that does not heed it is killed, so that a test fails and does not hang."""
    process.terminate()
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _banner(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    lines: list[str] = []
    while not lines or LAST_LINE_OF_BANNER not in lines[-1]:
        line = process.stdout.readline()
        assert line, "the bridge ended before it served"
        lines.append(line)
    return "".join(lines)
