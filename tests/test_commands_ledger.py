"""`bridge status` and `bridge replay`: what a running bridge has kept, as a second process sees it."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from commands_rig import SECRET, Shell, counted, eventually, flokit, keys, states, status
from test_commands import copied_mappings

from bridge.ledger.sqlite import SqliteLedger
from bridge.standins.flokit import FlokitStandin
from bridge.values.times import LATEST_MS

SALE = "in_1P0001"  # of the fixture `renewal-basil`


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Stripe is set, FloKit is not."""
    return Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})


@pytest.fixture
def sending(shell: Shell) -> Iterator[tuple[FlokitStandin, Shell]]:
    """The same with FloKit."""
    with flokit(shell) as pair:
        yield pair


# status


def test_what_is_kept_waits_for_a_key(shell: Shell) -> None:
    with shell.serving() as bridge:
        shell.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: counted(shell) == {"mapped": 1})
        ran = shell.run("status")
    assert [line.split()[0] for line in ran.lines] == ["stripe", "events", "backlog", "backlog", "money"]
    assert "production: 1 ready, the oldest for 0 min" in ran.lines[1]
    assert "production: 1 to send (1 due, 0 later); 1 less than 1 min ago" in ran.lines[2]
    assert "waits for FLOKIT_API_KEY, which is not set here; then drained in about 1 s (1 requests)" in ran.lines[3]
    assert "production USD: in 49.90, out 0, kept 49.90" in ran.lines[4]
    with flokit(shell) as (standin, sending), sending.serving():
        eventually(lambda: keys(standin) == [SALE])


def test_test_money_waits_for_a_key_of_its_own(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, both = sending
    production = Shell(both.folder, {k: v for k, v in both.settings.items() if k != "FLOKIT_SANDBOX_API_KEY"})
    with production.serving() as bridge:
        production.run("simulate", "stripe", "connect-account-in-test-mode", "--to", bridge.url)
        production.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: states(production) == {("sandbox", "ready"): 1, ("production", "sent"): 1})
    with both.serving():
        eventually(lambda: [event.workspace for event in standin.stored] == ["production", "sandbox"])
    assert standin.stored[1].document["properties"]["environment"] == "sandbox"


