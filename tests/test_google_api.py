"""The Play Developer API client against the stand-in Google, over real HTTP: answers, waits and counts of requests."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from google_rig import NOW_MS, PACKAGE, Stage, signer, stage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import NotYet
from bridge.sources.google.api import PlayApi
from bridge.sources.google.credentials import AccessToken, load_credentials
from bridge.standins.clock import MovableClock
from bridge.standins.google import GoogleStandin
from bridge.standins.troubles import Answer, CutOff, Hang
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import HOUR_MS, MINUTE_MS, SECOND_MS

IMPATIENT = httpx.Timeout(connect=5, read=2, write=5, pool=5)


class Google:
    """The stand-in with the bridge's client in front of it, on one clock."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.clock = MovableClock(NOW_MS)
        self.standin = stage.standin = GoogleStandin(signer(), self.clock)
        file = folder / "key.json"
        file.write_bytes(jsontext.dumps(self.standin.service_account(stage.url)))
        token = AccessToken(load_credentials(file), self.clock)
        self.api = PlayApi(token, url=stage.url, clock=self.clock, timeouts=IMPATIENT)

    @property
    def counts(self) -> tuple[int, int]:
        """Requests to the token endpoint, and to the Play API."""
        return self.standin.count("token"), self.standin.count("play")

    def put_orders(self, number: int) -> list[str]:
        """So many orders. Gives their ids."""
        order_ids = [f"GPA.1111-2222-3333-{place:05}" for place in range(number)]
        for order_id in order_ids:
            self.standin.play.put_order(PACKAGE, {"orderId": order_id, "total": {"currencyCode": "EUR", "units": "9"}})
        return order_ids

    def waits_for(self, order_id: str = "GPA.1") -> str:
        """The reason why there is no answer for an order."""
        with pytest.raises(NotYet) as wait:
            self.api.order(PACKAGE, order_id)
        assert wait.value.reason.startswith("Google: ")
        return wait.value.reason


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def google(on_stage: Stage, tmp_path: Path) -> Iterator[Google]:
    google = Google(on_stage, tmp_path)
    yield google
    google.api.close()


def error(status: int, reason: str, word: str = "", headers: dict[str, str] | None = None) -> Answer:
    """An error as Google's APIs write it."""
    body = {"error": {"code": status, "message": "secret-token", "errors": [{"reason": reason}], "status": word}}
    return Answer(status, headers or {}, jsontext.dumps(body))


def test_each_look_up_gives_what_google_states_to_the_last_digit(google: Google) -> None:
    play, exact = google.standin.play, Decimal("0.10000000000000000001")
    play.subscriptions[PACKAGE, "token-1"] = {"subscriptionState": "SUBSCRIPTION_STATE_ACTIVE", "odd": exact}
    play.one_time_purchases[PACKAGE, "token-2"] = {"orderId": "GPA.2"}
    play.put_order(
        PACKAGE, {"orderId": "GPA.3..0", "total": {"currencyCode": "KWD", "units": "3", "nanos": 990_000_000}}
    )

    subscription = google.api.subscription(PACKAGE, "token-1")
    assert subscription == {"subscriptionState": "SUBSCRIPTION_STATE_ACTIVE", "odd": exact}
    assert google.api.one_time_purchase(PACKAGE, "token-2") == {"orderId": "GPA.2"}
    assert google.api.order(PACKAGE, "GPA.3..0") == play.orders[PACKAGE, "GPA.3..0"]
    assert google.counts == (1, 3)


def test_what_google_does_not_know_or_no_longer_knows_has_no_answer_for_good(google: Google) -> None:
    google.standin.play.expired_tokens.add((PACKAGE, "old"))
    google.standin.play.put_order("com.example.other", {"orderId": "GPA.1"})

    assert google.api.subscription(PACKAGE, "old") is None
    assert google.api.subscription(PACKAGE, "never-seen") is None
    assert google.api.one_time_purchase(PACKAGE, "never-seen") is None
    assert google.api.order(PACKAGE, "GPA.1") is None
    google.standin.troubles["play"].append(error(400, "invalid"))
    assert google.api.order(PACKAGE, "GPA.1") is None


@pytest.mark.parametrize("name", ["GPA.1..0", "a?b=c", "a#b", "a%2Fb", "a+b", "a&b", "a;b", "a:b", "\"a'"])
def test_a_name_arrives_as_it_is(google: Google, name: str) -> None:
    google.standin.play.orders[PACKAGE, name] = {"orderId": name}
    assert google.api.order(PACKAGE, name) == {"orderId": name}


