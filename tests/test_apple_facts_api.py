"""What the bridge asks of the App Store Server API, over real HTTP of an app that answers as Apple documents."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jwt
import pytest
from apple_store import BEGINNING_MS, KEY, PEM, PRO, WHO, AppStore, api_at, signed
from golden import NOW_MS

from bridge.errors import NotYet, SettingsError
from bridge.sources.apple.api import AppleApi
from bridge.standins.server import running
from bridge.stories.apple_notifications import BUNDLE_ID
from bridge.stories.apple_subscriber import MONTH_MS, WEEK_MS, Subscriber
from bridge.values.times import SECOND_MS


@pytest.fixture
def store() -> AppStore:
    return AppStore()


@pytest.fixture
def api(store: AppStore) -> Iterator[AppleApi]:
    with running(store.app) as url, closing(api_at(url)) as api:
        yield api


def test_the_request_is_signed_as_apple_asks(api: AppleApi, store: AppStore) -> None:
    store.history = [signed(WHO.trial(PRO, WEEK_MS))]

    found = api.history("production", BUNDLE_ID, WHO.line)

    (request,) = store.asked
    token = request.headers["authorization"].removeprefix("Bearer ")
    words = jwt.decode(token, KEY.public_key(), algorithms=["ES256"], audience="appstoreconnect-v1", options=_NO_CLOCK)
    now_s = NOW_MS // SECOND_MS
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "KEY1", "typ": "JWT"}
    assert (words["iss"], words["bid"], words["iat"], words["exp"]) == ("issuer-1", BUNDLE_ID, now_s, now_s + 300)
    assert request.path_params["id"] == WHO.line
    assert found is not None
    assert found[0]["offerDiscountType"] == "FREE_TRIAL"
    assert "appAccountToken" not in found[0], "who the customer is stays with Apple"


def test_all_pages_are_read_and_other_subscriptions_left_out(api: AppleApi, store: AppStore) -> None:
    other = Subscriber(WHO.number + 1_000, None, BEGINNING_MS)
    months = [WHO.transaction(n, PRO, BEGINNING_MS + n * MONTH_MS) for n in range(40)]
    store.history = [*map(signed, reversed(months)), signed(other.transaction(0, PRO, BEGINNING_MS))]

    found = api.history("production", BUNDLE_ID, WHO.line) or []

    assert [one["transactionId"] for one in found] == [one["transactionId"] for one in months[-30:]]
    assert len(store.asked) == 21


@pytest.mark.parametrize("status", [400, 404])
def test_nothing_known_for_good(api: AppleApi, store: AppStore, status: int) -> None:
    store.status = status

    assert api.history("production", BUNDLE_ID, WHO.line) is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, "the App Store Server API key is not accepted"),
        (403, "the App Store Server API key is not accepted"),
        (429, "to answer again (429)"),
        (500, "to answer again (500)"),
        (503, "to answer again (503)"),
    ],
)
def test_no_answer_for_now(api: AppleApi, store: AppStore, status: int, reason: str) -> None:
    store.status = status

    with pytest.raises(NotYet) as raised:
        api.history("production", BUNDLE_ID, WHO.line)

    assert reason in raised.value.reason


@pytest.mark.parametrize("raw", [b"", b"[]", b"<html>", b'{"signedTransactions": ["no JWS"]}'])
def test_an_answer_that_cannot_be_read(api: AppleApi, store: AppStore, raw: bytes) -> None:
    store.raw = raw

    with pytest.raises(NotYet, match="a readable answer"):
        api.history("production", BUNDLE_ID, WHO.line)


def test_nobody_answers() -> None:
    with running(AppStore().app) as url:
        pass  # its port is free again

    with closing(api_at(url)) as api, pytest.raises(NotYet, match="to be reachable"):
        api.history("production", BUNDLE_ID, WHO.line)


@pytest.mark.parametrize("text", ["", "no key", PEM.replace("A", "B", 40)])
def test_a_key_that_is_none_is_told_at_start(text: str) -> None:
    with pytest.raises(SettingsError, match="APPLE_PRIVATE_KEY"):
        AppleApi("issuer-1", "KEY1", text)


def test_a_key_in_one_line_will_do() -> None:
    AppleApi("issuer-1", "KEY1", PEM.replace("\n", "\\n")).close()


_NO_CLOCK: Any = {"verify_exp": False, "verify_iat": False}
