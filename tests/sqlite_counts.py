"""What the SQLite ledger counts as it changes, beside what a look at every row finds."""

import sqlite3
from contextlib import closing
from pathlib import Path

_KEPT_COUNTS = {
    "SELECT source, outcome, count FROM settled WHERE count ORDER BY 1, 2": """
        SELECT source, outcome, count(*) FROM notifications WHERE outcome IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
    """,
    "SELECT environment, currency, revenue, count FROM amounts WHERE count ORDER BY 1, 2, 3": """
        SELECT environment, coalesce(currency, ''), coalesce(revenue, ''), count(*) FROM events GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3
    """,
}


def assert_counts_are_true(path: Path) -> None:
    """Compare the counts with the rows."""
    with closing(sqlite3.connect(path)) as db:
        for counted, scanned in _KEPT_COUNTS.items():
            assert db.execute(counted).fetchall() == db.execute(scanned).fetchall()
