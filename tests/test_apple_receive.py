"""Apple's receiving half: what it takes, what it refuses, what it says about it, and through the real app over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from apple_rig import APP_ID, APPS, BUNDLE, NOW_MS, body_of, genuine, parts, receiver, sign, signer, verdict
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import BadNotification, CannotTell, Forged
from bridge.http import create_app
from bridge.keeper import Keeper
from bridge.ledger.sqlite import SqliteLedger
from bridge.sources.apple.jws import claims, signed_payload
from bridge.sources.apple.receive import AppleReceiver
from bridge.standins.server import running
from bridge.values.records import Environment
from bridge.values.times import DAY_MS, HOUR_MS


@pytest.mark.parametrize("environment", [Environment.PRODUCTION, Environment.SANDBOX])
def test_a_genuine_notification(environment: Environment) -> None:
    body = genuine(environment=environment.value.title(), signedDate=NOW_MS - 5_000)
    notification = receiver(8).verify({}, body, NOW_MS)
    assert notification.source == "apple"
    assert notification.id == "3838df56-31ab-4e2e-9535-e6e9377c4c77"
    assert notification.type == "DID_RENEW"
    assert notification.environment is environment
    assert (notification.occurred_at_ms, notification.received_at_ms) == (NOW_MS - 5_000, NOW_MS)
    assert notification.body == body


def test_what_was_proven_can_be_read_digit_for_digit() -> None:
    outer, transaction, _ = parts()
    transaction["price"] = Decimal("49990.0000000000000001")
    body = signer().notification(outer, transaction=transaction)
    notification = receiver().verify({}, body, NOW_MS)
    inner = claims(claims(signed_payload(notification.body))["data"]["signedTransactionInfo"])
    assert inner["price"] == Decimal("49990.0000000000000001")


@pytest.mark.parametrize("text", ["", "a.b", "e30.W10.", "e30.e.", "e30.eyJhIjpOYU59.", "a.b.c.d", "é.é.é"])
def test_claims_that_cannot_be_read(text: str) -> None:
    with pytest.raises(BadNotification):
        claims(text)


@pytest.mark.parametrize("odd", [None, 5, [], {}, "", "a" * 101, "line\nbreak", "é", "\ud800"], ids=ascii)
def test_an_odd_id_or_type_is_kept_under_the_digest_of_the_body(odd: Any) -> None:
    outer, _, _ = parts()
    body = body_of(sign(json.dumps({**outer, "notificationUUID": odd, "notificationType": odd}).encode()))
    apple = receiver(8)
    notification = apple.verify({}, body, NOW_MS)
    assert notification.id.startswith("sha256:")
    assert notification.type == ""
    assert apple.verify({}, body, NOW_MS + 1).id == notification.id


def test_types_and_fields_that_nobody_knows_yet_are_taken() -> None:
    outer, transaction, renewal = parts()
    outer |= {"notificationType": "NEW_IN_2030", "subtype": "NEWER", "new": {"a": [1]}}
    transaction |= {"offerType": 99, "price": "abc", "quantity": {}}
    body = signer().notification(outer, transaction=transaction, renewal=renewal)
    assert receiver(8).verify({}, body, NOW_MS).type == "NEW_IN_2030"


def test_a_notification_without_a_date_happened_when_it_came() -> None:
    outer, _, _ = parts()
    body = body_of(signer().sign({name: value for name, value in outer.items() if name != "signedDate"}))
    assert receiver(8).verify({}, body, NOW_MS).occurred_at_ms == NOW_MS


@pytest.mark.parametrize(
    ("age_ms", "max_age_days", "refusal"),
    [
        (8 * DAY_MS, 8, None),
        (8 * DAY_MS + 1, 8, Forged),
        (100 * DAY_MS, 8, Forged),
        (100 * DAY_MS, 0, None),
        (-HOUR_MS, 8, None),
        (-HOUR_MS - 1, 8, CannotTell),
        (-100 * DAY_MS, 0, None),
    ],
)
def test_age(age_ms: int, max_age_days: int, refusal: type[Exception] | None) -> None:
    apple, body = receiver(max_age_days), genuine(signedDate=NOW_MS - age_ms)
    if refusal is None:
        apple.verify({}, body, NOW_MS)
    else:
        with pytest.raises(refusal):
            apple.verify({}, body, NOW_MS)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"{",
        b'"signedPayload"',
        b'{"signedPayload": null}',
        b'{"signedPayload": 5}',
        b'{"signedPayload": ["a.b.c"]}',
        b'{"signedPayload": "\\ud800.a.b"}',
        b'\xff\xfe{"signedPayload": "a.b.c"}',
        b'{"signedPayload": "a.b.c", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"signedPayload": "' + b"." * 1_000_000 + b'"}',
        b'{"signedPayload": "' + b"A" * 1_000_000 + b'"}',
        b'{"signedPayload": "e30.' + b"A" * 1_000_000 + b'.AA"}',
    ],
    ids=lambda body: repr(body[:40]),
)
def test_bodies_that_are_no_notification(body: bytes) -> None:
    apple = receiver()
    with pytest.raises(Forged):
        apple.verify({}, body, NOW_MS)
    assert apple.chains.walks == 0


@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda text: json.dumps({"signedPayload": text}).encode()))
def test_any_bytes_are_refused_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises(Forged):
        receiver().verify({}, body, NOW_MS)


def test_a_notification_of_version_1_is_told_what_to_choose() -> None:
    with pytest.raises(Forged, match="Choose Version 2 in App Store Connect"):
        receiver().verify({}, b'{"notification_type": "DID_RENEW", "password": "secret"}', NOW_MS)


@pytest.mark.parametrize(
    ("changes", "code", "told"),
    [
        ({"bundleId": "com.example.stranger"}, "other_app", "APPLE_APPS"),
        ({"appAppleId": 1}, "other_app", "appAppleId"),
        ({"bundleId": "com.example.sandbox-only"}, "other_app", "bundle.id:appAppleId"),
        ({"environment": "Xcode"}, "other_environment", "neither Production nor Sandbox"),
    ],
)
def test_a_refusal_names_the_setting_and_quotes_nothing(changes: dict[str, Any], code: str, told: str) -> None:
    with pytest.raises(Forged, match=told) as refusal:
        receiver().verify({}, genuine(**changes), NOW_MS)
    assert refusal.value.code == code
    assert refusal.value.status == 400
    assert "stranger" not in refusal.value.message


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    ledger = SqliteLedger.open(tmp_path / "ledger.sqlite")
    apple = AppleReceiver(APPS, [signer().root.der], 8)
    app = create_app([apple], Keeper(ledger, _log), log=_log, clock=lambda: NOW_MS)
    with running(app) as base:
        yield f"{base}/webhooks/apple"
    ledger.close()


def _log(_event: str, /, **_fields: object) -> None:
    """Nothing here is about the log."""


def test_over_http(url: str) -> None:
    outer, _, _ = parts()
    odd = signer().notification({**outer, "notificationUUID": "odd"}, transaction={**parts()[1], "price": "abc"})
    stranger = body_of(sign(b"{}"))
    answers = [httpx.post(url, content=body) for body in (genuine(), genuine(), odd, genuine()[:-40] + b'"}', stranger)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 400, 400]
    assert [answer.json().get("status") for answer in answers] == ["accepted", "duplicate", "accepted", None, None]
    assert [answer.json().get("error") for answer in answers[3:]] == ["not_proven", "other_app"]


IMPORTS = """
import sys
{code}
print(*sorted({{"cryptography", "OpenSSL", "jwt", "requests", "appstoreserverlibrary"}} & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    ("code", "loaded"),
    [
        ("import bridge.sources.apple.jws", ""),
        ("import bridge.sources.apple.receive", ""),
        ("from bridge.sources.apple.receive import AppleReceiver; AppleReceiver({}, [], 8)", "OpenSSL cryptography"),
    ],
)
def test_nothing_dear_is_imported_before_it_is_needed(code: str, loaded: str) -> None:
    program = IMPORTS.format(code=code)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == loaded


def test_app_ids_of_other_apps_of_ours_do_not_count() -> None:
    with pytest.raises(Forged):
        receiver().verify({}, genuine(bundleId=BUNDLE, appAppleId=987654321), NOW_MS)
    assert verdict(receiver(), genuine(bundleId=BUNDLE, appAppleId=APP_ID))
