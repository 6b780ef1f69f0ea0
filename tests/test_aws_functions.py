"""The functions of the AWS home, called as Lambda calls them, on a real ledger and a real stand-in FloKit."""

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from edge_rig import OTHER_SECRET, SECRET, event, sign
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.aws.ingest import Ingest, not_configured
from bridge.aws.messages import MAX_MESSAGE_BYTES, NotOurs, pack, unpack
from bridge.aws.process import Faulty, Process, Schedule
from bridge.aws.shift import RESERVE_MS, Delivery, Shift
from bridge.delivery.budget import WindowBudget
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import FlokitClient
from bridge.errors import CannotTell
from bridge.interpreters import pipelines
from bridge.ledger.sqlite import SqliteLedger
from bridge.settings import Settings
from bridge.sources.stripe.receive import StripeReceiver, notification_of
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.stories import stripe
from bridge.stories.story import Story
from bridge.taking import MAX_BODY_BYTES
from bridge.values.records import Environment, Notification
from bridge.values.times import DAY_MS, system_clock

SECRETS = [SECRET, OTHER_SECRET]
PLENTY_MS = 60_000


def no_store(name: str, body: bytes) -> None:
    raise AssertionError("nothing is to be stored")


class Time:
    """A function's context, with so many milliseconds left."""

    def __init__(self, left_ms: int = PLENTY_MS) -> None:
        self.left_ms = left_ms

    def get_remaining_time_in_millis(self) -> int:
        return self.left_ms


class Taken:
    """An ingest function, what it kept, and what it logged."""

    def __init__(self) -> None:
        self.kept: list[Notification] = []
        self.log: list[dict[str, object]] = []
        self.out_of_order = False
        self.function = Ingest(StripeReceiver(SECRETS), self._keep, self._note, system_clock)

    def post(self, body: bytes | str, headers: dict[str, str], base64: bool = False) -> tuple[int, dict[str, str]]:
        """Hand a request over as the HTTP API does. Gives status and answer."""
        text = b64encode(body).decode() if isinstance(body, bytes) and base64 else body
        text = text.decode() if isinstance(text, bytes) else text
        answer = self.function({"headers": headers, "body": text, "isBase64Encoded": base64}, None)
        assert answer["headers"] == {"content-type": "application/json"}
        return answer["statusCode"], json.loads(answer["body"])

    def _keep(self, notification: Notification) -> None:
        if self.out_of_order:
            raise CannotTell("The queue cannot be written just now. Please send this again.")
        self.kept.append(notification)

    def _note(self, event: str, /, **fields: object) -> None:
        self.log.append({"event": event, **fields})


@pytest.mark.parametrize("base64", [False, True])
def test_a_proven_webhook_is_kept_as_it_came_and_answered(base64: bool) -> None:
    taken, body = Taken(), event("evt_1")
    headers = {"Stripe-Signature": sign(body)["stripe-signature"]}
    assert taken.post(body, headers, base64) == (200, {"status": "accepted"})
    assert [one.body for one in taken.kept] == [body]
    assert taken.log[0].items() >= {"event": "webhook", "status": 200, "outcome": "accepted", "id": "evt_1"}.items()


def test_what_is_not_proven_is_not_kept() -> None:
    taken, body = Taken(), event("evt_1")
    assert taken.post(body, sign(body, "whsec_of_a_forger_0123456789"))[0] == 400
    assert taken.post(b"", sign(body))[1]["error"] == "empty_body"
    assert taken.post(b"x" * (MAX_BODY_BYTES + 1), {})[0] == 413
    assert taken.kept == []


def test_a_webhook_that_cannot_be_queued_comes_again() -> None:
    taken, body = Taken(), event("evt_1")
    taken.out_of_order = True
    assert taken.post(body, sign(body))[0] == 503
    taken.out_of_order = False
    assert taken.post(body, sign(body)) == (200, {"status": "accepted"})


@settings(max_examples=50, deadline=None)
@given(
    text=st.text(max_size=60),
    headers=st.dictionaries(st.sampled_from(["stripe-signature", "content-type"]), st.text(max_size=60)),
    base64=st.booleans(),
)
def test_no_stranger_gets_a_fault(text: str, headers: dict[str, str], base64: bool) -> None:
    taken = Taken()
    status, _ = taken.post(text.encode("utf-8", "replace") if base64 else text, headers, base64)
    assert status in (400, 413)
    assert [line["event"] for line in taken.log] == ["webhook"]


def test_a_source_without_settings_names_them() -> None:
    answer = not_configured(["APPLE_APPS"])({}, None)
    assert answer["statusCode"] == 404
    assert "APPLE_APPS" in answer["body"]


