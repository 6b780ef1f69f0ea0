"""What the tests of Apple's receiving half share: an app, genuine-shaped notifications, chains that are wrong in one
way each, and the verdict of Apple's plain library to compare with."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier, VerificationException
from cryptography.hazmat.primitives.asymmetric import ec

from bridge.errors import Forged
from bridge.sources.apple.identity import PARTS
from bridge.sources.apple.receive import AppleReceiver
from bridge.stories.apple_signing import INTERMEDIATE_MARK, LEAF_MARK, AppleSigner, Holder, Validity, issue
from bridge.values.records import Document
from bridge.values.times import DAY_MS

BUNDLE = "com.example.app"
APP_ID = 1234567890
APPS: Mapping[str, int | None] = {BUNDLE: APP_ID, "com.example.other": 987654321, "com.example.sandbox-only": None}
NOW_MS = time.time_ns() // 1_000_000  # the library looks at the machine's clock where a payload has no date


@cache
def signer() -> AppleSigner:
    """The chain that the tests trust."""
    return AppleSigner.generate(NOW_MS)


def receiver(max_age_days: int = 0, *roots: bytes) -> AppleReceiver:
    """A receiver that has not seen anything yet."""
    return AppleReceiver(APPS, roots or [signer().root.der], max_age_days)


def warm_receiver() -> AppleReceiver:
    """A receiver that remembers the genuine chain."""
    warm = receiver()
    warm.verify({}, genuine(), NOW_MS)
    return warm


def verdict(apple: AppleReceiver, body: bytes, now_ms: int = NOW_MS) -> bool:
    """Whether a receiver takes the body. Any exception but Forged is a fault."""
    try:
        apple.verify({}, body, now_ms)
    except Forged:
        return False
    return True


def parts(**changes: Any) -> tuple[Document, Document, Document]:
    """Claims of a notification, its transaction and its renewal info; `environment` etc. change all three."""
    shared = {"environment": "Production", "signedDate": NOW_MS, **changes}
    app = {"bundleId": shared.pop("bundleId", BUNDLE)}
    app_apple_id = shared.pop("appAppleId", APP_ID)
    signed_date = shared["signedDate"]
    environment = shared["environment"]
    outer = {
        "notificationType": "DID_RENEW",
        "notificationUUID": "3838df56-31ab-4e2e-9535-e6e9377c4c77",
        "version": "2.0",
        "signedDate": signed_date,
        "data": {**app, "appAppleId": app_apple_id, "environment": environment, "bundleVersion": "1", "status": 1},
    }
    transaction = {
        **app,
        "environment": environment,
        "signedDate": signed_date,
        "transactionId": "2000000000000001",
        "originalTransactionId": "2000000000000000",
        "productId": "pro.monthly",
        "price": 49990,
        "currency": "EUR",
        "purchaseDate": NOW_MS,
        "type": "Auto-Renewable Subscription",
    }
    renewal = {"environment": environment, "signedDate": signed_date, "autoRenewStatus": 1, "renewalPrice": 49990}
    return outer, transaction, renewal


def genuine(by: AppleSigner | None = None, **changes: Any) -> bytes:
    """The body of a renewal, as Apple would send it."""
    outer, transaction, renewal = parts(**changes)
    return (by or signer()).notification(outer, transaction=transaction, renewal=renewal)


def body_of(signed_payload: str) -> bytes:
    """The body of a webhook around an outer JWS."""
    return json.dumps({"signedPayload": signed_payload}).encode()


ODD_AND_GOOD = {"another good intermediate", "leaf that is an authority"}


def wrong_signers() -> Mapping[str, Callable[[], AppleSigner]]:
    """Chains that are each wrong in one way, and the ODD_AND_GOOD ones."""
    year = Validity.around(NOW_MS)
    past = Validity.around(NOW_MS - 800 * DAY_MS, 100)
    future = Validity.around(NOW_MS + 800 * DAY_MS, 100)

    def leaf(*, mark: str | None = LEAF_MARK, **more: Any) -> Holder:
        return issue("Leaf", more.pop("validity", year), **{"issuer": signer().intermediate, "mark": mark, **more})

    def through(**more: Any) -> AppleSigner:
        settings = {"issuer": signer().root, "mark": INTERMEDIATE_MARK, "is_authority": True, **more}
        intermediate = issue("Intermediate", settings.pop("validity", year), **settings)
        return AppleSigner(signer().root, intermediate, leaf(issuer=intermediate))

    def with_leaf(**more: Any) -> AppleSigner:
        return replace(signer(), leaf=leaf(**more))

    return {
        "somebody else's root": lambda: AppleSigner.generate(NOW_MS),
        "somebody else's root, ours named": lambda: replace(AppleSigner.generate(NOW_MS), root=signer().root),
        "somebody else's leaf": lambda: replace(signer(), leaf=AppleSigner.generate(NOW_MS).leaf),
        "somebody else's intermediate": lambda: replace(
            signer(), intermediate=AppleSigner.generate(NOW_MS).intermediate
        ),
        "leaf without its mark": lambda: with_leaf(mark=None),
        "leaf with the intermediate's mark": lambda: with_leaf(mark=INTERMEDIATE_MARK),
        "leaf expired": lambda: with_leaf(validity=past),
        "leaf not valid yet": lambda: with_leaf(validity=future),
        "leaf on P-384": lambda: with_leaf(key=ec.generate_private_key(ec.SECP384R1())),
        "leaf on another curve of that size": lambda: with_leaf(key=ec.generate_private_key(ec.SECP256K1())),
        "leaf signed by itself": lambda: with_leaf(issuer=None),
        "leaf signed by the root": lambda: with_leaf(issuer=signer().root),
        "leaf without key identifiers": lambda: with_leaf(identifiers=False),
        "leaf that is an authority": lambda: with_leaf(is_authority=True, key=ec.generate_private_key(ec.SECP256R1())),
        "intermediate without its mark": lambda: through(mark=None),
        "intermediate that is no authority": lambda: through(is_authority=False),
        "intermediate expired": lambda: through(validity=past),
        "another good intermediate": through,
        "swapped": lambda: AppleSigner(signer().leaf, signer().root, signer().intermediate),
    }


class _ComparedOnly(SignedDataVerifier):
    """The library, made to look only at what it compares: its models cannot be built around a wrong type in any other
    field, though the payload is proven by then."""

    def _decode_signed_object(self, signed_obj: str) -> Document:
        payload = super()._decode_signed_object(signed_obj)
        part = next(((name, payload[name]) for name in PARTS if payload.get(name) is not None), None)
        return {**self._compared(payload), **({part[0]: self._compared(part[1])} if part else {})}

    def _compared(self, value: Any) -> Any:
        fields = {"bundleId", "environment", "receiptType", "externalPurchaseId"}
        if self._environment is Environment.PRODUCTION:
            fields.add("appAppleId")
        return {name: value[name] for name in fields if name in value} if isinstance(value, dict) else value


KINDS = (SignedDataVerifier, _ComparedOnly)


def library_verdict(body: bytes, roots: Sequence[bytes] = ()) -> bool:
    """Whether the plain library, set up for any of our apps in Production or Sandbox, takes all in it."""
    text = json.loads(body)["signedPayload"]
    verifiers = [
        [kind(list(roots or [signer().root.der]), False, environment, bundle, app_id) for kind in KINDS]
        for bundle, app_id in APPS.items()
        for environment in (Environment.PRODUCTION, Environment.SANDBOX)
        if environment is Environment.SANDBOX or app_id is not None
    ]
    try:
        outer = verifiers[0][0]._decode_signed_object(text)  # so far it depends neither on app nor on environment
    except VerificationException:
        return False
    signed = [("verify_and_decode_notification", text), *_nested(outer)]
    return any(all(_takes(pair, method, part) for method, part in signed) for pair in verifiers)


def _takes(verifiers: Sequence[SignedDataVerifier], method: str, signed: Any) -> bool:
    for verifier in verifiers:
        try:
            getattr(verifier, method)(signed)
        except VerificationException:
            return False
        except Exception:  # noqa: BLE001 - cattrs raises several kinds; the next verifier decides
            continue
        return True
    return False


def _nested(outer: Document) -> list[tuple[str, Any]]:
    data = outer["data"] if isinstance(outer.get("data"), dict) else {}
    app_data = outer["appData"] if isinstance(outer.get("appData"), dict) else {}
    found = [
        ("verify_and_decode_signed_transaction", data.get("signedTransactionInfo")),
        ("verify_and_decode_renewal_info", data.get("signedRenewalInfo")),
        ("verify_and_decode_app_transaction", app_data.get("signedAppTransactionInfo")),
    ]
    return [(method, signed) for method, signed in found if signed is not None]


def same_verdict(body: bytes, *roots: bytes) -> bool:
    """The verdict on a body, after asserting that all ways to it agree: unknown, repeated, chain remembered."""
    expected = library_verdict(body, roots)
    cold = receiver(0, *roots)
    assert verdict(cold, body) is expected
    assert verdict(cold, body) is expected
    assert verdict(warm_receiver() if not roots else cold, body) is expected
    return expected


def sign(payload: bytes, **header: Any) -> str:
    return signer().sign_bytes(payload, {"alg": "ES256", "x5c": signer().x5c, **header})
