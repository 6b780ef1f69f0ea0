"""What a notification became is written in one piece: outcome, events and memory, or nothing of it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ledger_contract import LIVE, NOW_MS, event, mapped, notification

from bridge.ledger.base import MemoryChange, Settlement
from bridge.ledger.sqlite import SqliteLedger

TOO_LARGE_FOR_A_ROW = 2**70


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger.open(tmp_path / "ledger.sqlite")) as ledger:
        yield ledger


def test_what_cannot_be_settled_leaves_no_memory(ledger: SqliteLedger) -> None:
    ledger.keep([notification("evt_1"), notification("evt_2")])
    first, second = ledger.pending("stripe", NOW_MS, 2)
    broken = Settlement(second.seq, [mapped(event("in_2", at_ms=TOO_LARGE_FOR_A_ROW))])
    learned = {"stripe:sub_1": MemoryChange({"paid": True}, 0)}
    with pytest.raises(OverflowError):
        ledger.settle([Settlement(first.seq, [mapped(event("in_1"))]), broken], learned, NOW_MS)
    assert ledger.recall("stripe:sub_1").version == 0
    assert ledger.ready(LIVE, NOW_MS, 10) == []
    assert ledger.pending("stripe", NOW_MS, 2) == [first, second]
