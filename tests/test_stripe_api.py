"""What a restricted Stripe key adds, asked over real HTTP of an app that answers as Stripe documents."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.errors import NeedsAnswer, NotYet
from bridge.ledger.sqlite import SqliteLedger
from bridge.log import LineLog
from bridge.mapping import load
from bridge.pipeline import Interpreter, Pipeline
from bridge.shipped import folder
from bridge.sources.stripe.api import StripeApi
from bridge.sources.stripe.receive import notification_of
from bridge.sources.stripe.source import StripeSource
from bridge.sources.stripe.vocabulary import VOCABULARY
from bridge.standins.clock import MovableClock
from bridge.standins.server import running
from bridge.stories.stripe_invoices import invoice, line
from bridge.stories.stripe_objects import Price, event
from bridge.stories.stripe_payments import refund
from bridge.values import jsontext
from bridge.values.records import Document, Environment, Outcome
from bridge.values.times import HOUR_MS, Clock

NOW_MS = 1_790_000_000_000
NOW = NOW_MS // 1_000
KEY = "rk_live_secret"
PRO = Price("price_pro", "prod_pro", 2_900)


class Stripe:
    """Answers by path; counts what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[Request] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, request: Request) -> Response:
        self.asked.append(request)
        missing = (404, {"error": {"type": "invalid_request_error"}})
        status, document = self.answers.get(request.url.path, missing)
        return JSONResponse(document, status)


@pytest.fixture
def stripe() -> Stripe:
    return Stripe()


@pytest.fixture
def api(stripe: Stripe) -> Iterator[StripeApi]:
    with running(stripe.app) as url:
        api = StripeApi(KEY, url)
        yield api
        api.close()


def pipeline_over(ledger: SqliteLedger, source: StripeSource, clock: Clock) -> Pipeline:
    interpreter = Interpreter(source, load(folder("mappings"), "stripe", VOCABULARY))
    return Pipeline(ledger, interpreter, clock, LineLog(lambda _lines: None))


class Bridge:
    """A pipeline over a real ledger, with the key configured."""

    def __init__(self, path: Path, api: StripeApi) -> None:
        self.clock = MovableClock(NOW_MS)
        self.ledger = SqliteLedger.open(path)
        self.pipeline = pipeline_over(self.ledger, StripeSource(api), self.clock)

    def take(self, document: Document) -> None:
        self.ledger.keep([notification_of(jsontext.dumps(document), NOW_MS)])
        self.pipeline.step()

    def events(self) -> list[Document]:
        return [
            {"key": ready.key, **jsontext.loads(ready.body)}
            for ready in self.ledger.ready(Environment.PRODUCTION, self.clock(), 100)
        ]


@pytest.fixture
def bridge(tmp_path: Path, api: StripeApi) -> Iterator[Bridge]:
    bridge = Bridge(tmp_path / "ledger.sqlite", api)
    yield bridge
    bridge.ledger.close()


def cycle_paid() -> Document:
    paid = invoice(
        "in_2",
        [line(PRO, period=(NOW - 60, NOW + 86_400), subscription="sub_old", item="si_1")],
        customer="cus_1",
        created=NOW,
        reason="subscription_cycle",
        subscription="sub_old",
    )
    return event("invoice.paid", paid, id="evt_1", created=NOW)


def subscription_with_trial_end(trial_end: int | None) -> Document:
    return {"id": "sub_old", "object": "subscription", "trial_end": trial_end}


