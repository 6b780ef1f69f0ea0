"""Group commit: webhooks that arrive together share one durable write, and nobody is answered before it is on disk.

One write is in flight at a time, in a thread of its own, so that a slow disk never holds up the event loop. What
arrives meanwhile makes up the next one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bridge.errors import CannotTell
from bridge.ledger.base import Ledger
from bridge.log import Log
from bridge.taking import log_not_kept
from bridge.values.records import Notification

GATHER_SECONDS = 0.002  # a sender does not notice; under load it halves the cost of keeping (measured)


class _Batch:
    """Notifications that are kept in one write. All who wait for it wait for the same future."""

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.kept: asyncio.Future[list[bool]] = asyncio.get_running_loop().create_future()


class Keeper:
    """Keeps notifications in a ledger. To be used on one event loop; the ledger is called from one other thread."""

    def __init__(self, ledger: Ledger, log: Log, on_kept: Callable[[], None] = lambda: None) -> None:
        """`on_kept` is called on the event loop after each write that kept something."""
        self._ledger = ledger
        self._log = log
        self._on_kept = on_kept
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="keeper")
        self._open: _Batch | None = None
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, notification: Notification) -> bool:
        """Keep it: True when it is new, False when it was there already. It is on disk when this returns.

        Raises CannotTell when the ledger could not write.
        """
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
        place = len(batch.notifications)
        batch.notifications.append(notification)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return (await batch.kept)[place]

    async def check(self) -> None:
        """Raise LedgerError unless the ledger can be written."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._ledger.writable)

    async def close(self) -> None:
        """Finish what was taken in."""
        if self._writing is not None:
            await self._writing
        self._thread.shutdown()

    async def _write_all(self) -> None:
        while self._open is not None:
            await asyncio.sleep(GATHER_SECONDS)
            batch, self._open = self._open, None
            await self._write(batch)
        self._writing = None

    async def _write(self, batch: _Batch) -> None:
        loop = asyncio.get_running_loop()
        try:
            kept = await loop.run_in_executor(self._thread, self._ledger.keep, batch.notifications)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, nothing is acknowledged and the senders come again
            log_not_kept(error, self._log)
            refusal = CannotTell("The ledger cannot be written just now. Please send this again.")
            if not batch.kept.done():  # a forced stop cancels those who wait
                batch.kept.set_exception(refusal)
        else:
            if not batch.kept.done():
                batch.kept.set_result(kept)
            self._on_kept()
