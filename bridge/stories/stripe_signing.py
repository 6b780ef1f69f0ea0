"""Signs as Stripe signs, by the `stripe` package's own function: for tests, the demo and `bridge simulate`."""

from stripe import WebhookSignature

from bridge.values.times import SECOND_MS


def sign(body: bytes, secret: str, now_ms: int) -> dict[str, str]:
    """The headers of a webhook with this body, signed with a `whsec_…` secret at epoch milliseconds `now_ms`."""
    header = WebhookSignature.generate_signature_header(body.decode(), secret, now_ms // SECOND_MS)
    return {"content-type": "application/json; charset=utf-8", "stripe-signature": header}
