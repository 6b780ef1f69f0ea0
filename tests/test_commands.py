"""`bridge check`, `bridge explain`, and words that are wrong: as processes, by what they print and their exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands_rig import ROOT, SECRET, Shell

from bridge import __version__

RENEWAL = ROOT / "fixtures" / "stripe" / "renewal-basil" / "input.json"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Nothing is set."""
    return Shell(tmp_path, {})


def test_help_names_every_command_with_a_whole_sentence(shell: Shell) -> None:
    for words in (["--help"], ["-h"]):
        ran = shell.run(*words)
        assert ran.code == 0
        assert "..." not in ran.out.partition("Commands:")[2], "a sentence is too long for its line"
        assert {"serve", "demo", "check", "doctor", "explain", "simulate", "replay", "status"} <= set(ran.out.split())


def test_the_version(shell: Shell) -> None:
    assert shell.run("--version").out.strip() == f"bridge, version {__version__}"


def test_a_wrong_word_is_answered_with_the_right_one(shell: Shell) -> None:
    ran = shell.run("chekc")
    assert (ran.code, "Did you mean 'check'?" in ran.err) == (2, True)


# check


def test_nothing_set_is_no_problem_and_said(shell: Shell) -> None:
    ran = shell.run("check")
    assert (ran.code, ran.err, ran.lines[-1]) == (0, "", "no problems")
    assert "stripe: not configured, its URL answers 404; set STRIPE_WEBHOOK_SECRETS" in ran.lines
    assert any(line.startswith("FloKit: FLOKIT_API_KEY is not set") for line in ran.lines)


def test_what_is_set_is_not_called_missing(shell: Shell) -> None:
    ran = shell.with_settings(STRIPE_WEBHOOK_SECRETS=SECRET, FLOKIT_API_KEY="key_of_a_workspace").run("check")
    assert ran.code == 0
    assert "stripe: not configured" not in ran.out
    assert "FloKit" not in ran.out


def test_all_problems_of_settings_and_mappings_at_once(shell: Shell) -> None:
    mappings = copied_mappings(shell.folder)
    taxonomy = mappings / "taxonomy.toml"
    taxonomy.write_text(taxonomy.read_text().replace('money = "out"', 'money = "uot"'))
    stripe = mappings / "stripe.toml"
    stripe.write_text(stripe.read_text().replace('emit = "plan_changed"', 'emit = "plan_chnaged"'))
    ran = shell.with_settings(
        BRIDGE_MAPPINGS=str(mappings),
        STRIPE_WEBHOOK_SECRETS="sk_live_0123456789",
        FLOKIT_API_KYE="x",
        BRIDGE_LEDGER="postgres://ledger",
    ).run("check")

    assert (ran.code, ran.out) == (2, "")
    for words in (
        "FLOKIT_API_KYE: there is no such setting; did you mean FLOKIT_API_KEY?",
        "STRIPE_WEBHOOK_SECRETS: 'sk_live_…' looks like an API key",
        "BRIDGE_LEDGER: expected sqlite:///bridge.sqlite",
        "no way of money: in, out or none",
        "did you mean `plan_changed`?",
    ):
        assert words in ran.err
    assert "0123456789" not in ran.err


def test_the_folder_of_mappings_has_to_be_there(shell: Shell) -> None:
    ran = shell.with_settings(BRIDGE_MAPPINGS="nowhere").run("check")
    assert (ran.code, ran.err) == (2, "BRIDGE_MAPPINGS: there is no folder 'nowhere'\n")


def test_the_words_for_rules(shell: Shell) -> None:
    ran = shell.run("check", "--facts", "stripe")
    assert ran.code == 0
    assert any(line.startswith("money.amount") and "decimal" in line for line in ran.lines)


def copied_mappings(folder: Path) -> Path:
    """The mappings that ship, in a folder to change."""
    copy = folder / "my-mappings"
    copy.mkdir()
    for file in (ROOT / "mappings").glob("*.toml"):
        (copy / file.name).write_text(file.read_text())
    return copy


# explain


def explained(shell: Shell, *words: str, stdin: str = "") -> list[dict[str, Any]]:
    ran = shell.run("explain", "stripe", *words, "--json", stdin=stdin)
    assert ran.code == 0, ran.err
    found: list[dict[str, Any]] = json.loads(ran.out)
    return found