@given(body=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_a_notification_survives_the_queue(body: bytes) -> None:
    for size in (1, 400):
        one = notification_of(body * size, 1_764_000_000_000)
        message = pack(one, no_store)
        assert message.isascii()
        assert unpack(message, lambda _name: b"") == one


def test_what_no_message_can_hold_is_stored_beside_the_queue() -> None:
    objects: dict[str, bytes] = {}
    body = b64encode(Random(7).randbytes(790_000))
    one = notification_of(body, 1_764_000_000_000)
    message = pack(one, objects.__setitem__)
    assert len(message) < 1_000 < MAX_MESSAGE_BYTES < len(body)
    assert unpack(message, objects.__getitem__) == one


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"source": 1}', '{"body": "?"}'])
def test_what_is_not_ours_is_said_so(text: str) -> None:
    with pytest.raises(NotOurs):
        unpack(text, lambda _name: b"")


@dataclass
class Behind:
    """What stands behind the queue: both functions on one ledger."""

    ledger: SqliteLedger
    flokit: FlokitStandin
    process: Process
    schedule: Schedule
    is_leased: bool = False
    log: list[dict[str, object]] = field(default_factory=list)

    def take(self, *messages: str, time: Time | None = None) -> list[str]:
        """Hand a batch over as Lambda does. Gives the ids of the messages that have to come again: their places."""
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(messages)]
        answer = self.process({"Records": records}, time or Time())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def told(self) -> int:
        """How many events FloKit has."""
        return len(self.flokit.stored)


@pytest.fixture
def behind(tmp_path: Path) -> Iterator[Behind]:
    """Both functions, with a FloKit of their own."""
    with ExitStack() as stack:
        flokit = FlokitStandin()
        url = stack.enter_context(running(flokit.app))
        ledger = stack.enter_context(closing(SqliteLedger.open(tmp_path / "bridge.sqlite")))
        client = stack.enter_context(closing(FlokitClient(url, PRODUCTION_KEY)))
        lines: list[dict[str, object]] = []

        def log(event: str, /, **fields: object) -> None:
            lines.append({"event": event, **fields})

        production = Environment.PRODUCTION
        budget = WindowBudget(1_000, system_clock)
        deliverer = Deliverer(
            ledger,
            client,
            environment=production,
            clock=system_clock,
            budget=budget,
            requests_per_minute=1_000,
            log=log,
        )
        delivery = Delivery(
            deliverer,
            lambda: None if found.is_leased else nullcontext(),
            lambda: bool(ledger.ready(production, system_clock(), 1)),
        )
        shift = Shift(pipelines(Settings())(ledger, system_clock, log), [delivery], log)
        process = Process(ledger, lambda _name: b"", shift, log)
        found = Behind(ledger, flokit, process, Schedule(shift, ledger, 90, log, system_clock), log=lines)
        yield found


def story() -> Story:
    """A life that has ended by now."""
    return stripe.life(system_clock() - 150 * DAY_MS)


def messages(told: Story) -> list[str]:
    """The messages of a story, repeats and all."""
    return [
        pack(notification_of(one.body, system_clock()), no_store) for one in told.deliveries for _ in range(one.repeats)
    ]


def test_a_story_arrives_once_however_often_its_batches_come(behind: Behind) -> None:
    told = story()
    assert behind.take(*messages(told)) == []
    assert behind.take(*messages(told)) == []
    assert behind.flokit.totals() == told.totals
    keys = [one.key for one in behind.flokit.stored]
    assert len(keys) == len(set(keys)) > 0


def test_what_cannot_be_read_comes_again_and_holds_nothing_up(behind: Behind) -> None:
    good = messages(story())
    assert behind.take("{", good[0], '{"source": "stripe"}', *good[1:]) == ["0", "2"]
    assert behind.flokit.totals() == story().totals


def test_what_cannot_be_kept_comes_again(behind: Behind, tmp_path: Path) -> None:
    good = messages(story())
    with closing(sqlite3.connect(tmp_path / "bridge.sqlite")) as other:
        other.execute("ALTER TABLE notifications RENAME TO away")
        assert len(behind.take(*good)) == len(good)
        other.execute("ALTER TABLE away RENAME TO notifications")
    assert behind.take(*good) == []
    assert behind.flokit.totals() == story().totals


def test_a_function_without_time_keeps_and_leaves_the_rest_to_the_schedule(behind: Behind) -> None:
    assert behind.take(*messages(story()), time=Time(RESERVE_MS)) == []
    assert behind.told() == 0
    behind.schedule({}, Time())
    assert behind.flokit.totals() == story().totals
    assert {"event": "undelivered", "oldest_minutes": 0} in behind.log


def test_one_function_at_a_time_delivers(behind: Behind) -> None:
    behind.is_leased = True
    assert behind.take(*messages(story())) == []
    assert behind.told() == 0
    behind.is_leased = False
    behind.schedule({}, Time())
    assert behind.flokit.totals() == story().totals


def test_a_fault_is_counted_as_an_error_of_the_function(behind: Behind, tmp_path: Path) -> None:
    behind.take(*messages(story()), time=Time(RESERVE_MS))
    with closing(sqlite3.connect(tmp_path / "bridge.sqlite")) as other:
        other.execute("ALTER TABLE memory RENAME TO away")
        with pytest.raises(Faulty):
            behind.schedule({}, Time())
        other.execute("ALTER TABLE away RENAME TO memory")
    behind.schedule({}, Time())
    assert behind.flokit.totals() == story().totals
