"""Google's receiving half through the real app: what it takes, what it keeps, and what it says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google_rig import AUDIENCE, NOW_MS, PACKAGE, RENEWED, Rig, Stage, push, receiver, rig, stage, token
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import NeedsKeys
from bridge.sources.google.push import developer_notification
from bridge.stories.google_signing import Push, unwrapped, wrapped
from bridge.values import jsontext
from bridge.values.records import Document, Environment
from bridge.values.times import DAY_MS, MINUTE_MS

VERSIONED: Document = {"version": "1.0"}


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def bridge(on_stage: Stage, tmp_path: Path) -> Iterator[Rig]:
    with rig(on_stage, tmp_path) as running_rig:
        yield running_rig


def raw(data: bytes, message_id: str = "1") -> Push:
    """A wrapped push of any bytes."""
    return wrapped(data, token(), message_id, NOW_MS)


def with_body(body: bytes) -> Push:
    """A rightly authenticated push of any body."""
    return Push(push().headers, body)


def test_a_genuine_push_is_kept_as_it_came(bridge: Rig) -> None:
    one = push(message_id="19917247034")

    response = bridge.post(one)

    assert (response.status_code, response.json()) == (200, {"status": "accepted"})
    (kept,) = bridge.kept()
    assert (kept.source, kept.id, kept.type) == ("google", "19917247034", "SUBSCRIPTION_RENEWED")
    assert (kept.occurred_at_ms, kept.received_at_ms) == (NOW_MS - MINUTE_MS, NOW_MS)
    assert kept.environment is Environment.UNKNOWN
    assert (kept.body, kept.hint) == (one.body, "")
    assert developer_notification(kept.body) == RENEWED


def test_an_unwrapped_push_takes_its_id_from_the_header(bridge: Rig) -> None:
    data = jsontext.dumps(RENEWED)

    assert bridge.post(unwrapped(data, token(), "19917247034", NOW_MS)).status_code == 200
    (kept,) = bridge.kept()
    assert (kept.id, kept.type, kept.body) == ("19917247034", "SUBSCRIPTION_RENEWED", data)


def test_the_old_spelling_of_the_message_id(bridge: Rig) -> None:
    envelope = jsontext.loads(push(message_id="77").body)
    del envelope["message"]["messageId"]

    bridge.post(with_body(jsontext.dumps(envelope)))
    assert bridge.kept()[0].id == "77"


def test_a_repeat_is_a_duplicate_and_one_fetch_serves_all(bridge: Rig) -> None:
    answers = [bridge.post(push(message_id=number)).json()["status"] for number in ("1", "1", "2", "1")]

    assert answers == ["accepted", "duplicate", "accepted", "duplicate"]
    assert [one.id for one in bridge.kept()] == ["1", "2"]
    assert bridge.fetches == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"subscriptionNotification": {**VERSIONED, "notificationType": 4}}, "SUBSCRIPTION_PURCHASED"),
        (
            {"subscriptionNotification": {**VERSIONED, "notificationType": 22}},
            "SUBSCRIPTION_PRICE_STEP_UP_CONSENT_UPDATED",
        ),
        ({"subscriptionNotification": {**VERSIONED, "notificationType": 21}}, "SUBSCRIPTION_21"),
        ({"subscriptionNotification": {**VERSIONED, "notificationType": "4"}}, "subscriptionNotification"),
        ({"subscriptionNotification": {**VERSIONED, "notificationType": True}}, "subscriptionNotification"),
        ({"subscriptionNotification": {**VERSIONED, "notificationType": 10**30}}, "subscriptionNotification"),
        ({"subscriptionNotification": []}, "subscriptionNotification"),
        ({"oneTimeProductNotification": {**VERSIONED, "notificationType": 2}}, "ONE_TIME_PRODUCT_CANCELED"),
        ({"voidedPurchaseNotification": {"productType": 1, "refundType": 1}}, "voidedPurchaseNotification"),
        ({"pendingRefundReviewNotification": VERSIONED}, "pendingRefundReviewNotification"),
        ({"testNotification": VERSIONED}, "testNotification"),
        ({"somethingNewNotification": {}}, "somethingNewNotification"),
        ({"bad\nNotification": {}}, ""),
        ({}, ""),
    ],
)
def test_the_type_is_googles_name_for_it(bridge: Rig, body: Document, kind: str) -> None:
    document = {"version": "1.0", "packageName": PACKAGE, "eventTimeMillis": NOW_MS, **body}

    assert bridge.post(push(document)).status_code == 200
    (kept,) = bridge.kept()
    assert (kept.type, kept.occurred_at_ms, kept.environment) == (kind, NOW_MS, Environment.UNKNOWN)


@pytest.mark.parametrize("odd", [None, "", "yesterday", -1, 0, 1.5, True, [], "9" * 400, str(NOW_MS + 2 * DAY_MS)])
def test_an_absurd_event_time_is_replaced_by_the_time_of_reception(bridge: Rig, odd: Any) -> None:
    assert bridge.post(push({**RENEWED, "eventTimeMillis": odd})).status_code == 200
    assert bridge.kept()[0].occurred_at_ms == NOW_MS


def test_a_foreign_package_is_kept_with_a_hint(bridge: Rig) -> None:
    response = bridge.post(push({**RENEWED, "packageName": "com.example.foreign"}))

    (kept,) = bridge.kept()
    assert response.status_code == 200
    assert "com.example.foreign is not in GOOGLE_PACKAGES" in response.json()["message"]
    assert (kept.type, kept.hint) == ("SUBSCRIPTION_RENEWED", response.json()["message"])


POISON = [
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"a":' * 5_000,
    b'{"message":null}',
    b'{"message":[]}',
    b'{"message":{"messageId":"5"}}',
    b'{"message":{"messageId":"5","data":7}}',
    b'{"message":{"messageId":"5","data":"%%%"}}',
    b'{"message":{"messageId":"5","data":"\\u00e9"}}',
    b'{"message":{"messageId":{"a":1},"data":"e30="}}',
    push().body.replace(b'"data":"', b'"data":"*'),
    b'{"message":{"messageId":"line\\nbreak","data":"e30="}}',
    raw(b'{"version": string, "packageName": string}').body,  # the data of the example on Google's own page
    raw(b"[" * 100_000).body,
    raw(b"\x00").body,
    raw(b'{"packageName":["com.example.app"]}').body,
    b'{"packageName":' + b"9" * 10_000 + b"}",
]


@pytest.mark.parametrize("body", POISON, ids=lambda body: ascii(body[:60]))
def test_a_poison_message_is_kept_once_so_that_pubsub_does_not_repeat_it_for_days(bridge: Rig, body: bytes) -> None:
    first, again = bridge.post(with_body(body)), bridge.post(with_body(body))

    assert (first.status_code, first.json()["status"]) == (200, "accepted")
    assert (again.status_code, again.json()["status"]) == (200, "duplicate")
    (kept,) = bridge.kept()
    assert (kept.body, kept.type) == (body, "")
    assert "no notification of Google Play" in kept.hint


def test_no_secret_and_no_purchase_token_in_the_log(bridge: Rig) -> None:
    bearer = token()
    bridge.post(push(bearer=bearer))
    bridge.post(push(bearer=bearer[:-4] + "AAAA"))

    log = "\n".join(bridge.lines)
    assert bearer[:40] not in log
    assert "token-1" not in log


@given(body=st.binary(max_size=300) | st.from_regex(rb'\{"message":\{"data":"[A-Za-z0-9+/]{0,40}={0,2}".*\}\}'))
def test_any_body_of_a_proven_push_becomes_a_notification(on_stage: Stage, body: bytes) -> None:
    google = receiver(on_stage.url)
    headers = {"authorization": f"Bearer {token()}", "x-goog-pubsub-message-id": "1"}
    with pytest.raises(NeedsKeys) as need:
        google.verify(headers, body, NOW_MS)
    need.value.fetch()

    notification = google.verify(headers, body, NOW_MS)
    assert notification.body == body
    assert notification.id


def test_the_end_says_what_it_takes(bridge: Rig) -> None:
    response = bridge.post_with(None)

    assert response.status_code == 401
    assert "Enable authentication" in response.json()["message"]
    assert AUDIENCE not in response.text