def test_the_explanation_for_people(shell: Shell) -> None:
    ran = shell.run("explain", "stripe", str(RENEWAL))
    assert (ran.code, ran.err, ran.lines[0]) == (0, "", "invoice_paid: mapped")
    assert "  not  first paid period: covers is 'period', wanted 'first_period'" in ran.lines
    assert "  rule renewal" in ran.lines
    assert "  user subscription_metadata.user_id: taken" in ran.lines
    assert "  key  in_1P0001" in ran.lines
    assert '        "revenue": 49.90,' in ran.lines
    assert "    revenue comes from money.amount" in ran.lines
    assert not list(shell.folder.iterdir()), "nothing is kept"


def test_the_explanation_for_programs(shell: Shell) -> None:
    [found] = explained(shell, str(RENEWAL))
    assert (found["outcome"], found["rule"], found["reason"]) == ("mapped", "renewal", "")
    assert found["user_from"] == "subscription_metadata.user_id"
    assert found["properties_from"]["plan_id"] == "plan.price_id"
    assert [event["key"] for event in found["events"]] == ["in_1P0001"]
    assert {"rule": "first paid period", "reason": "covers is 'period', wanted 'first_period'"} in found["passed_over"]


def test_a_body_on_standard_input(shell: Shell) -> None:
    assert explained(shell, "-", stdin=RENEWAL.read_text())[0]["rule"] == "renewal"


def test_what_is_known_before_decides(shell: Shell) -> None:
    begins = json.loads(RENEWAL.read_text())["data"]["object"]["lines"]["data"][0]["period"]["start"]
    previous = shell.folder / "previous.json"
    previous.write_text(json.dumps({"sub_1Pexample": {"seen": begins, "trial_end": begins}}))
    [found] = explained(shell, str(RENEWAL), "--previous", str(previous))
    assert found["rule"] == "trial converted"
    assert found["events"][0]["event"]["properties"]["trial_converted"] is True


def test_a_look_up_is_named_and_not_made(shell: Shell) -> None:
    asking = shell.with_settings(
        STRIPE_WEBHOOK_SECRETS=SECRET, STRIPE_API_KEY="rk_test_0123456789", STRIPE_API_URL="http://127.0.0.1:9"
    )
    ran = asking.run("explain", "stripe", str(RENEWAL))
    assert (ran.code, ran.lines[0]) == (0, "invoice_paid: mapped")
    assert ran.err == "a running bridge asks subscription:sub_1Pexample first; shown as if there was no answer\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "-: kept as failed: the body is no JSON"),
        ("[]", "-: kept as failed: the notification: expected an object, found a list"),
        ("{}", "-: kept as failed: data.object or id is missing"),
        ("", "-: kept as failed: the body is no JSON"),
    ],
)
def test_a_body_that_cannot_be_read(shell: Shell, body: str, words: str) -> None:
    ran = shell.run("explain", "stripe", "-", stdin=body)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(words)


@pytest.mark.parametrize("known", ["[]", "{", '{"sub_1": 7}'])
def test_a_memory_that_cannot_be_read(shell: Shell, known: str) -> None:
    previous = shell.folder / "previous.json"
    previous.write_text(known)
    ran = shell.run("explain", "stripe", str(RENEWAL), "--previous", str(previous))
    assert (ran.code, str(previous) in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_a_file_that_is_not_there(shell: Shell) -> None:
    ran = shell.run("explain", "stripe", "nowhere.json")
    assert (ran.code, "'nowhere.json' does not exist" in ran.err) == (2, True)


# without a ledger


@pytest.mark.parametrize("command", ["status", "replay"])
def test_a_look_at_a_ledger_does_not_make_one(shell: Shell, command: str) -> None:
    ran = shell.run(command)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"There is no ledger at {shell.folder / 'bridge.sqlite'}")
    assert not list(shell.folder.iterdir())


def test_of_several_notifications_each_knows_what_the_ones_before_taught(shell: Shell) -> None:
    ran = shell.run("explain", "apple", str(ROOT / "fixtures/apple/renewal/input.json"), "--json")
    assert ran.code == 0, ran.err
    assert [one["rule"] for one in json.loads(ran.out)][-1] == "renewal"
    assert len(json.loads(ran.out)) > 1
