"""The stand-in FloKit does what FloKit's pages say, over real HTTP."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from delivery_rig import Stage, stage

from bridge.standins.clock import MovableClock
from bridge.standins.flokit import PRODUCTION_KEY, SANDBOX_KEY, FlokitStandin
from bridge.standins.troubles import Answer, CutOff, Hang
from bridge.standins.workspace import StoredEvent
from bridge.values import jsontext
from bridge.values.times import DAY_MS, SECOND_MS

EVENT = {"event": "renewal_completed", "user_id": "user_42", "timestamp": "2026-06-21T10:00:00Z"}


class Api:
    """The stand-in with an HTTP client in front of it."""

    def __init__(self, url: str, standin: FlokitStandin, clock: MovableClock) -> None:
        self.http = httpx.Client(base_url=url, timeout=5)
        self.standin = standin
        self.clock = clock

    def post(
        self, document: Any, path: str = "/v1/events", api_key: str = PRODUCTION_KEY, key: str = ""
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {api_key}"} | ({"Idempotency-Key": key} if key else {})
        return self.http.post(path, content=jsontext.dumps(document), headers=headers)

    def post_batch(self, events: Any) -> httpx.Response:
        return self.post({"events": events}, "/v1/batch/events")


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def api(on_stage: Stage) -> Iterator[Api]:
    clock = MovableClock()
    on_stage.standin = FlokitStandin(clock)
    api = Api(on_stage.url, on_stage.standin, clock)
    with api.http:
        yield api


def test_takes_an_event_and_answers_its_id(api: Api) -> None:
    response = api.post(EVENT)

    (stored,) = api.standin.stored
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "event_id": stored.event_id}
    assert stored.document == EVENT


def test_numbers_are_stored_exactly(api: Api) -> None:
    api.post({**EVENT, "properties": {"revenue": Decimal("49.990"), "trial_length_days": 7}})

    properties = api.standin.stored[0].document["properties"]
    assert str(properties["revenue"]) == "49.990"
    assert isinstance(properties["trial_length_days"], int)


def test_a_key_answers_with_the_first_event_for_24_hours_and_stores_nothing(api: Api) -> None:
    first = api.post(EVENT, key="in_1").json()
    api.clock.advance(DAY_MS - 1)
    again = api.post(EVENT, key="in_1").json()
    assert again == first
    assert len(api.standin.stored) == 1

    api.clock.advance(1)
    assert api.post(EVENT, key="in_1").json() != first
    assert len(api.standin.stored) == 2


def test_a_wrong_key_is_401_and_a_read_only_key_is_403(api: Api) -> None:
    wrong = api.post(EVENT, api_key="something_else")
    read_only = api.post(EVENT, api_key=f"{PRODUCTION_KEY}_read_only")

    assert (wrong.status_code, wrong.json()["error"]) == (401, "unauthorized")
    assert (read_only.status_code, read_only.json()["error"]) == (403, "forbidden")
    assert api.standin.stored == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"event": ""},
        {"event": 7},
        {"user_id": None},
        {"timestamp": "yesterday"},
        {"timestamp": "2026-06-21T10:00:00"},
        {"properties": []},
    ],
)
def test_an_event_that_is_not_valid_is_400(api: Api, wrong: dict[str, Any]) -> None:
    response = api.post({**EVENT, **wrong})

    assert response.status_code == 400
    assert set(response.json()) == {"error", "message"}


@pytest.mark.parametrize("document", [[], 7, {"events": {}}, {"events": []}, {"events": [EVENT] * 1_001}])
def test_what_is_no_batch_is_400(api: Api, document: Any) -> None:
    assert api.post(document, "/v1/batch/events").status_code == 400
    assert api.post(document).status_code == 400


def test_a_body_that_is_no_json_is_400(api: Api) -> None:
    response = api.http.post("/v1/events", content=b"{", headers={"Authorization": f"Bearer {PRODUCTION_KEY}"})
    assert response.status_code == 400


def test_a_batch_takes_the_good_and_names_the_bad_by_index(api: Api) -> None:
    answer = api.post_batch([EVENT, {"event": "x"}, 5, {**EVENT, "user_id": "user_43"}]).json()

    assert (answer["status"], answer["accepted"], answer["rejected"]) == ("ok", 2, 2)
    assert [error["index"] for error in answer["errors"]] == [1, 2]
    assert answer["event_ids"] == [event.event_id for event in api.standin.stored]
    assert [event.document["user_id"] for event in api.standin.stored] == ["user_42", "user_43"]


def test_a_workspace_gets_100_requests_in_any_minute(api: Api) -> None:
    for _ in range(100):
        assert api.post(EVENT).status_code == 200
        api.clock.advance(100)
    refused = api.post(EVENT)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50")
    assert api.post(EVENT, api_key=SANDBOX_KEY).status_code == 200

    api.clock.advance(50 * SECOND_MS)
    assert api.post(EVENT).status_code == 200


def test_environments_are_kept_apart_and_arrivals_are_told(api: Api) -> None:
    told: list[StoredEvent] = []
    api.standin.on_arrival = told.append
    api.post(EVENT, api_key=SANDBOX_KEY)
    api.post_batch([EVENT])

    assert [event.workspace for event in told] == ["sandbox", "production"]


def test_totals_per_currency(api: Api) -> None:
    for revenue, currency in [("49.99", "USD"), ("5", "EUR"), ("0.01", "USD")]:
        api.post({**EVENT, "properties": {"revenue": Decimal(revenue), "currency": currency}})
    for revenue in ("-25.00", "5.00"):  # a refund, and a part of it that came back
        money = {"revenue": Decimal(revenue), "currency": "USD", "refund_id": "re_1"}
        api.post({**EVENT, "properties": money})
    api.post(EVENT)

    totals = api.standin.totals()
    assert set(totals) == {"USD", "EUR"}
    usd = totals["USD"]
    assert (usd.sold, usd.given_back, usd.kept) == (Decimal("50.00"), Decimal("20.00"), Decimal("30.00"))


def test_troubles_come_once_each_and_in_order(api: Api) -> None:
    api.standin.troubles += [Answer(503, {"Retry-After": "7"}), Answer(200, body=b"<html>", stores=True)]

    first, second, third = api.post(EVENT), api.post(EVENT), api.post(EVENT)
    assert (first.status_code, first.headers["Retry-After"]) == (503, "7")
    assert second.content == b"<html>"
    assert third.json()["status"] == "ok"
    assert len(api.standin.stored) == 2


@pytest.mark.parametrize("stores", [True, False])
def test_a_connection_that_breaks_or_hangs(api: Api, stores: bool) -> None:
    api.http.timeout = httpx.Timeout(0.1)
    api.standin.troubles += [CutOff(stores), Hang(stores)]

    with pytest.raises(httpx.RemoteProtocolError):
        api.post(EVENT)
    with pytest.raises(httpx.ReadTimeout):
        api.post(EVENT)
    assert len(api.standin.stored) == (2 if stores else 0)


def test_events_can_be_refused_choked_on_or_too_large_on_demand(api: Api) -> None:
    api.standin.refuse = lambda event: "never heard of it" if event["event"] == "other" else ""
    assert api.post({**EVENT, "event": "other"}).json()["message"] == "never heard of it"
    assert api.post_batch([{**EVENT, "event": "other"}]).json()["rejected"] == 1

    api.standin.choke_on = lambda event: event["user_id"] == "poison"
    assert api.post({**EVENT, "user_id": "poison"}).status_code == 500
    assert api.post_batch([EVENT, {**EVENT, "user_id": "poison"}]).status_code == 500

    api.standin.refuse_whole = lambda event: event["user_id"] == "bad"
    assert api.post_batch([EVENT, {**EVENT, "user_id": "bad"}]).status_code == 422

    api.standin.batch_limit_bytes = 1_000
    assert api.post_batch([EVENT] * 50).status_code == 413
    assert api.standin.stored == []
