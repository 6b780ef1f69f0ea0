"""The ledger as commands for people open it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bridge.errors import LedgerError
from bridge.ledger.people import PeoplesLedger
from bridge.ledgers import DYNAMODB, open_ledger
from bridge.settings import Settings


@contextmanager
def existing_ledger(settings: Settings) -> Iterator[PeoplesLedger]:
    """The ledger that is there. Raises LedgerError when there is none: an empty new one would tell a lie."""
    if not settings.ledger_url.startswith(DYNAMODB):
        _check_file(Path(settings.ledger_url.removeprefix("sqlite:///")).absolute())
    with closing(open_ledger(settings.ledger_url)) as ledger:
        yield ledger


def _check_file(path: Path) -> None:
    if not path.exists():
        raise LedgerError(
            f"There is no ledger at {path}: `bridge serve` makes it. BRIDGE_LEDGER names another place; without it "
            "the ledger stands in the folder where the bridge was started."
        )
