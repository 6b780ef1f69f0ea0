"""One process at a time maps and delivers for a ledger; the others only keep. The system frees a dead one's lock."""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge.errors import LedgerError


class WorkerLock:
    """The right to map and deliver, held until it is released or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Self | None:
        """Take the lock that this file stands for; None when another holder has it. Raises LedgerError."""
        if sys.platform == "win32":
            raise LedgerError("mapping and delivery need file locks of a Unix system; run the bridge on one, or in WSL")
        import fcntl  # noqa: PLC0415 - not there on Windows

        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LedgerError(f"ledger lock {path}: {error.strerror}; let the bridge's user write it") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def release(self) -> None:
        """Let another process take over."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