def test_a_trial_that_began_before_the_bridge_converts(stripe: Stripe, bridge: Bridge) -> None:
    stripe.answers["/v1/subscriptions/sub_old"] = (200, subscription_with_trial_end(NOW - 60))
    bridge.take(cycle_paid())
    (started,) = bridge.events()
    assert (started["event"], started["properties"]["trial_converted"]) == ("subscription_started", True)
    assert stripe.asked[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("answer", [(200, subscription_with_trial_end(None)), (404, {}), (403, {"error": {}})])
def test_without_a_trial_or_without_an_answer_it_is_a_renewal(
    stripe: Stripe, bridge: Bridge, answer: tuple[int, Document]
) -> None:
    stripe.answers["/v1/subscriptions/sub_old"] = answer
    bridge.take(cycle_paid())
    assert [one["event"] for one in bridge.events()] == ["renewal_completed"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_stripe_cannot_answer_now_is_asked_again_later(stripe: Stripe, bridge: Bridge, status: int) -> None:
    stripe.answers["/v1/subscriptions/sub_old"] = (status, {})
    bridge.take(cycle_paid())
    assert bridge.events() == []
    waiting = bridge.ledger.kept(1)
    assert waiting
    assert waiting.waiting_for == f"Stripe's API (it answered {status})"
    stripe.answers["/v1/subscriptions/sub_old"] = (200, subscription_with_trial_end(NOW - 60))
    bridge.clock.advance(HOUR_MS)
    bridge.pipeline.step()
    assert [one["event"] for one in bridge.events()] == ["subscription_started"]


def test_a_refund_finds_the_sale_that_no_webhook_named(stripe: Stripe, bridge: Bridge) -> None:
    told = invoice(
        "in_9",
        [line(PRO, period=(NOW, NOW + 1), subscription="sub_9", item="si_1")],
        customer="cus_9",
        created=NOW,
        reason="subscription_cycle",
        subscription="sub_9",
    )
    stripe.answers["/v1/invoice_payments"] = (200, {"object": "list", "data": [{"id": "inpay_1", "invoice": told}]})
    back = refund("re_1", 1_000, charge="ch_9", payment="pi_9", created=NOW, customer=None)
    bridge.take(event("refund.created", back, id="evt_1", created=NOW))
    (issued,) = bridge.events()
    properties = issued["properties"]
    assert issued["key"] == "in_9:refund_issued:re_1"
    assert (properties["transaction_id"], properties["original_transaction_resolved"]) == ("in_9", True)
    assert (properties["subscription_id"], properties["subscription_customer_id"]) == ("sub_9", "cus_9")
    assert properties["plan_id"] == "price_pro"
    assert dict(stripe.asked[0].query_params)["payment[payment_intent]"] == "pi_9"


def test_a_one_off_payment_has_no_invoice_and_stands_for_itself(stripe: Stripe, bridge: Bridge) -> None:
    stripe.answers["/v1/invoice_payments"] = (200, {"object": "list", "data": []})
    back = refund("re_1", 1_000, charge="ch_9", payment="pi_9", created=NOW, customer=None)
    bridge.take(event("refund.created", back, id="evt_1", created=NOW))
    (issued,) = bridge.events()
    assert issued["properties"]["transaction_id"] == "pi_9"
    assert issued["properties"]["original_transaction_resolved"] is False


def test_a_connected_account_is_asked_for_by_its_id(stripe: Stripe, api: StripeApi) -> None:
    stripe.answers["/v1/subscriptions/sub_1"] = (200, subscription_with_trial_end(1))
    assert api.ask("subscription:acct_7/sub_1") == subscription_with_trial_end(1)
    assert stripe.asked[0].headers["stripe-account"] == "acct_7"


def test_an_id_cannot_leave_its_place_in_the_path(stripe: Stripe, api: StripeApi) -> None:
    assert api.ask("subscription:../charges?limit=1") is None
    assert stripe.asked[0].url.query == ""
    assert stripe.asked[0].scope["raw_path"].startswith(b"/v1/subscriptions/")


def test_nobody_there_is_asked_again_later() -> None:
    with pytest.raises(NotYet, match="ConnectError"):
        StripeApi(KEY, "http://127.0.0.1:9").ask("subscription:sub_1")


def test_without_a_key_nothing_is_asked_and_a_preview_asks_nothing(tmp_path: Path) -> None:
    nobody = StripeApi(KEY, "http://127.0.0.1:9")
    with closing(SqliteLedger.open(tmp_path / "ledger.sqlite")) as ledger:
        ledger.keep([notification_of(jsontext.dumps(cycle_paid()), NOW_MS)])
        (pending,) = ledger.pending("stripe", NOW_MS, 1)
        (finding,) = pipeline_over(ledger, StripeSource(), MovableClock(NOW_MS)).preview(pending).findings
        assert finding.outcome is Outcome.MAPPED
        with pytest.raises(NeedsAnswer):
            pipeline_over(ledger, StripeSource(nobody), MovableClock(NOW_MS)).preview(pending)


def test_what_stripe_did_not_know_is_asked_again_on_a_replay(stripe: Stripe, bridge: Bridge) -> None:
    stripe.answers["/v1/subscriptions/sub_old"] = (403, {})
    bridge.take(cycle_paid())
    assert [one["event"] for one in bridge.events()] == ["renewal_completed"]
    stripe.answers["/v1/subscriptions/sub_old"] = (200, subscription_with_trial_end(NOW - 60))
    bridge.clock.advance(HOUR_MS)
    bridge.ledger.reopen([1])
    bridge.pipeline.step()
    assert [one["event"] for one in bridge.events()] == ["subscription_started"]
