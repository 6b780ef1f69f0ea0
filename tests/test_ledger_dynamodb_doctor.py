"""`bridge doctor` on a DynamoDB ledger: one that is there, and one that is not."""

import json
from pathlib import Path

from commands_rig import SECRET, Shell
from dynamodb_rig import Dynamo, dynamo, table

__all__ = ["dynamo", "table"]


def test_a_table_is_written_and_a_missing_one_is_said(tmp_path: Path, dynamo: Dynamo, table: str) -> None:
    shell = Shell(tmp_path, {**dynamo.environment, "STRIPE_WEBHOOK_SECRETS": SECRET})
    found = [
        json.loads(shell.with_settings(BRIDGE_LEDGER=f"dynamodb://{name}").run("doctor", "--json").out)["checks"][0]
        for name in (table, "no-such-table")
    ]
    assert [(check["name"], check["state"]) for check in found] == [("ledger", "ok"), ("ledger", "wrong")]
    assert "no-such-table" in found[1]["says"]
