"""Finding a row by a long random key, at a cost that does not grow with history.

The stores' ids come in random order. An ordinary index over them costs a page of its own, read and written, for each
new row, as soon as it is larger than a few pages; with five million rows that made keeping half as dear again
(measured). So the index on disk is late: new rows are first known in a temporary table in memory, and move to the
index many neighbours at a time. The temporary table holds nothing that the rows themselves do not say: each connection
reads it from them, after a start as after a write of another process, so a crash has nothing to lose there.

The index is divided into parts by hash. Of each part it is written up to which seq it is complete; these numbers and
the index change in one transaction. The oldest part is completed whenever it is too late, so the parts take turns.

Nearly every key that is asked for is new, and to find a page of a large index that has it not costs more than all else
(measured). So each part has a filter on disk beside it, a bit for some neighbouring hashes, which is read into memory
and tells of most new keys that the index has them not. A row leaves the temporary table only together with the filter
that did not know it.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

LAG_ROWS = 65_536  # how late the index may be; more would cost a little less, and make a start take longer
PARTS = 256
PARTS_AT_ONCE = 4  # in one transaction, so that none takes long

_FIRST_HASH = -(2**31)
_PART_HASHES = 2**32 // PARTS
_HASHES_A_BIT = 64  # 32 KiB a filter; with five million rows one new key in fourteen is looked for in vain
_FILTER_BYTES = _PART_HASHES // _HASHES_A_BIT // 8


def hash_of(*key: str) -> int:
    """32 bits, which SQLite stores in 4 bytes. Rows of one hash are told apart by their whole keys."""
    text = "\n".join(key).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=4).digest(), "big", signed=True)


_SET_UP = (
    "CREATE TEMP TABLE recent_{table} (hash INTEGER, seq INTEGER, PRIMARY KEY (hash, seq)) WITHOUT ROWID",
    """
    CREATE TEMP TABLE seen_{table} AS
    SELECT min(up_to) AS last_row, max(up_to) AS last_part FROM parts WHERE indexed = '{table}'
    """,
)
_STATEMENTS = {
    "progress": """
        SELECT last_row, last_part, (SELECT max(seq) FROM {table}),
            (SELECT max(up_to) FROM parts WHERE indexed = '{table}')
        FROM temp.seen_{table}
    """,
    "read": "INSERT OR IGNORE INTO temp.recent_{table} SELECT hash, seq FROM {table} WHERE seq > ?",
    "indexed": "SELECT part, up_to FROM parts WHERE indexed = '{table}' AND up_to > ?",
    "forget": "DELETE FROM temp.recent_{table} WHERE hash BETWEEN ? AND ? AND seq <= ?",
    "note": "UPDATE temp.seen_{table} SET last_row = ?, last_part = ?",
    "find": """
        SELECT seq FROM (
            SELECT seq FROM temp.recent_{table} WHERE hash = ? UNION ALL SELECT seq FROM {table}_by_hash WHERE hash = ?
        ) JOIN {table} USING (seq) WHERE {same_key} LIMIT 1
    """,
    "is_recent": "SELECT 1 FROM temp.recent_{table} WHERE hash = ?",
    "recent": "SELECT hash FROM temp.recent_{table} WHERE hash BETWEEN ? AND ?",
    "filter": "INSERT OR REPLACE INTO filters VALUES ('{table}', ?, ?)",
    "read_filter": "SELECT bits FROM filters WHERE indexed = '{table}' AND part = ?",
    "add": "INSERT INTO temp.recent_{table} VALUES (?, ?)",
    "late": "SELECT part, up_to FROM parts WHERE indexed = '{table}' ORDER BY up_to, part LIMIT ?",
    "all": "SELECT hash FROM {table}_by_hash WHERE hash BETWEEN ? AND ?",
    "move": """
        INSERT OR IGNORE INTO {table}_by_hash
        SELECT hash, seq FROM temp.recent_{table} WHERE hash BETWEEN ? AND ?
    """,
    "moved": "UPDATE parts SET up_to = ? WHERE indexed = '{table}' AND part = ?",
}


class Connection(sqlite3.Connection):
    """A connection with the filters that it has read: by table, by part."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.filters: dict[str, dict[int, bytes]] = {}


