"""What a restricted, read-only Stripe key adds: which invoice a payment paid for, and when a trial ended.

Both are asked only when no webhook has told, so a bridge that was installed yesterday understands subscriptions and
refunds that began before it.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from bridge.errors import NotYet
from bridge.values import jsontext

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 2 << 20

_FIRST = {"limit": "1"}


class StripeApi:
    """Asks Stripe; may be used by several threads. Answers come in the API version of the account's default."""

    def __init__(self, api_key: str, url: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    def ask(self, question: str) -> Any:
        """`subscription:sub_…` gives the subscription, `payment:pi_…` the invoice payment with its invoice.

        `account/` before the id asks for a connected account. None when Stripe knows of none or the key may not read
        it (it needs Subscriptions, Invoices: read). Raises NotYet when Stripe cannot answer now.
        """
        kind, _, name = question.partition(":")
        account, _, ident = name.rpartition("/")
        path, parameters = _ASKED[kind](ident)
        headers = {"Stripe-Account": account} if account else {}
        try:
            with self._http.stream("GET", path, params=parameters, headers=headers) as response:
                return _answer(response)
        except httpx.TransportError as error:
            raise NotYet(f"Stripe's API ({type(error).__name__})") from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def _subscription(ident: str) -> tuple[str, Mapping[str, str]]:
    return f"/v1/subscriptions/{quote(ident, safe='')}", {}


def _payment(ident: str) -> tuple[str, Mapping[str, str]]:
    """Stripe's API reference, "List all payments for an invoice" (2025-03-31.basil and later)."""
    payment = {"payment[type]": "payment_intent", "payment[payment_intent]": ident}
    return "/v1/invoice_payments", {**_FIRST, **payment, "expand[]": "data.invoice"}


_ASKED: Mapping[str, Callable[[str], tuple[str, Mapping[str, str]]]] = {
    "subscription": _subscription,
    "payment": _payment,
}


def _answer(response: httpx.Response) -> Any:
    status = response.status_code
    if status == 429 or status >= 500 or status == 409:
        raise NotYet(f"Stripe's API (it answered {status})")
    if status != 200:
        return None
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    try:
        return jsontext.loads(body)
    except ValueError:
        raise NotYet("Stripe's API (its answer was no JSON)") from None
