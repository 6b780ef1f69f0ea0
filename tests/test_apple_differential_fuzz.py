"""The same verdict as Apple's plain library (see test_apple_differential.py) on random input."""

import json
from base64 import b64encode
from typing import Any

from apple_rig import (
    APP_ID,
    BUNDLE,
    NOW_MS,
    body_of,
    genuine,
    parts,
    same_verdict,
    sign,
    signer,
)
from hypothesis import given, settings
from hypothesis import strategies as st

EXAMPLES = settings(max_examples=60, deadline=None)


def resigned(signed: str) -> str:
    """The header and payload as given, with the leaf's right signature over them."""
    return f"{signed}.{signer().signature(signed)}"


GENUINE = json.loads(genuine())["signedPayload"]


@EXAMPLES
@given(
    at=st.integers(0, len(GENUINE)),
    cut=st.integers(0, 3),
    put=st.text("ABab01-_.=+/ é\x00", max_size=3),
)
def test_altered_texts(at: int, cut: int, put: str) -> None:
    same_verdict(body_of(GENUINE[:at] + put + GENUINE[at + cut :]))


@EXAMPLES
@given(
    place=st.sampled_from(["signedTransactionInfo", "signedRenewalInfo"]),
    at=st.floats(0, 1),
    put=st.sampled_from("AB_."),
)
def test_altered_inner_texts_under_a_right_outer_signature(place: str, at: float, put: str) -> None:
    outer, transaction, renewal = parts()
    claims = {"signedTransactionInfo": transaction, "signedRenewalInfo": renewal}
    signed = {field: signer().sign(part) for field, part in claims.items()}
    index = int(at * (len(signed[place]) - 1))
    signed[place] = signed[place][:index] + put + signed[place][index + 1 :]
    same_verdict(body_of(signer().sign({**outer, "data": {**outer["data"], **signed}})))


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["Production", "Sandbox", "Xcode", BUNDLE, "com.example.other", APP_ID, str(APP_ID), NOW_MS]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
)
FIELDS = st.dictionaries(
    st.sampled_from(
        "bundleId appAppleId environment signedDate receiptCreationDate price status subtype notificationUUID data "
        "summary appData externalPurchaseToken externalPurchaseId exp aud sub".split()
    ),
    VALUES,
    max_size=3,
)


@EXAMPLES
@given(
    at_top=FIELDS,
    in_data=FIELDS,
    in_transaction=FIELDS,
    in_renewal=FIELDS,
    environment=st.sampled_from(["Production", "Sandbox"]),
)
def test_signed_nonsense(
    at_top: dict[str, Any],
    in_data: dict[str, Any],
    in_transaction: dict[str, Any],
    in_renewal: dict[str, Any],
    environment: str,
) -> None:
    outer, transaction, renewal = parts(environment=environment)
    data: dict[str, Any] = {**outer["data"], **in_data}
    for field, claims in (
        ("signedTransactionInfo", {**transaction, **in_transaction}),
        ("signedRenewalInfo", {**renewal, **in_renewal}),
    ):
        data[field] = sign(json.dumps(claims).encode())
    whole = {**outer, "data": data, **at_top}
    same_verdict(body_of(sign(json.dumps(whole).encode())))


@EXAMPLES
@given(
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jku"]), VALUES, max_size=3),
    x5c=st.lists(st.sampled_from([*signer().x5c, "", "AAAA", "junk", 1]), max_size=4) | st.just(signer().x5c),
)
def test_headers_at_random(header: dict[str, Any], x5c: list[Any]) -> None:
    outer, _, _ = parts()
    text = signer().sign_bytes(json.dumps(outer).encode(), {"alg": "ES256"})
    payload = text.split(".")[1]
    odd_header = b64encode(json.dumps({"alg": "ES256", "x5c": x5c, **header}).encode(), b"-_").rstrip(b"=").decode()
    same_verdict(body_of(resigned(f"{odd_header}.{payload}")))


@EXAMPLES
@given(header=st.binary(max_size=40), payload=st.binary(max_size=40))
def test_bytes_at_random(header: bytes, payload: bytes) -> None:
    segments = (b64encode(part, b"-_").rstrip(b"=").decode() for part in (header, payload))
    assert not same_verdict(body_of(resigned(".".join(segments))))
