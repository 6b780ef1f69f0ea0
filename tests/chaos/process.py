"""The bridge as a real process that can be started, killed and looked at."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from bridge.ledger.sqlite import SqliteLedger

from .clock import SharedClock

ROOT = Path(__file__).resolve().parents[2]
STOP_WITHIN_S = 30


@dataclass
class Home:
    """A bridge's folder and settings, which outlive its processes. `on_line` sees each line of its log at once.

    Without a clock it is `bridge serve` itself; with one it is the same server by that clock.
    """

    folder: Path
    environment: Mapping[str, str]
    clock: SharedClock | None = None
    on_line: Callable[[bytes], None] = field(default=lambda _line: None)
    url: str = ""

    @property
    def ledger_file(self) -> Path:
        """Where the ledger is."""
        return self.folder / "ledger.sqlite"

    @property
    def log_file(self) -> Path:
        """Where the log of all its processes is collected."""
        return self.folder / "log"

    def spawn(self) -> "Process":
        """Start a process; `Process.ready` waits until it takes webhooks."""
        return Process(self)

    @contextmanager
    def ledger(self) -> Iterator[SqliteLedger]:
        """The ledger, to be looked at while a process works on it."""
        ledger = SqliteLedger.open(self.ledger_file)
        try:
            yield ledger
        finally:
            ledger.close()

    @contextmanager
    def running(self) -> Iterator["Process"]:
        """A process that takes webhooks until the block ends; then it is told to stop, and must end well."""
        process = self.spawn()
        try:
            process.must_be_ready()
            yield process
            process.stop()
        finally:
            process.kill()

    def command(self) -> list[str]:
        """What starts a process."""
        if self.clock is None:
            return [sys.executable, "-m", "bridge", "serve", "--port", "0"]
        return [sys.executable, "-m", "tests.chaos.serve_by_clock", str(self.clock.path)]


class Process:
    """One life of the bridge's process."""

    def __init__(self, home: Home) -> None:
        self._home = home
        known = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        self._process = subprocess.Popen(
            home.command(),
            cwd=ROOT,
            env={**known, "BRIDGE_LEDGER": f"sqlite:///{home.ledger_file}", **home.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._listening = threading.Event()
        self._ended_early = False
        self._readers = [
            threading.Thread(target=read, name="reader", daemon=True) for read in (self._read_banner, self._read_log)
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def ready(self) -> bool:
        """Wait until it listens; False when it has ended before."""
        self._listening.wait()
        return not self._ended_early

    def must_be_ready(self) -> None:
        """Wait until it listens. Raises AssertionError, with what it said, when it has ended before."""
        if not self.ready():
            self.kill()
            said = self._home.log_file.read_text(errors="replace")[-500:]
            raise AssertionError(f"the bridge does not start; it said: {said}")

    def send_kill(self) -> None:
        """`kill -9`, at once; `kill` waits for the end too."""
        self._process.send_signal(signal.SIGKILL)

    def kill(self) -> None:
        """End it by `kill -9`. Does nothing when it has ended."""
        self._process.kill()
        self._end()

    def stop(self) -> None:
        """Ask it to stop, as a person would. Raises AssertionError when it does not end well."""
        self._process.terminate()
        code = self._process.wait(timeout=STOP_WITHIN_S)
        self._end()
        assert code == 0, f"the bridge ended with {code}"

    def peak_memory_mb(self) -> float:
        """The most memory it has had at once, resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
        return int(kilobytes) / 1_024

    def _end(self) -> None:
        self._process.wait()
        for reader in self._readers:
            reader.join()
        self._home.url = ""
        for pipe in (self._process.stdout, self._process.stderr):
            _pipe(pipe).close()

    def _read_banner(self) -> None:
        line = _pipe(self._process.stdout).readline()
        if line.endswith(b"\n"):
            self._home.url = line.split()[-1].decode()
        else:
            self._ended_early = True
        self._listening.set()

    def _read_log(self) -> None:
        with self._home.log_file.open("ab") as log:
            for line in _pipe(self._process.stderr):
                self._home.on_line(line)
                log.write(line)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe
