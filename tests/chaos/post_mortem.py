"""What a killed process has left behind, read from a copy of its files: where in the way of a webhook it was killed."""

import shutil
import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Environment, Ready

from .lives import Webhook
from .truth import EVERYTHING
from .witness import Text, Witness, text_of

NOT_KEPT = "a webhook on its way, and nothing kept"
KEPT = "a webhook kept, and not answered"
NOT_MAPPED = "a webhook kept, and not mapped"
NOT_LEAVING = "an event entered, and not about to be sent"
LEAVING = "an event about to be sent, and not at FloKit"
TAKEN = "an event at FloKit, and not answered"
NOT_MARKED = "an event answered, and not marked as sent"
NOTHING = "nothing to do"
WINDOWS = (NOT_KEPT, KEPT, NOT_MAPPED, NOT_LEAVING, LEAVING, TAKEN, NOT_MARKED)
"""The ways of being in between. A kill that leaves none of them hit a process with nothing to do."""


@dataclass(frozen=True)
class Remains:
    """What is in the ledger after a kill."""

    kept: Collection[str]
    """The sources' own ids."""
    unmapped: int
    ready: list[Ready]

    @property
    def in_doubt(self) -> dict[str, Text]:
        """The events, by key, that the ledger says may have reached FloKit."""
        return {event.key: text_of(event.body) for event in self.ready if event.in_doubt}


def remains_of(ledger_file: Path) -> Remains:
    """Read the files as they are: the next process finds them untouched, with all that SQLite has to recover."""
    with tempfile.TemporaryDirectory(prefix="chaos-remains-") as folder:
        copy = Path(folder) / ledger_file.name
        for suffix in ("", "-wal"):
            if (file := ledger_file.with_name(ledger_file.name + suffix)).exists():
                shutil.copy(file, copy.with_name(file.name))
        with closing(SqliteLedger.open(copy)) as ledger, closing(sqlite3.connect(copy)) as db:
            kept = {ident for (ident,) in db.execute("SELECT id FROM notifications")}
            (unmapped,) = db.execute("SELECT count(*) FROM notifications WHERE outcome IS NULL").fetchone()
            return Remains(kept, unmapped, ledger.ready(Environment.PRODUCTION, EVERYTHING**2, EVERYTHING))


def windows_of(
    remains: Remains,
    unanswered: Collection[Webhook],
    witness: Witness,
    killed_at_s: float,
    doubted_before: Collection[str],
) -> set[str]:
    """Which of `WINDOWS` a kill has hit. `unanswered` were on their way, `doubted_before` were in doubt before it."""
    found = set()
    if any(webhook.ident not in remains.kept for webhook in unanswered):
        found.add(NOT_KEPT)
    if any(webhook.ident in remains.kept for webhook in unanswered):
        found.add(KEPT)
    if remains.unmapped:
        found.add(NOT_MAPPED)
    if any(not event.in_doubt and not event.attempts for event in remains.ready):
        found.add(NOT_LEAVING)
    for key, text in remains.in_doubt.items():
        if key not in doubted_before:
            found.add(_delivery_window(text, witness, killed_at_s))
    return found


def _delivery_window(text: Text, witness: Witness, killed_at_s: float) -> str:
    if text not in witness.arrivals:
        return LEAVING
    answered_at_s = witness.answered_at_s.get(text)
    return NOT_MARKED if answered_at_s is not None and answered_at_s <= killed_at_s else TAKEN
