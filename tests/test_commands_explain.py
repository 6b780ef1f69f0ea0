"""`bridge explain ID`: what the ledger has of an id, as a person sees it who has to know why."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from commands_rig import ROOT, SECRET, Ran, Shell, eventually, flokit, states
from google_rig import push

from bridge.interpreters import STATING, pipelines
from bridge.ledger.base import Failure, SentMark
from bridge.ledger.sqlite import SqliteLedger
from bridge.log import LineLog
from bridge.settings import Settings
from bridge.values import jsontext
from bridge.values.records import Document, Environment
from bridge.values.times import LATEST_MS, system_clock

SALE = "in_1P0001"  # of the fixture `renewal-basil`
RENEWAL = "evt_1P0045"  # the notification that tells of it
AMOUNT = Decimal("49.90")
TOKEN = "opaque-token-up-to-150-characters.AO-J1OxRealLooking"
PERSON = {
    "customer_email": "jo@example.com",
    "customer_name": "Jo Example-Miller",
    "customer_phone": "+49 30 1234567",
    "customer_address": {"line1": "1 Example Street", "city": "Springfield", "postal_code": "12345", "country": "DE"},
    "description": "for Jo Example-Miller, who writes as second@example.com",
    "hosted_invoice_url": "https://invoice.example.com/i/opens-without-a-password",
    "metadata": {"access-token": "key-to-the-kingdom", "userPhone": 49301234567},
}


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Stripe is set, FloKit is not."""
    return Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})


@contextmanager
def opened(shell: Shell) -> Iterator[SqliteLedger]:
    """The shell's ledger, for what only a running bridge would write."""
    with closing(SqliteLedger.open(shell.folder / "bridge.sqlite")) as ledger:
        yield ledger


def fixture(source: str, name: str) -> Any:
    return jsontext.loads((ROOT / "fixtures" / source / name / "input.json").read_bytes())


def keep(ledger: SqliteLedger, source: str, *bodies: bytes) -> None:
    """Keep proven notifications with these bodies, and map them."""
    ledger.keep([STATING[source].unproven(body, system_clock()) for body in bodies])
    for pipeline in pipelines(Settings())(ledger, system_clock, LineLog(list)):
        while pipeline.step():
            pass


def keep_renewal(ledger: SqliteLedger) -> int:
    """Keep Stripe's renewal. Gives the seq of its event."""
    keep(ledger, "stripe", jsontext.dumps(fixture("stripe", "renewal-basil")))
    return ledger.entered(Environment.PRODUCTION, [SALE])[SALE].seq


def explained(shell: Shell, *words: str) -> Document:
    """The one thing that an id stands for."""
    ran = shell.run("explain", *words, "--json")
    assert ran.code == 0, ran.err
    [found] = jsontext.loads(ran.out)
    document: Document = found
    return document


def both(shell: Shell, *words: str) -> list[Ran]:
    """For people and for programs."""
    return [shell.run("explain", *words), shell.run("explain", *words, "--json")]


def test_a_sale_from_webhook_to_flokit(shell: Shell) -> None:
    with flokit(shell) as (standin, sending), sending.serving() as bridge:
        shell.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: states(shell) == {("production", "sent"): 1})
        found = explained(shell, SALE)
        assert explained(shell, RENEWAL) == found
        lines = shell.run("explain", SALE).lines
    assert (found["notification"]["id"], found["notification"]["environment"]) == (RENEWAL, "production")
    assert "Stripe's signature" in found["notification"]["proof"]
    assert found["body"]["data"]["object"]["amount_paid"] == 4990
    assert [(one["outcome"], one["rule"], one["facts"]["fact"]) for one in found["findings"]] == [
        ("mapped", "renewal", "invoice_paid")
    ]
    [event] = found["events"]
    assert (event["state"], event["attempts"], event["user_id"], event["revenue"]) == ("sent", 1, "user_42", AMOUNT)
    assert event["revenue_source"] == "invoice.amount_paid"
    assert event["flokit_event_id"] == standin.stored[0].event_id
    assert event["body"] == standin.stored[0].document
    assert "    amount  49.90, currency USD, revenue_basis exact, revenue_source invoice.amount_paid" in lines
    sent = f"    state   sent {event['sent_at']} after 1 try, FloKit's id {event['flokit_event_id']}"
    assert sent in lines


