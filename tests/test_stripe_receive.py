"""Stripe's receiving half: what proves a webhook, and what the notification then says."""

from hashlib import sha256

import orjson
import pytest
from edge_rig import OTHER_SECRET, SECRET, sign
from stripe import WebhookSignature

from bridge.errors import Forged
from bridge.sources.stripe.receive import MAX_HEADER_CHARS, TOLERANCE_MS, StripeReceiver
from bridge.values.records import Environment, Notification

NOW_MS = 1_764_000_000_000
NOW_S = NOW_MS // 1_000
RECEIVER = StripeReceiver([SECRET, OTHER_SECRET])


def proven(**event: object) -> Notification:
    return proven_body(orjson.dumps(event))


def proven_body(body: bytes, at_s: int = NOW_S) -> Notification:
    return RECEIVER.verify(sign(body, at_s=at_s), body, NOW_MS)


def test_a_snapshot_event() -> None:
    got = proven(id="evt_1", object="event", type="invoice.paid", created=NOW_S - 5, livemode=True, account="acct_1")
    assert got.source == "stripe"
    assert (got.id, got.type, got.environment, got.hint) == ("evt_1", "invoice.paid", Environment.PRODUCTION, "")
    assert (got.occurred_at_ms, got.received_at_ms) == (NOW_MS - 5_000, NOW_MS)
    assert orjson.loads(got.body)["account"] == "acct_1"


@pytest.mark.parametrize(
    ("livemode", "environment"),
    [(True, "production"), (False, "sandbox"), (None, "unknown"), ("true", "unknown"), (1, "unknown")],
)
def test_the_environment_is_what_livemode_says(livemode: object, environment: str) -> None:
    assert proven(id="evt_1", livemode=livemode).environment == environment


@pytest.mark.parametrize(
    "created", [None, True, 0, -5, 10**15, 10**40, "yesterday", "", [], 1.5, "0001-01-01T00:00:00Z"]
)
def test_an_absurd_time_gives_way_to_that_of_reception(created: object) -> None:
    body = f'{{"id": "evt_1", "created": {orjson.dumps(created).decode() if created != 10**40 else created}}}'.encode()
    assert proven_body(body).occurred_at_ms == NOW_MS


def test_a_test_clock_may_run_ahead() -> None:
    ahead_s = NOW_S + 300 * 86_400
    assert proven(id="evt_1", created=ahead_s, livemode=False).occurred_at_ms == ahead_s * 1_000


def test_a_thin_event_has_its_time_in_text_and_a_hint() -> None:
    got = proven(id="evt_1", object="v2.core.event", type="v1.invoice.paid", created="2025-11-24T15:59:00Z")
    assert got.occurred_at_ms == NOW_MS - 60_000
    assert "payload style Snapshot" in got.hint


@pytest.mark.parametrize("wrong_id", [None, 7, "", "x" * 256, "evt\n1", "évt", ["evt_1"]])
def test_without_a_sane_id_the_digest_of_the_body_is_the_id(wrong_id: object) -> None:
    body = orjson.dumps({"id": wrong_id, "type": "invoice.paid"})
    got = proven_body(body)
    assert got.id == f"sha256:{sha256(body).hexdigest()}"
    assert got.type == "invoice.paid"


@pytest.mark.parametrize("wrong_type", [None, 7, "x" * 256, "a\x1b[31m", {}])
def test_a_type_that_is_no_word_is_left_empty(wrong_type: object) -> None:
    assert proven(id="evt_1", type=wrong_type).type == ""


@pytest.mark.parametrize("age_ms", [0, TOLERANCE_MS, -TOLERANCE_MS])
def test_within_the_tolerance_both_ways_it_is_proven(age_ms: int) -> None:
    assert proven_body(b'{"id": "evt_1"}', at_s=(NOW_MS - age_ms) // 1_000).id == "evt_1"


@pytest.mark.parametrize("age_ms", [TOLERANCE_MS + 1_000, -TOLERANCE_MS - 1_000])
def test_beyond_it_is_refused_with_a_look_at_the_clock(age_ms: int) -> None:
    with pytest.raises(Forged, match="clock") as caught:
        proven_body(b"{}", at_s=(NOW_MS - age_ms) // 1_000)
    assert caught.value.code == "not_current"


def test_a_right_signature_among_wrong_ones_proves() -> None:
    body = b'{"id": "evt_1"}'
    right = sign(body, at_s=NOW_S)["stripe-signature"]
    time, signature = right.split(",")
    rolled = {"stripe-signature": f"{time},v1={'0' * 64},{signature},v0={'1' * 64}"}
    assert RECEIVER.verify(rolled, body, NOW_MS).id == "evt_1"


def test_a_second_time_in_the_header_does_not_make_an_old_signature_new() -> None:
    body = b'{"id": "evt_1"}'
    old = sign(body, at_s=NOW_S - 9_999)["stripe-signature"]
    for header in (f"{old},t={NOW_S}", f"t={NOW_S},{old}", old.replace(",", f"={NOW_S},", 1), f" t={NOW_S},{old}"):
        with pytest.raises(Forged):
            RECEIVER.verify({"stripe-signature": header}, body, NOW_MS)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        "t=1",
        "v1=00",
        f"t={NOW_S},v0=00",
        f"t={NOW_S},v1=é",
        f"t={'9' * 5_000},v1=00",
        "t=١٢٣,v1=00",
        f"t={NOW_S}," + "v1=00," * MAX_HEADER_CHARS,
        "\x00",
    ],
)
def test_a_header_of_another_form_is_refused(header: str) -> None:
    with pytest.raises(Forged):
        RECEIVER.verify({"stripe-signature": header}, b"{}", NOW_MS)


@pytest.mark.parametrize("body", [b"\xff", b"{}\xc3", "é".encode("latin-1")])
def test_bytes_that_are_no_text_are_refused(body: bytes) -> None:
    with pytest.raises(Forged):
        RECEIVER.verify(sign(b"{}", at_s=NOW_S), body, NOW_MS)


def test_a_refusal_names_the_setting_and_nothing_secret() -> None:
    header = sign(b"{}", "whsec_wrong_0123456789", at_s=NOW_S)
    with pytest.raises(Forged) as caught:
        RECEIVER.verify(header, b"{}", NOW_MS)
    assert "STRIPE_WEBHOOK_SECRETS" in caught.value.message
    for secret in (SECRET, OTHER_SECRET, header["stripe-signature"]):
        assert secret not in caught.value.message


def test_without_a_secret_nothing_is_proven() -> None:
    unsigned = {"stripe-signature": str(WebhookSignature.generate_signature_header("{}", "", NOW_S))}
    for secrets in ([], [""], [" "]):
        with pytest.raises(Forged):
            StripeReceiver(secrets).verify(unsigned, b"{}", NOW_MS)
