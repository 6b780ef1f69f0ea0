"""The fast proof and Apple's plain library give the same verdict, whether the chain is remembered or new.

Verdict means: taken or refused. The library is set up as its documentation says, once for each app and environment,
online checks off, and given all signed parts. Two things are outside the comparison, and stated here:

- What the bridge adds: the bounds on size and number, and the age of a notification.
- A wrong type in a proven field which the library does not compare. There its models raise cattrs' error, which is no
  verdict; the library is then asked to look at the compared fields only.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from importlib.metadata import version
from typing import Any

import jwt
import pytest
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

from bridge.values.times import DAY_MS


def test_the_library_is_the_version_whose_inside_we_use() -> None:
    assert version("app-store-server-library") == "3.1.2"


@pytest.mark.parametrize("environment", ["Production", "Sandbox"])
def test_genuine_notifications_are_taken(environment: str) -> None:
    assert same_verdict(genuine(environment=environment))


def test_a_signature_by_a_shared_secret_is_no_proof_even_for_xcode() -> None:
    outer, _, _ = parts(environment="Xcode")
    secret = "a secret of at least thirty-two bytes"
    forged = jwt.encode(outer, secret, algorithm="HS256", headers={"x5c": signer().x5c})
    assert not same_verdict(body_of(forged))


@pytest.mark.parametrize("environment", ["Xcode", "LocalTesting", "production", "", None, 1, ["Production"], {}])
def test_environments_that_are_not_apples(environment: Any) -> None:
    assert not same_verdict(genuine(environment=environment))


PARTS: dict[str, tuple[dict[str, Any], bool]] = {
    "nothing": ({}, False),
    "data empty": ({"data": {}}, False),
    "data null": ({"data": None}, False),
    "data null, then summary": (
        {"data": None, "summary": {"environment": "Sandbox", "bundleId": BUNDLE}},
        True,
    ),
    "data empty, then summary": ({"data": {}, "summary": {"environment": "Sandbox", "bundleId": BUNDLE}}, False),
    "data text": ({"data": "environment"}, False),
    "data list": ({"data": []}, False),
    "data number": ({"data": 5}, False),
    "another app": ({"data": {"environment": "Sandbox", "bundleId": "com.example.stranger"}}, False),
    "another case": ({"data": {"environment": "Sandbox", "bundleId": BUNDLE.upper()}}, False),
    "bundle id in a list": ({"data": {"environment": "Sandbox", "bundleId": [BUNDLE]}}, False),
    "no app id": ({"data": {"environment": "Production", "bundleId": BUNDLE}}, False),
    "no app id in Sandbox": ({"data": {"environment": "Sandbox", "bundleId": BUNDLE}}, True),
    "odd app id in Sandbox": ({"data": {"environment": "Sandbox", "bundleId": BUNDLE, "appAppleId": "x"}}, True),
    "app id of another app": (
        {"data": {"environment": "Production", "bundleId": BUNDLE, "appAppleId": 987654321}},
        False,
    ),
    "app id as text": ({"data": {"environment": "Production", "bundleId": BUNDLE, "appAppleId": str(APP_ID)}}, True),
    "app id as a float": (
        {"data": {"environment": "Production", "bundleId": BUNDLE, "appAppleId": float(APP_ID)}},
        True,
    ),
    "app id in a list": ({"data": {"environment": "Production", "bundleId": BUNDLE, "appAppleId": [APP_ID]}}, False),
    "Production of an app without id": (
        {"data": {"environment": "Production", "bundleId": "com.example.sandbox-only", "appAppleId": 1}},
        False,
    ),
    "Sandbox of an app without id": (
        {"data": {"environment": "Sandbox", "bundleId": "com.example.sandbox-only", "appAppleId": 1}},
        True,
    ),
    "token": ({"externalPurchaseToken": {"bundleId": BUNDLE, "appAppleId": APP_ID, "externalPurchaseId": "a"}}, True),
    "token of Sandbox": (
        {"externalPurchaseToken": {"bundleId": BUNDLE, "externalPurchaseId": "SANDBOX_a"}},
        True,
    ),
    "token without id": ({"externalPurchaseToken": {"bundleId": BUNDLE, "appAppleId": APP_ID}}, True),
    "token with an odd id": (
        {"externalPurchaseToken": {"bundleId": BUNDLE, "appAppleId": APP_ID, "externalPurchaseId": ["SANDBOX"]}},
        True,
    ),
    "app data": ({"appData": {"environment": "Sandbox", "bundleId": BUNDLE}}, True),
    "transaction number": ({"data": {"environment": "Sandbox", "bundleId": BUNDLE, "signedTransactionInfo": 5}}, False),
    "transaction empty": ({"data": {"environment": "Sandbox", "bundleId": BUNDLE, "signedTransactionInfo": ""}}, False),
    "transaction null": ({"data": {"environment": "Sandbox", "bundleId": BUNDLE, "signedTransactionInfo": None}}, True),
}


@pytest.mark.parametrize("name", PARTS)
def test_whom_it_is_about(name: str) -> None:
    part, expected = PARTS[name]
    outer = {"notificationType": "TEST", "notificationUUID": "1", "signedDate": NOW_MS, **part}
    assert same_verdict(body_of(signer().sign(outer))) is expected


@pytest.mark.parametrize("place", ["transaction", "renewal"])
@pytest.mark.parametrize(
    "change",
    [
        {"environment": "Sandbox"},
        {"environment": None},
        {"environment": "Xcode"},
        {"bundleId": "com.example.other"},
        {"bundleId": None},
        {"price": "abc"},
        {"price": [], "currency": 5, "offerType": "x"},
        {"signedDate": "abc"},
        {"signedDate": None},
        {"signedDate": str(NOW_MS)},
        {"signedDate": 10**18},
        {"signedDate": True},
        {"exp": 1},
        {"unknown": {"deep": [1, {}]}},
    ],
    ids=str,
)
def test_inner_parts_that_disagree_or_are_odd(place: str, change: dict[str, Any]) -> None:
    outer, transaction, renewal = parts()
    {"transaction": transaction, "renewal": renewal}[place].update(change)
    same_verdict(signer().notification(outer, transaction=transaction, renewal=renewal))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"bundleId": "com.example.other"}, False),
        ({"appAppleId": 5}, False),
        ({"receiptType": "Sandbox"}, False),
        ({"receiptType": None, "environment": "Production"}, False),
        ({"receiptCreationDate": None}, True),
        ({"receiptCreationDate": NOW_MS - 800 * DAY_MS}, False),
        ({"originalPurchaseDate": "abc"}, True),
    ],
    ids=str,
)
def test_app_transactions(change: dict[str, Any], expected: bool) -> None:
    app = {"bundleId": BUNDLE, "appAppleId": APP_ID}
    inner = {**app, "receiptType": "Production", "receiptCreationDate": NOW_MS, **change}
    part = {**app, "environment": "Production", "signedAppTransactionInfo": signer().sign(inner)}
    outer = {"notificationType": "RESCIND_CONSENT", "notificationUUID": "1", "signedDate": NOW_MS, "appData": part}
    assert same_verdict(body_of(signer().sign(outer))) is expected


PAYLOADS = {
    "not JSON": b"{",
    "empty": b"",
    "list": b"[]",
    "null": b"null",
    "UTF-16": json.dumps(parts()[0]).encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + json.dumps(parts()[0]).encode(),
    "not UTF-8": b'{"a": "\xff"}',
    "lone surrogate": json.dumps({**parts()[0], "notificationUUID": "\ud800"}).encode(),
    "NaN": json.dumps({**parts()[0], "a": float("nan")}).encode(),
    "infinite date": json.dumps({**parts()[0], "signedDate": float("inf")}).encode(),
    "long number": json.dumps(parts()[0])[:-1].encode() + b', "a": ' + b"1" * 5_000 + b"}",
    "key twice": json.dumps(parts()[0])[:-1].encode() + b', "data": {}}',
    "nested": json.dumps(parts()[0])[:-1].encode() + b', "a": ' + b"[" * 200 + b"]" * 200 + b"}",
    "nested too deeply": json.dumps(parts()[0])[:-1].encode() + b', "a": ' + b"[" * 9_000 + b"]" * 9_000 + b"}",
    "no date": json.dumps({**parts()[0], "signedDate": None}).encode(),
    "odd everywhere": json.dumps(
        {**parts()[0], "notificationType": [], "notificationUUID": {}, "subtype": 5, "version": None}
    ).encode(),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_payloads(name: str) -> None:
    same_verdict(body_of(sign(PAYLOADS[name])))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat", "aud", "sub", "jti", "iss"])
@pytest.mark.parametrize("value", [1, NOW_MS, "a", "", None, ["a"]], ids=str)
def test_registered_claims(claim: str, value: Any) -> None:
    outer, _, _ = parts()
    same_verdict(body_of(signer().sign({**outer, claim: value})))


@pytest.mark.parametrize(
    "text",
    ["", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.e30.e30", "é.e30.e30", "." * 1_000, "e30=.e30.e30"],
    ids=repr,
)
def test_texts_that_are_no_jws(text: str) -> None:
    assert not same_verdict(body_of(text))


def test_one_signature_in_other_words() -> None:
    outer, _, _ = parts()
    texts = (signer().sign(outer).rpartition(".") for _ in range(100))
    signed, _, signature = next(parts for parts in texts if "-" in parts[2][:40] and "_" in parts[2][:40])
    value = urlsafe_b64decode(signature + "==")
    longer = urlsafe_b64encode(value[:32] + b"\0" + value[32:]).decode().rstrip("=")
    other_alphabet = signature.replace("-", "+").replace("_", "/")
    for written in (signature + "=", signature + "===", signature[:-1], signature + "A", longer, other_alphabet):
        assert not same_verdict(body_of(f"{signed}.{written}"))
    assert same_verdict(body_of(f"{signed}.{signature}=="))
