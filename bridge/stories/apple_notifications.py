"""App Store Server Notifications as a person reads them: decoded, with decoded parts inside; and how to seal them.

Source: https://developer.apple.com/documentation/appstoreservernotifications/responsebodyv2decodedpayload
"""

from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bridge.stories.apple_signing import AppleSigner
from bridge.values import jsontext
from bridge.values.records import Document

BUNDLE_ID = "com.example.app"
APP_APPLE_ID = 1_234_567_890
NESTED = (
    ("data", "signedTransactionInfo"),
    ("data", "signedRenewalInfo"),
    ("appData", "signedAppTransactionInfo"),
)
"""Where a notification carries further signed parts."""


def notification(  # noqa: PLR0913 - what a notification consists of
    kind: str,
    signed_ms: int,
    *,
    subtype: str | None = None,
    transaction: Document | None = None,
    renewal: Document | None = None,
    environment: str = "Production",
    **data: Any,
) -> Document:
    """A notification of a type, signed at epoch milliseconds `signed_ms`; `data` are further fields of its data.

    The same arguments give the same notificationUUID, as Apple's repeats have it.
    """
    about = {"transaction": transaction, "renewal": renewal, "environment": environment, **data}
    name = jsontext.dumps([kind, subtype, signed_ms, about]).hex()
    app = {"appAppleId": APP_APPLE_ID, "bundleId": BUNDLE_ID, "bundleVersion": "42", "environment": environment}
    parts = {"signedTransactionInfo": transaction, "signedRenewalInfo": renewal}
    shared = {"signedDate": signed_ms, "environment": environment}
    signed = {field: {**part, **shared} for field, part in parts.items() if part is not None}
    return {
        "notificationType": kind,
        **({"subtype": subtype} if subtype else {}),
        "notificationUUID": str(uuid5(NAMESPACE_URL, name)),
        "version": "2.0",
        "signedDate": signed_ms,
        "data": {**app, **data, **signed},
    }


def sealed(signer: AppleSigner, document: Mapping[str, Any]) -> bytes:
    """The body of the webhook: each decoded part becomes a JWS, then the whole."""
    whole = dict(document)
    for part, field in NESTED:
        inner = whole.get(part)
        if isinstance(inner, dict) and isinstance(inner.get(field), dict):
            whole[part] = {**inner, field: signer.sign(inner[field])}
    return jsontext.dumps({"signedPayload": signer.sign(whole)})
