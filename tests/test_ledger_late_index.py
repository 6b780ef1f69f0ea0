"""The late index, with so little delay that parts are completed all the time, on two connections."""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from ledger_contract import notification

from bridge.ledger.late_index import LAG_ROWS, PARTS, Connection, LateIndex, hash_of
from bridge.ledger.sqlite import SqliteLedger

CONNECTIONS = st.integers(0, 1)
KEYS = st.lists(st.integers(0, 400), max_size=12)
TABLES = """
    CREATE TABLE things (seq INTEGER PRIMARY KEY, hash INTEGER, key TEXT);
    CREATE TABLE things_by_hash (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID;
    CREATE TABLE parts (indexed TEXT, up_to INTEGER, part INTEGER, PRIMARY KEY (indexed, up_to, part)) WITHOUT ROWID;
    CREATE TABLE filters (indexed TEXT, part INTEGER, bits BLOB NOT NULL, PRIMARY KEY (indexed, part));
    INSERT INTO parts VALUES ('things', 0, 0), ('things', 0, 1), ('things', 0, 2);
"""


def crowded(key: str) -> int:
    """A hash in one of the first three parts, so that each part is completed again and again."""
    return -(2**31) + hash_of(key) % (3 * 2**32 // PARTS)


class LateIndexMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.index = LateIndex("things", ("key",), lag_rows=3)
        with sqlite3.connect(self.folder / "db") as db:
            db.executescript("PRAGMA journal_mode = WAL;" + TABLES)
        db.close()
        self.opened = [self.connect(), self.connect()]
        self.keys: dict[str, int] = {}  # key -> seq

    def connect(self) -> Connection:
        db = Connection(self.folder / "db", isolation_level=None)
        db.row_factory = sqlite3.Row
        self.index.open(db)
        return db

    def teardown(self) -> None:
        for db in self.opened:
            db.close()
        shutil.rmtree(self.folder)

    @rule(which=CONNECTIONS, numbers=KEYS, fails=st.booleans())
    def insert(self, which: int, numbers: list[int], *, fails: bool) -> None:
        db = self.opened[which]
        db.execute("BEGIN IMMEDIATE")
        known = self.index.current(db)
        inserted: dict[str, int] = {}
        for key in map(str, numbers):
            seq = known.find(crowded(key), key)
            assert seq == (self.keys | inserted).get(key)
            if seq is None:
                new = db.execute("INSERT INTO things (hash, key) VALUES (?, ?)", (crowded(key), key)).lastrowid
                assert new
                known.add(crowded(key), new)
                inserted[key] = new
        known.write_late()
        db.execute("ROLLBACK" if fails else "COMMIT")
        if not fails:
            self.keys |= inserted

    @rule(which=CONNECTIONS)
    def start_anew(self, which: int) -> None:
        self.opened[which].close()
        self.opened[which] = self.connect()

    @rule(which=CONNECTIONS, numbers=KEYS)
    def look(self, which: int, numbers: list[int]) -> None:
        db = self.opened[which]
        db.execute("BEGIN")
        known = self.index.current(db)
        for key in map(str, numbers):
            assert known.find(crowded(key), key) == self.keys.get(key)
        db.execute("COMMIT")


TestLateIndex = LateIndexMachine.TestCase
TestLateIndex.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_equal_hashes_are_told_apart_by_their_keys(tmp_path: Path) -> None:
    index = LateIndex("things", ("key",))
    db = Connection(tmp_path / "db", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript(TABLES)
    index.open(db)
    db.execute("INSERT INTO things (hash, key) VALUES (7, 'a'), (7, 'b')")
    known = index.current(db)
    assert [known.find(7, key) for key in ("a", "b", "c")] == [1, 2, None]
    db.close()


def test_a_ledger_that_outgrew_what_it_knows_in_memory_knows_every_key(tmp_path: Path) -> None:
    """With the real delay, on two connections, of which one only looks on."""
    numbers = range(0, LAG_ROWS + 6_000, 2_000)
    with closing(SqliteLedger.open(tmp_path / "db")) as ledger, closing(SqliteLedger.open(tmp_path / "db")) as other:
        for first in numbers:
            group = [notification(f"evt_{number}") for number in range(first, first + 2_000)]
            assert all(ledger.keep(group))
            assert other.keep(group[::500]) == [False] * 4
    with closing(sqlite3.connect(tmp_path / "db")) as db:
        (moved,) = db.execute("SELECT count(*) FROM notifications_by_hash").fetchone()
        (filters,) = db.execute("SELECT count(*) FROM filters").fetchone()
    assert moved > 1_000
    assert filters > 4
    with closing(SqliteLedger.open(tmp_path / "db")) as again:
        repeats = [notification(f"evt_{number}") for number in range(0, LAG_ROWS, 7)]
        assert not any(again.keep(repeats))
