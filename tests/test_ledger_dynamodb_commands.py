"""Commands for people on a DynamoDB ledger: `bridge status`, `replay`, `explain`, and what they cannot do there."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from commands_rig import SECRET, Shell, counted, states, status
from dynamodb_rig import Dynamo, dynamo, table
from test_commands_ledger import SALE, mistaken_mappings

from bridge.interpreters import pipelines
from bridge.ledger.base import Failure, SentMark
from bridge.ledger.dynamodb import DynamoLedger
from bridge.log import LineLog
from bridge.settings import Settings
from bridge.shipped import folder
from bridge.sources.stripe.receive import notification_of
from bridge.values import jsontext
from bridge.values.records import Environment, Notification
from bridge.values.times import system_clock

__all__ = ["dynamo", "table"]


@pytest.fixture
def ledger(dynamo: Dynamo, table: str) -> Iterator[DynamoLedger]:
    with dynamo.opened(table) as ledger:
        yield ledger


@pytest.fixture
def shell(tmp_path: Path, dynamo: Dynamo, table: str) -> Shell:
    """A person's own machine, whose settings name the ledger."""
    settings = {**dynamo.environment, "STRIPE_WEBHOOK_SECRETS": SECRET}
    region = settings.pop("AWS_REGION")
    return Shell(tmp_path, {**settings, "BRIDGE_LEDGER": f"dynamodb://{table}?region={region}"})


def case(name: str) -> Notification:
    """The notification of a fixture."""
    return notification_of((folder("fixtures") / "stripe" / name / "input.json").read_bytes(), system_clock())


def keep_and_map(ledger: DynamoLedger, mappings: Path | None, *names: str) -> None:
    """What the functions do with webhooks."""
    ledger.keep([case(name) for name in names])
    work(ledger, mappings)


def work(ledger: DynamoLedger, mappings: Path | None = None) -> None:
    for pipeline in pipelines(Settings(mappings=mappings))(ledger, system_clock, LineLog(list)):
        while pipeline.step():
            pass


def test_status_tells_what_is_there(shell: Shell, ledger: DynamoLedger) -> None:
    assert shell.run("status").out == "nothing was received yet\n"
    keep_and_map(ledger, None, "renewal-basil", "malformed-amount-missing", "type-of-the-future")
    (sale,) = ledger.ready(Environment.PRODUCTION, system_clock(), 10)
    ledger.mark([SentMark(sale.seq)], [], [], system_clock())
    assert counted(shell) == {"failed": 1, "mapped": 1, "unmapped": 1}
    assert states(shell) == {("production", "sent"): 1}
    assert {row["outcome"] for row in status(shell)["not_mapped"]} == {"failed", "unmapped"}
    assert any("production USD: in 49.9" in line for line in shell.run("status").lines)


def test_a_replay_opens_what_the_functions_then_map(shell: Shell, ledger: DynamoLedger) -> None:
    keep_and_map(ledger, mistaken_mappings(shell.folder), "renewal-basil", "plan-changed-month-to-year")
    assert counted(shell) == {"failed": 1, "mapped": 1}
    preview = shell.run("replay", "--outcome", "failed")
    assert f"    + renewal_completed 49.90 USD ({SALE})" in preview.lines
    assert counted(shell) == {"failed": 1, "mapped": 1}
    done = shell.run("replay", "--outcome", "failed", "--yes")
    assert done.lines[-1] == "1 notifications opened; the running bridge maps them now."
    assert counted(shell) == {"mapped": 1, "pending": 1}
    work(ledger)
    assert counted(shell) == {"mapped": 2}
    assert "; 0 would change, 0 new events would be sent" in shell.run("replay").lines[0]


def test_an_id_is_explained_from_the_webhook_to_flokits_answer(shell: Shell, ledger: DynamoLedger) -> None:
    keep_and_map(ledger, None, "renewal-basil")
    (sale,) = ledger.ready(Environment.PRODUCTION, system_clock(), 10)
    ledger.about_to_send([sale.seq], 1)
    ledger.mark([], [], [Failure(sale.seq, 0, "timed out", 1, in_doubt=True)], 1)
    ledger.about_to_send([sale.seq], 2)
    ledger.mark([SentMark(sale.seq, "flokit_1")], [], [], 2)
    [found] = jsontext.loads(shell.run("explain", SALE, "--json").out)
    assert [found] == jsontext.loads(shell.run("explain", found["notification"]["id"], "--json").out)
    assert (found["body"]["type"], found["findings"][0]["rule"]) == ("invoice.paid", "renewal")
    assert (found["events"][0]["revenue"], found["events"][0]["flokit_event_id"]) == (Decimal("49.90"), "flokit_1")
    lines = shell.run("explain", SALE).lines
    assert "    state   sent 1970-01-01T00:00:00.002Z after 2 tries, FloKit's id flokit_1" in lines
    assert any("its key keeps it from counting twice" in line for line in lines)
    nowhere = shell.run("explain", "in_0")
    assert (nowhere.code, "Nothing in the ledger has the id 'in_0'" in nowhere.err) == (1, True)


def test_what_is_wrong_is_said(shell: Shell) -> None:
    ran = shell.with_settings(BRIDGE_LEDGER="dynamodb://no-such-table?region=us-east-1").run("status")
    assert (ran.code, "there is no such table in this region" in ran.err) == (1, True)
    ran = shell.with_settings(BRIDGE_LEDGER="dynamodb://no such table").run("status")
    assert (ran.code, "dynamodb://table?region=" in ran.err) == (2, True)
    ran = shell.with_settings(AWS_SECRET_ACCESS_KEY="", AWS_EC2_METADATA_DISABLED="true").run("status")
    assert (ran.code, "AWS credentials" in ran.err) == (1, True)
    ran = shell.run("serve")
    assert (ran.code, "`bridge serve` keeps its ledger in a file" in ran.err) == (2, True)