def test_what_flokit_refused_says_its_words(shell: Shell) -> None:
    with flokit(shell) as (standin, sending), sending.serving() as bridge:
        standin.refuse = lambda _: "no such plan"
        shell.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        eventually(lambda: states(shell) == {("production", "dead"): 1})
    lines = shell.run("explain", SALE).lines
    assert "    state   dead: FloKit refused it for good, after 1 try" in lines
    assert "    FloKit  answered 400: validation_error: no such plan" in lines


def test_doubt_is_said(shell: Shell) -> None:
    with opened(shell) as ledger:
        event = keep_renewal(ledger)
        ledger.about_to_send([event], 1)
        assert "    doubt   a try has begun and its end is not known yet" in shell.run("explain", SALE).lines
        ledger.mark([], [], [Failure(event, 0, "timed out", LATEST_MS, in_doubt=True)], 1)
        lines = shell.run("explain", SALE).lines
        assert "    state   ready to be sent, after 1 try, next not before 9999-12-31T23:59:59.999Z" in lines
        assert "    FloKit  did not answer: timed out" in lines
        assert any("its key keeps it from counting twice" in line for line in lines)
        ledger.about_to_send([event], system_clock())
        ledger.mark([SentMark(event)], [], [], system_clock())
        assert any("it may arrive, or have arrived, twice" in line for line in shell.run("explain", SALE).lines)


def test_what_was_forgotten_is_said(shell: Shell) -> None:
    with opened(shell) as ledger:
        ledger.mark([SentMark(keep_renewal(ledger))], [], [], 1)
        assert ledger.forget_bodies(LATEST_MS, 10) == 2
    found = explained(shell, SALE)
    assert (found["body"], found["events"][0]["body"], found["findings"][0]["rule"]) == (None, None, "renewal")
    assert found["events"][0]["revenue"] == AMOUNT
    out = shell.run("explain", SALE).out
    assert "  body      forgotten: it was older than BRIDGE_KEEP_BODIES_DAYS" in out
    assert "    body    forgotten, for its age" in out


def test_personal_data_is_veiled(shell: Shell) -> None:
    webhook = fixture("stripe", "renewal-basil")
    webhook["data"]["object"] |= PERSON
    with opened(shell) as ledger:
        keep(ledger, "stripe", jsontext.dumps(webhook))
    telling = ["jo@", "second@", "Miller", "1234567", "Street", "Springfield", "12345", "opens-without", "kingdom"]
    for ran in both(shell, RENEWAL):
        assert [word for word in telling if word in ran.out] == []
        assert "user_42" in ran.out
    assert explained(shell, RENEWAL)["body"]["data"]["object"]["customer_address"]["country"] == "DE"
    for ran in both(shell, RENEWAL, "--raw"):
        assert [word for word in telling if word not in ran.out] == []


