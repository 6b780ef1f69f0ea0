"""The ledger: does it open, can it be written, is there room for it."""

import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from bridge.doctor.checks import Check, State
from bridge.errors import LedgerError
from bridge.ledgers import DYNAMODB, open_ledger

NAME = "ledger"
LEAST_FREE_BYTES = 512 << 20  # some 20,000 webhooks of Apple's size: days to make room in, also while FloKit is away


def checks(url: str) -> Iterable[Check]:
    """Try the ledger that BRIDGE_LEDGER names. One that is not there yet is not made."""
    if url.startswith(DYNAMODB):
        yield _tried(url, "")
        return
    path = Path(url.removeprefix("sqlite:///")).absolute()
    if not path.parent.is_dir():
        yield Check(NAME, State.WRONG, f"there is no folder {path.parent}", "Make it, or change BRIDGE_LEDGER.")
        return
    yield _tried(url, str(path)) if path.exists() else _not_there(path)
    yield _room(path.parent)


def _tried(url: str, path: str) -> Check:
    try:
        with closing(open_ledger(url)) as ledger:
            ledger.writable()
    except LedgerError as error:
        return Check(NAME, State.WRONG, str(error), "Mend that first: without its ledger the bridge can do nothing.")
    return Check(NAME, State.OK, f"{path or url} opens and can be written")


def _not_there(path: Path) -> Check:
    if os.access(path.parent, os.W_OK | os.X_OK):
        return Check(NAME, State.SKIPPED, f"{path} is not there yet; `bridge serve` makes it")
    return Check(
        NAME,
        State.WRONG,
        f"{path} cannot be made",
        f"Let the bridge's user write {path.parent}, or change BRIDGE_LEDGER.",
    )


def _room(folder: Path) -> Check:
    free_bytes = shutil.disk_usage(folder).free
    says = f"{free_bytes >> 20:,} MiB are free on the ledger's disk"
    if free_bytes < LEAST_FREE_BYTES:
        return Check("disk", State.WRONG, says, "Make room: a full disk answers every webhook with 503.")
    return Check("disk", State.OK, says)