@pytest.mark.parametrize("name", ["a/../../../orders/GPA.1", "../orders/GPA.1", "/GPA.1", "a%2F..%2FGPA.1"])
def test_a_name_cannot_leave_its_place_in_the_path(google: Google, name: str) -> None:
    google.standin.play.orders[PACKAGE, "GPA.1"] = {"orderId": "GPA.1"}
    assert google.api.subscription(PACKAGE, name) is None
    assert google.api.order(PACKAGE, name) is None


@pytest.mark.parametrize("name", ["", ".", "..", "...", "a b", "é", "\ud800", "a\x00", "a" * 2_001], ids=ascii)
def test_what_google_would_never_give_as_a_name_is_not_asked_for(google: Google, name: str) -> None:
    assert google.api.subscription(PACKAGE, name) is None
    assert google.api.order(PACKAGE, name) is None
    assert google.api.orders(PACKAGE, [name]) == {}
    assert google.counts == (0, 0)


def test_many_orders_in_one_call(google: Google) -> None:
    order_ids = google.put_orders(1_000)
    found = google.api.orders(PACKAGE, [*order_ids, order_ids[0]])
    assert list(found) == order_ids
    assert google.counts == (1, 1)
    assert google.api.orders(PACKAGE, []) == {}
    assert google.counts == (1, 1)


def test_more_than_a_thousand_orders_take_two_calls(google: Google) -> None:
    assert len(google.api.orders(PACKAGE, google.put_orders(1_001))) == 1_001
    assert google.counts == (1, 2)


def test_one_order_that_google_does_not_know_spoils_only_itself(google: Google) -> None:
    order_ids = google.put_orders(64)
    found = google.api.orders(PACKAGE, [*order_ids[:40], "GPA.0000-0000-0000-00000", *order_ids[40:]])
    assert list(found) == order_ids
    assert google.counts[1] <= 1 + 2 * 7  # halving: two calls for each of log2(65) steps
    assert google.api.orders(PACKAGE, ["GPA.0", "GPA.1"]) == {}


def test_a_url_that_is_too_long_for_google_is_halved(google: Google) -> None:
    order_ids = google.put_orders(10)
    google.standin.troubles["play"].extend([Answer(414), Answer(413)])
    assert list(google.api.orders(PACKAGE, order_ids)) == order_ids


def test_an_order_that_google_leaves_out_of_a_batch_is_left_out(google: Google) -> None:
    google.standin.troubles["play"].extend(
        [Answer(200, body=b'{"orders":[{"orderId":"GPA.2"},{"orderId":[]}]}'), Answer(200, body=b"{}")]
    )
    assert google.api.orders(PACKAGE, ["GPA.1", "GPA.2"]) == {"GPA.2": {"orderId": "GPA.2"}}
    assert google.api.orders(PACKAGE, ["GPA.1", "GPA.2"]) == {}


@pytest.mark.parametrize("body", [b'{"orders":{}}', b'{"orders":[7]}', b'{"orders":null}', b"[]", b"{"])
def test_a_batch_that_cannot_be_read_comes_later(google: Google, body: bytes) -> None:
    google.standin.troubles["play"].append(Answer(200, body=body))
    with pytest.raises(NotYet, match="readable"):
        google.api.orders(PACKAGE, ["GPA.1", "GPA.2"])


def test_voided_purchases_page_by_page(google: Google) -> None:
    order = {"orderId": "GPA.1", "purchaseToken": "t", "createTime": "2026-01-01T00:00:00Z"}
    for number in range(1_001):
        google.standin.play.void(PACKAGE, {**order, "orderId": f"GPA.{number}"})
    google.standin.play.void("com.example.other", order)

    found = list(google.api.voided_purchases(PACKAGE, NOW_MS - 1, NOW_MS + 1))
    assert [row["orderId"] for row in found] == [f"GPA.{number}" for number in range(1_001)]
    assert list(google.api.voided_purchases(PACKAGE, NOW_MS + 1, NOW_MS + 2)) == []
    assert google.counts == (1, 3)


