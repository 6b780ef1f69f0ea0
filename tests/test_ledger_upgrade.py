"""A ledger of version 1 becomes one of today, whole, wherever it is interrupted."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from ledger_contract import LIVE, NOW_MS, notification

from bridge.ledger.base import Remembered, SentMark, Settlement
from bridge.ledger.schema_growth import ROWS_AT_ONCE
from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Environment, Finding, Outcome

OLD = Path(__file__).with_name("ledger_version_1.sql")
MANY = 3 * ROWS_AT_ONCE
OPEN = """
import sys
from pathlib import Path
from bridge.ledger.sqlite import SqliteLedger
SqliteLedger.open(Path(sys.argv[1]), say=lambda text: print(text, flush=True))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD.read_text())
    return path


def test_an_old_ledger_has_all_that_it_had(path: Path) -> None:
    with closing(SqliteLedger.open(path)) as ledger:
        status = ledger.status(NOW_MS)
        assert {one.source: (one.last_received_ms - NOW_MS, dict(one.by_outcome)) for one in status.sources} == {
            "apple": (61, {"mapped": 1, "ignored": 1}),
            "google": (71, {"mapped": 1, None: 1}),
            "stripe": (53, {"mapped": 2, "unmapped": 1, None: 1}),
        }
        assert status.events == {
            ("production", "ready"): 2,
            ("production", "dead"): 1,
            ("production", "sent"): 2,
            ("sandbox", "ready"): 1,
        }
        assert status.totals["production", "USD"]["sold"] == Decimal("49.90")
        assert status.totals["production", "EUR"]["kept"] == Decimal("7.00")
        paid = {"user": "user_1", "price": Decimal("49.90"), "paid": True}
        assert ledger.recall("stripe:sub_1") == Remembered(paid, 2)
        assert [(one.key, one.in_doubt) for one in ledger.ready(LIVE, 2 * NOW_MS, 10)] == [
            ("GPA.1", True),
            ("GPA.2", False),
        ]
        (waiting,) = ledger.pending("google", 2 * NOW_MS, 10)
        assert (waiting.notification.body, waiting.answers) == (b'{"id": "17000000000000002"}', {"purchase": 1})
        kept = ledger.kept(1)
        assert kept is not None
        assert kept.pending.notification.body == b'{"id": "evt_1NqXa"}'
        assert [event.key for event in kept.events] == ["in_1", "in_1:cancelled"]


def test_an_old_ledger_knows_its_keys_and_goes_on(path: Path) -> None:
    with closing(SqliteLedger.open(path)) as ledger:
        ids = ["evt_1NqXa", "evt_1NqXd", "evt_new"]
        assert ledger.keep([notification(id_) for id_ in ids]) == [False, False, True]
        apple = notification("e1f5a1c2-9a77-4f6b-8f19-6b5d2f3c4e02", source="apple")
        assert ledger.keep([apple]) == [False]
        pending = ledger.pending("stripe", 2 * NOW_MS, 10)
        again = [event for seq in (1, 2) if (kept := ledger.kept(seq)) for event in kept.events]
        assert [event.key for event in again] == ["in_1", "in_1:cancelled", "in_1:refund:re_1"]
        ledger.settle([Settlement(one.seq, [Finding(Outcome.IGNORED)]) for one in pending], {}, NOW_MS)
        ledger.mark([SentMark(one.seq) for one in ledger.ready(LIVE, 2 * NOW_MS, 10)], [], [], NOW_MS)
        status = ledger.status(NOW_MS)
        assert status.events["production", "sent"] == 4
        assert {one.source: one.by_outcome.get("ignored") for one in status.sources}["stripe"] == 2
        assert ledger.ready(Environment.SANDBOX, NOW_MS, 10)[0].key == "2000000000000001"


def test_an_upgrade_that_is_killed_goes_on_where_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(_many_more())
    said: list[str] = []
    for _ in range(3):
        with subprocess.Popen([sys.executable, "-c", OPEN, str(path)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            said = [process.stdout.readline() for _ in range(2)]  # when the second is said the first is on disk
            assert said[1].startswith("bringing the ledger up to date: ")
            process.kill()
    said.clear()
    with closing(SqliteLedger.open(path, say=said.append)) as ledger:
        assert ledger.status(NOW_MS).events["production", "sent"] == 2 + MANY
        assert ledger.keep([notification("evt_more_1"), notification(f"evt_more_{MANY}")]) == [False, False]
        assert len(ledger.find()) == 8 + MANY
    assert "bringing the ledger up to date: 20000 of notifications" not in said


def _many_more() -> str:
    """So many more settled notifications, each with an event that is sent."""
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})"
    return f"""
        INSERT INTO notifications
            (source, id, type, environment, occurred_at_ms, received_at_ms, hint, outcome)
        {numbers} SELECT 'stripe', 'evt_more_' || i, 'invoice.paid', 'production', 1, 1, '', 'mapped' FROM n;
        INSERT INTO bodies SELECT seq, x'7b7d' FROM notifications WHERE id LIKE 'evt_more_%';
        INSERT INTO events (environment, key, name, notification, occurred_at_ms, entered_at_ms, state, body)
        SELECT 'production', id, 'renewal_completed', seq, 1, 1, 'sent', x'7b7d' FROM notifications
        WHERE id LIKE 'evt_more_%';
    """
