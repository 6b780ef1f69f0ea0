"""Server processes and the CPU time they take."""

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of all its threads so far, to the nanosecond."""
        clock = ctypes.c_int()
        if ctypes.CDLL(None).clock_getcpuclockid(self.pid, ctypes.byref(clock)):
            raise OSError("this system does not tell the CPU time of another process")
        return time.clock_gettime(clock.value)


@contextmanager
def running(*arguments: str, log: int | IO[bytes] = subprocess.DEVNULL) -> Iterator[Server]:
    """Run `python -m bench.servers` with these arguments until the block ends."""
    command = [sys.executable, "-m", "bench.servers", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=dict(os.environ)) as process:
        assert process.stdout
        try:
            yield Server(process.pid, int(process.stdout.readline()))
        finally:
            process.terminate()