def test_a_waiting_purchase_with_its_answers_and_without_its_token(shell: Shell) -> None:
    renewal = fixture("google", "renewal")
    renewal["subscriptionNotification"]["purchaseToken"] = TOKEN
    body = push(renewal, message_id="7001").body
    answers = {
        f"subscription:com.example.app/{TOKEN}": {"latestOrderId": "GPA.1..0", "linkedPurchaseToken": TOKEN + "2"},
        f"subscription:com.example.app/{TOKEN}2": None,
    }
    with opened(shell) as ledger:
        ledger.keep([STATING["google"].unproven(body, system_clock())])
        [seq] = ledger.find()
        ledger.postpone(seq, "Google: the Play Developer API to answer", LATEST_MS, answers)
    found = explained(shell, "7001")
    assert (found["outcome"], found["waiting_for"]) == ("pending", "Google: the Play Developer API to answer")
    assert found["body"]["message"]["data"]["packageName"] == "com.example.app"
    assert len(found["answers"]) == 2, "veiled questions stay apart"
    for ran in both(shell, "7001"):
        assert TOKEN not in ran.out
    assert list(explained(shell, "7001", "--raw")["answers"]) == list(answers)
    assert (
        "  outcome   pending, waits for Google: the Play Developer API to answer" in shell.run("explain", "7001").lines
    )


def test_apples_signed_parts_are_read_out(shell: Shell) -> None:
    first, *rest = fixture("apple", "renewal")
    with opened(shell) as ledger:
        keep(ledger, "apple", *map(jsontext.dumps, [first, *rest]))
    found = explained(shell, first["data"]["signedTransactionInfo"]["transactionId"])
    assert found["notification"]["id"] == first["notificationUUID"]
    assert found["body"]["signedPayload"] == first
    assert "certificate chain" in found["notification"]["proof"]


@pytest.mark.parametrize(
    "body", [b"no JSON", b'{"a":' * 900 + b"1" + b"}" * 900, b'{"message":{"data":"!","messageId":"1"}}']
)
def test_a_body_that_cannot_be_read(shell: Shell, body: bytes) -> None:
    notification = STATING["google"].unproven(body, system_clock())
    with opened(shell) as ledger:
        ledger.keep([notification])
    found = explained(shell, notification.id)
    assert found["body"] is None
    assert found["body_note"].endswith("; --raw shows it")
    assert explained(shell, notification.id, "--raw")["body"] == body.decode()


def test_a_body_drives_no_terminal(shell: Shell) -> None:
    webhook = fixture("stripe", "renewal-basil")
    webhook["data"]["object"]["metadata"] = {"note": "\x1b]0;owned\x07 \x9b31m \u202e \u2028"}
    with opened(shell) as ledger:
        keep(ledger, "stripe", jsontext.dumps(webhook))
    out = shell.run("explain", RENEWAL, "--raw").out
    assert all(char == "\n" or char.isprintable() for char in out)


def test_a_replay_that_is_not_through_shows_what_was_entered(shell: Shell) -> None:
    with opened(shell) as ledger:
        keep_renewal(ledger)
        assert ledger.reopen(ledger.find()) == 1
    found = explained(shell, SALE)
    assert (found["outcome"], [event["key"] for event in found["events"]]) == ("pending", [SALE])


def test_an_id_that_is_nowhere(shell: Shell) -> None:
    assert shell.run("explain", SALE).err.startswith("There is no ledger at ")
    with opened(shell) as ledger:
        keep_renewal(ledger)
    for unknown in ("in_0", "", "%", "\x1b[31m", "x" * 5000):
        ran = shell.run("explain", unknown)
        assert (ran.code, ran.out, "\x1b" in ran.err) == (1, "", False)
        assert "Nothing in the ledger has the id" in ran.err
        assert "notificationUUID" in ran.err
        assert len(ran.err) < 1000


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stripe"], "Missing argument 'FILE'"),
        (["strip", "FILE"], "'strip' is not one of 'apple', 'google', 'stripe'"),
        (["stripe", "FILE", "--raw"], "--raw goes with an ID"),
        ([SALE, "--previous", "FILE"], "--previous goes with SOURCE and FILE"),
    ],
)
def test_words_that_do_not_go_together(shell: Shell, words: list[str], said: str) -> None:
    file = str(ROOT / "fixtures" / "stripe" / "renewal-basil" / "input.json")
    ran = shell.run("explain", *(file if word == "FILE" else word for word in words))
    assert (ran.code, said in ran.err) == (2, True), ran.err