def test_trouble_is_shown_with_its_reason(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    standin.refuse = lambda _: "no such plan"
    with shell.serving() as bridge:
        for case in ("renewal-basil", "malformed-amount-missing", "type-of-the-future"):
            assert shell.run("simulate", "stripe", case, "--to", bridge.url).code == 0
        eventually(lambda: states(shell) == {("production", "dead"): 1})
    found = status(shell)
    assert [row["outcome"] for row in found["not_mapped"]] == ["unmapped", "failed"]
    assert found["dead"][0] | {"key": SALE, "event": "renewal_completed", "status": 400} == found["dead"][0]
    lines = shell.run("status").lines
    assert any(line.startswith("failed ") and "amount_paid" in line for line in lines)
    assert any(line.startswith("unmapped ") and "no rule for the type" in line for line in lines)
    assert f"dead     {SALE} (renewal_completed): FloKit answered 400: validation_error: no such plan" in lines


def test_nothing_yet(shell: Shell) -> None:
    with shell.serving():
        assert shell.run("status").out == "nothing was received yet\n"


# replay


def mistaken_mappings(folder: Path) -> Path:
    """Mappings with a mistake: sales without a metadata key that nobody sets cannot be mapped."""
    mappings = copied_mappings(folder)
    stripe = mappings / "stripe.toml"
    old = '\ntransaction_id = "transaction_id"\n'
    assert stripe.read_text().count(old) == 1
    stripe.write_text(stripe.read_text().replace(old, '\ntransaction_id = "metadata.order_number"\n'))
    return mappings


def test_a_mended_mapping_brings_what_was_missing_once(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    mistaken = shell.with_settings(BRIDGE_MAPPINGS=str(mistaken_mappings(shell.folder)))
    with mistaken.serving() as bridge:
        for case in ("renewal-basil", "plan-changed-month-to-year"):
            mistaken.run("simulate", "stripe", case, "--to", bridge.url)
        eventually(lambda: counted(mistaken) == {"failed": 1, "mapped": 1} and len(standin.stored) == 1)
    before = keys(standin)

    with shell.serving():
        preview = shell.run("replay", "--outcome", "failed")
        assert (preview.code, preview.lines[0]) == (
            0, "1 notifications to map again; 1 would change, 1 new events would be sent",
        )  # fmt: skip
        assert f"    + renewal_completed 49.90 USD ({SALE})" in preview.lines
        assert preview.lines[-1] == "Nothing was changed; add --yes to do it."
        assert (counted(shell), keys(standin)) == ({"failed": 1, "mapped": 1}, before)

        done = shell.run("replay", "--yes")
        assert done.lines[-1] == "2 notifications opened; the running bridge maps them now."
        eventually(lambda: counted(shell) == {"mapped": 2} and keys(standin) == [*before, SALE])
        again = shell.run("replay", "--yes")
        assert again.lines[0] == "2 notifications to map again; 0 would change, 0 new events would be sent"
        eventually(lambda: counted(shell) == {"mapped": 2})
    assert keys(standin) == [*before, SALE]


def test_a_replay_without_a_running_bridge(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    mistaken = shell.with_settings(BRIDGE_MAPPINGS=str(mistaken_mappings(shell.folder)))
    with mistaken.serving() as bridge:
        mistaken.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: counted(mistaken) == {"failed": 1})
    done = shell.run("replay", "--yes", "--source", "stripe", "--type", "invoice.paid", "--since", "2026-01-01")
    assert done.lines[-1] == "1 notifications mapped again; new events are sent when the bridge runs."
    assert (counted(shell), keys(standin)) == ({"mapped": 1}, [])
    with shell.serving():
        eventually(lambda: keys(standin) == [SALE])


def test_a_replay_says_what_has_no_body_any_more(shell: Shell) -> None:
    mistaken = shell.with_settings(BRIDGE_MAPPINGS=str(mistaken_mappings(shell.folder)))
    with mistaken.serving() as bridge:
        mistaken.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: counted(mistaken) == {"failed": 1})
    with closing(SqliteLedger.open(shell.folder / "bridge.sqlite")) as ledger:
        assert ledger.forget_bodies(LATEST_MS, 10) == 1
    done = shell.run("replay", "--yes", "--outcome", "failed")
    stay = "  1 of them stay as they are: older than BRIDGE_KEEP_BODIES_DAYS, they have no body any more"
    assert stay in done.lines
    assert done.lines[-1].startswith("0 notifications ")
    assert counted(shell) == {"failed": 1}


def test_what_flokit_refused_is_tried_anew(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    standin.refuse = lambda _: "no such plan"
    with shell.serving() as bridge:
        shell.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: states(shell) == {("production", "dead"): 1})
        standin.refuse = lambda _: ""
        assert "1 new events would be sent" in shell.run("replay", "--yes").out
        eventually(lambda: states(shell) == {("production", "sent"): 1})
    assert keys(standin) == [SALE]


def test_several_facts_of_one_notification_are_no_change(shell: Shell) -> None:
    with shell.serving() as bridge:
        shell.run("simulate", "stripe", "life", "--to", bridge.url)
    assert "; 0 would change, 0 new events would be sent" in shell.run("replay").lines[0]


@pytest.mark.parametrize(("option", "value"), [("--since", "yesterday"), ("--source", "strip"), ("--outcome", "good")])
def test_filters_that_are_wrong(shell: Shell, option: str, value: str) -> None:
    ran = shell.run("replay", option, value)
    assert (ran.code, f"Invalid value for '{option}'" in ran.err) == (2, True)