class LateIndex:
    """The index of one table, whose rows have a `seq`, a `hash` and the columns of the key."""

    def __init__(self, table: str, columns: Sequence[str], lag_rows: int = LAG_ROWS) -> None:
        words = {"table": table, "same_key": " AND ".join(f"{column} = ?" for column in columns)}
        self.table = table
        self.lag_rows = lag_rows
        self.sql = {name: statement.format_map(words) for name, statement in _STATEMENTS.items()}
        self._set_up = [statement.format_map(words) for statement in _SET_UP]

    def open(self, db: Connection) -> None:
        """Prepare a new connection."""
        db.filters[self.table] = {}
        for statement in self._set_up:
            db.execute(statement)

    def current(self, db: sqlite3.Connection) -> "Keys":
        """The keys as they are in the transaction that the connection is in, which was made by `Connection`."""
        assert isinstance(db, Connection)  # noqa: S101 - SqliteFile makes no others
        return Keys(self, db)


class Keys:
    """All keys of a table, within one transaction."""

    def __init__(self, index: LateIndex, db: Connection) -> None:
        self._lag_rows = index.lag_rows
        self._filters = db.filters[index.table]
        self._sql = index.sql
        self._db = db
        self._last_row = self._caught_up()

    def find(self, hashed: int, *key: str) -> int | None:
        """The seq of the row with this key, whose hash is given; None when there is none."""
        if not self._may_be_indexed(hashed) and not self._db.execute(self._sql["is_recent"], (hashed,)).fetchone():
            return None
        row = self._db.execute(self._sql["find"], (hashed, hashed, *key)).fetchone()
        return row["seq"] if row else None

    def add(self, hashed: int, seq: int) -> None:
        """A row with a new key was inserted, in this transaction."""
        self._db.execute(self._sql["add"], (hashed, seq))

    def write_late(self) -> None:
        """Complete the oldest parts of the index on disk, if they are too late."""
        for part, up_to in self._db.execute(self._sql["late"], (PARTS_AT_ONCE,)).fetchall():
            if self._last_row - up_to >= self._lag_rows:
                self._move(part)

    def _move(self, part: int) -> None:
        hashes = [hashed for (hashed,) in self._db.execute(self._sql["recent"], _hashes(part))]
        self._db.execute(self._sql["move"], _hashes(part))
        self._db.execute(self._sql["filter"], (part, with_bits(self._filter(part), part, hashes)))
        self._db.execute(self._sql["moved"], (self._last_row, part))

    def _may_be_indexed(self, hashed: int) -> bool:
        part, place = divmod(hashed - _FIRST_HASH, _PART_HASHES)
        bits = self._filters.get(part)
        if bits is None:
            bits = self._filters[part] = self._filter(part)
        byte, bit = divmod(place // _HASHES_A_BIT, 8)
        return bool(bits) and bool(bits[byte] >> bit & 1)

    def _filter(self, part: int) -> bytes:
        """As it is on disk; empty while the part is."""
        row = self._db.execute(self._sql["read_filter"], (part,)).fetchone()
        return row["bits"] if row else b""

    def _caught_up(self) -> int:
        """Read what this connection has not seen: new rows, and which of the others are in the index by now.

        Gives the seq of the last row.
        """
        row, part, last_row, last_part = self._db.execute(self._sql["progress"]).fetchone()
        if (last_row, last_part) != (row, part):
            self._db.execute(self._sql["read"], (row,))
            for indexed, up_to in self._db.execute(self._sql["indexed"], (part,)).fetchall():
                self._db.execute(self._sql["forget"], (*_hashes(indexed), up_to))
                self._filters.pop(indexed, None)
            self._db.execute(self._sql["note"], (last_row or 0, last_part))
        return last_row or 0


def _hashes(part: int) -> tuple[int, int]:
    """The first and the last hash of a part."""
    first = _FIRST_HASH + part * _PART_HASHES
    return first, first + _PART_HASHES - 1


def with_bits(bits: bytes, part: int, hashes: Iterable[int]) -> bytes:
    """A part's filter that also knows these hashes."""
    grown = bytearray(bits or _FILTER_BYTES)
    first, _ = _hashes(part)
    for hashed in hashes:
        byte, bit = divmod((hashed - first) // _HASHES_A_BIT, 8)
        grown[byte] |= 1 << bit
    return bytes(grown)


IDS = LateIndex("notifications", ("source", "id"))
KEYS = LateIndex("events", ("environment", "key"))
SUBJECTS = LateIndex("memory", ("subject",))


def write_filters(db: sqlite3.Connection) -> None:
    """Write the filters of what the indexes hold, after they were made in one piece."""
    for index in (IDS, KEYS, SUBJECTS):
        for part in range(PARTS):
            hashes = [hashed for (hashed,) in db.execute(index.sql["all"], _hashes(part))]
            if hashes:
                db.execute(index.sql["filter"], (part, with_bits(b"", part, hashes)))


def open_indexes(db: Connection) -> None:
    """Prepare a new connection to use them."""
    db.execute("PRAGMA temp_store = MEMORY")
    for index in (IDS, KEYS, SUBJECTS):
        index.open(db)