def test_a_page_token_that_no_url_can_carry_comes_later(google: Google) -> None:
    body = b'{"tokenPagination":{"nextPageToken":"\\ud800"}}'
    google.standin.troubles["play"].append(Answer(200, body=body))
    with pytest.raises(NotYet):
        list(google.api.voided_purchases(PACKAGE, 0, 1))


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (error(403, "permissionDenied", "PERMISSION_DENIED"), "48 hours"),
        (error(403, "permissionDenied"), "(403 permissionDenied)"),
        (error(403, "accessNotConfigured", "PERMISSION_DENIED"), "to be enabled in the Cloud project"),
        (error(500, "backendError"), "(500 backendError)"),
        (error(503, "line\nbreak"), "(503)"),
        (error(418, "x" * 5_000), "(418)"),
        (Answer(302, {"Location": "https://example.com"}), "(302)"),
        (Answer(502, body=b"<html>Bad gateway"), "(502)"),
        (Answer(200, body=b"<html>"), "readable"),
        (Answer(200, body=b"[]"), "readable"),
        (Answer(200, body=b"[" * 100_000), "readable"),
        (CutOff(), "reachable (RemoteProtocolError)"),
        (Hang(), "reachable (ReadTimeout)"),
    ],
    ids=lambda value: ascii(value)[:60],
)
def test_what_google_cannot_answer_now_comes_later(google: Google, trouble: Any, said: str) -> None:
    google.standin.troubles["play"].append(trouble)

    reason = google.waits_for()
    assert said in reason
    assert "secret-token" not in reason
    assert reason.isprintable()
    assert google.api.order(PACKAGE, "GPA.1") is None  # and the next try asks again


def test_an_answer_that_never_ends_is_cut(google: Google) -> None:
    google.standin.troubles["play"].append(Answer(200, body=b" " * (17 << 20)))
    assert "TooLarge" in google.waits_for()


@pytest.mark.parametrize(
    ("retry_after", "pause_ms"), [("30", 30 * SECOND_MS), ("", MINUTE_MS), ("soon", MINUTE_MS), ("999999", HOUR_MS)]
)
def test_a_quota_answer_lets_its_kind_of_look_up_rest(google: Google, retry_after: str, pause_ms: int) -> None:
    google.standin.troubles["play"].append(error(429, "rateLimitExceeded", headers={"Retry-After": retry_after}))

    assert "quota for orders" in google.waits_for()
    google.clock.advance(pause_ms - 1)
    assert "quota for orders" in google.waits_for()
    assert google.counts[1] == 1
    assert google.api.subscription(PACKAGE, "token") is None  # subscriptions have a quota of their own
    google.clock.advance(1)
    assert google.api.order(PACKAGE, "GPA.1") is None
    assert google.counts[1] == 3


def test_the_quota_answer_of_older_apis_is_a_403(google: Google) -> None:
    google.standin.troubles["play"].append(error(403, "rateLimitExceeded"))
    assert "quota" in google.waits_for()
    google.waits_for()
    assert google.counts[1] == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.integers(200, 599).filter(lambda status: status not in {204, 304}),
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text(max_size=9) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["error", "errors", "reason", "details", "status", "orders"]), inner)
        ),
    ).map(jsontext.dumps),
)
def test_whatever_google_answers_the_client_raises_nothing_else(google: Google, status: int, body: bytes) -> None:
    asks: list[Callable[[], object]] = [
        lambda: google.api.order(PACKAGE, "GPA.1"),
        lambda: google.api.orders(PACKAGE, ["GPA.1", "GPA.2"]),
        lambda: list(google.api.voided_purchases(PACKAGE, 0, 1)),
    ]
    for ask in asks:
        google.clock.advance(HOUR_MS)
        google.standin.troubles["play"].append(Answer(status, body=body))
        with suppress(NotYet):
            assert isinstance(ask(), dict | list | None)
        google.standin.troubles["play"].clear()


def test_many_threads_share_one_client_and_one_token(google: Google) -> None:
    order_ids = google.put_orders(40)
    with ThreadPoolExecutor(8) as threads:
        found: list[Document | None] = list(threads.map(lambda one: google.api.order(PACKAGE, one), order_ids))
    assert [order and order["orderId"] for order in found] == order_ids
    assert google.counts == (1, 40)


def test_neither_requests_nor_googles_own_clients_are_imported() -> None:
    code = (
        "import sys, bridge.sources.google.api\n"
        "print(sorted({'requests', 'urllib3', 'aiohttp', 'googleapiclient'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
