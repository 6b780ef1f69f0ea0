"""What a user changes by one line of TOML, seen at FloKit: the real program, a changed copy of the mappings."""

import difflib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from commands_rig import ROOT, SECRET, Shell, eventually, flokit
from test_commands import copied_mappings

from bridge.standins.flokit import FlokitStandin
from bridge.stories.stripe_signing import sign
from bridge.values.records import Document
from bridge.values.times import system_clock

SALE = json.loads((ROOT / "fixtures" / "stripe" / "checkout-one-off-acacia" / "input.json").read_text())
SALE["data"]["object"] |= {"client_reference_id": "the_reference", "metadata": {"user_id": "the_metadata"}}
FAILED = json.loads((ROOT / "fixtures" / "stripe" / "payment-failed-is-off" / "input.json").read_text())


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[tuple[FlokitStandin, Shell]]:
    """A bridge to be started that sends to a stand-in."""
    with flokit(Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})) as pair:
        yield pair


def shipped(name: str) -> str:
    return (ROOT / "mappings" / name).read_text()


def edited(folder: Path, file: str, pattern: str, line: str) -> Path:
    """A copy of the mappings in which the one line that the pattern finds is another."""
    mappings = copied_mappings(folder)
    changed, count = re.subn(pattern, line, shipped(file), flags=re.MULTILINE)
    (mappings / file).write_text(changed)
    diff = [row[0] for row in difflib.ndiff(shipped(file).splitlines(), changed.splitlines()) if row[0] in "+-"]
    assert (count, sorted(diff)) == (1, ["+", "-"])
    return mappings


def sent(standin: FlokitStandin, shell: Shell, webhook: Document) -> Document:
    """The one event that FloKit gets of a webhook, by a bridge with the shell's settings."""
    body = json.dumps(webhook).encode()
    with shell.serving() as bridge:
        answer = httpx.post(f"{bridge.url}/webhooks/stripe", content=body, headers=sign(body, SECRET, system_clock()))
        assert answer.json() == {"status": "accepted"}
        eventually(lambda: standin.stored)
    [event] = standin.stored
    return event.document


@pytest.mark.parametrize(
    ("file", "pattern", "line", "webhook", "sees"),
    [
        pytest.param(
            "taxonomy.toml",
            r'^(purchase_completed = \{ name = )"purchase_completed"',
            r'\1"one_time_purchase"',
            SALE,
            lambda event: event["event"] == "one_time_purchase",
            id="the name of an event",
        ),
        pytest.param(
            "taxonomy.toml",
            r'^(transaction_id = \{ name = )"transaction_id"',
            r'\1"order_number"',
            SALE,
            lambda event: (
                event["properties"]["order_number"].startswith("pi_") and "transaction_id" not in event["properties"]
            ),
            id="the name of a property",
        ),
        pytest.param(
            "stripe.toml",
            r'^    "client_reference_id",',
            '    "metadata.user_id", "client_reference_id",',
            SALE,
            lambda event: event["user_id"] == "the_metadata",
            id="the order of user ids",
        ),
        pytest.param(
            "taxonomy.toml",
            r"^(billing_issue = .*)send = false",
            r"\1send = true",
            FAILED,
            lambda event: event["event"] == "billing_issue",
            id="an optional event",
        ),
    ],
)
def test_one_line_changes(  # noqa: PLR0917 - the five parts of a case
    sending: tuple[FlokitStandin, Shell],
    file: str,
    pattern: str,
    line: str,
    webhook: Document,
    sees: Callable[[Document], bool],
) -> None:
    standin, shell = sending
    mappings = edited(shell.folder, file, pattern, line)
    event = sent(standin, shell.with_settings(BRIDGE_MAPPINGS=str(mappings)), webhook)
    assert sees(event), event


def test_without_the_changes(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    event = sent(standin, shell, SALE)
    assert (event["event"], event["user_id"]) == ("purchase_completed", "the_reference")
    assert event["properties"]["transaction_id"].startswith("pi_")
