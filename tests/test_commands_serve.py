"""`bridge serve` with `simulate`, `status` and `replay`: real processes on one ledger, a stand-in FloKit behind."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from commands_rig import SECRET, Shell, eventually, flokit
from test_commands import copied_mappings

from bridge.standins.flokit import FlokitStandin
from bridge.stories.stripe import life
from bridge.values.records import Document

OTHER_SECRET = "whsec_of_another_endpoint_0123456"
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


def keys(standin: FlokitStandin) -> list[str]:
    return [event.key for event in standin.stored]


def status(shell: Shell) -> Document:
    ran = shell.run("status", "--json")
    assert ran.code == 0, ran.err
    found: Document = json.loads(ran.out)
    return found


def counted(shell: Shell) -> dict[str, int]:
    """Stripe's notifications by outcome."""
    found: dict[str, int] = status(shell)["sources"]["stripe"]["notifications"]
    return found


def states(shell: Shell) -> dict[tuple[str, str], int]:
    return {(row["environment"], row["state"]): row["count"] for row in status(shell)["events"]}


# serve


def test_the_banner_says_what_is_set_and_what_is_not(shell: Shell) -> None:
    with shell.serving() as bridge:
        said = dict(line.strip().split(maxsplit=1) for line in bridge.banner.splitlines()[1:])
        assert said["stripe"] == f"POST {bridge.url}/webhooks/stripe"
        assert said["apple"] == "not taken; set APPLE_APPS"
        assert said["ledger"] == "sqlite:///bridge.sqlite"
        assert said["flokit"] == "records and sends nothing; set FLOKIT_API_KEY to send"
        assert SECRET not in bridge.banner
        assert httpx.get(f"{bridge.url}/health").json() == {"status": "ok"}
        assert httpx.get(f"{bridge.url}/ready").json() == {"status": "ready"}
        assert httpx.post(f"{bridge.url}/webhooks/apple").json()["error"] == "not_configured"


def test_a_port_that_is_taken_is_an_error_of_settings(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = shell.run("serve", "--port", str(taken.getsockname()[1]))
    assert (ran.code, "cannot listen on 127.0.0.1" in ran.err) == (2, True)


def test_a_ledger_that_cannot_be_used(shell: Shell) -> None:
    ran = shell.with_settings(BRIDGE_LEDGER="sqlite:///nowhere/bridge.sqlite").run("serve", "--port", "0")
    assert (ran.code, ran.err.endswith("nowhere does not exist; create it\n")) == (1, True)


# simulate


def test_a_life_is_taken_and_adds_up(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    with shell.serving() as bridge:
        ran = shell.run("simulate", "stripe", "life", "--to", bridge.url)
        assert (ran.code, ran.err) == (0, "")
        story = life(0)
        answers = [line.split()[1] for line in ran.lines]
        assert answers.count('{"status":"accepted"}') == len(story.deliveries)
        assert answers.count('{"status":"duplicate"}') == sum(told.repeats - 1 for told in story.deliveries)
        eventually(lambda: standin.totals() == story.totals)
        eventually(lambda: states(shell) == {("production", "sent"): len(standin.stored)})
    assert len(set(keys(standin))) == len(standin.stored)


def test_another_secret_is_refused(shell: Shell) -> None:
    with shell.serving() as bridge:
        stranger = shell.with_settings(STRIPE_WEBHOOK_SECRETS=OTHER_SECRET)
        ran = stranger.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        assert (ran.code, ran.out.startswith('400 {"error":"not_proven"')) == (1, True)
        assert ran.err == "1 not taken: has the running bridge the same settings as this shell?\n"
        assert status(shell)["sources"] == {}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["renewal-bsail", "--to", "http://127.0.0.1:9"], 2, "did you mean `renewal-basil`?"),
        (["renewal-basil", "--to", "127.0.0.1:9"], 2, "expected a URL such as http://127.0.0.1:8787"),
        (["renewal-basil"], 2, "Name a CASE and --to URL"),
        (["renewal-basil", "--to", "http://127.0.0.1:9"], 1, "does the bridge run there?"),
    ],
)
def test_words_that_lead_nowhere(shell: Shell, words: list[str], code: int, says: str) -> None:
    ran = shell.run("simulate", "stripe", *words)
    assert (ran.code, says in ran.err, "Traceback" in ran.err) == (code, True, False)


def test_made_up_sales_are_kept_from_flokit(shell: Shell) -> None:
    ran = shell.with_settings(FLOKIT_API_KEY="the_real_key").run(
        "simulate", "stripe", "life", "--to", "http://127.0.0.1:9"
    )
    assert (ran.code, "made-up revenue goes to FloKit for good" in ran.err) == (2, True)
    assert "the_real_key" not in ran.err


def test_the_cases_are_listed(shell: Shell) -> None:
    ran = shell.run("simulate", "stripe", "--list")
    assert (ran.code, ran.lines[0], "renewal-basil" in ran.lines) == (0, "life", True)


# status


def test_what_is_kept_waits_for_a_key(shell: Shell) -> None:
    with shell.serving() as bridge:
        shell.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: counted(shell) == {"mapped": 1})
        ran = shell.run("status")
    assert [line.split()[0] for line in ran.lines] == ["stripe", "events", "money"]
    assert "production: 1 ready, the oldest for 0 min" in ran.lines[1]
    assert "production USD: in 49.90, out 0, kept 49.90" in ran.lines[2]
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
