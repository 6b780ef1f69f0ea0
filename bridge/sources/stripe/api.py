"""What a restricted, read-only Stripe key adds: which invoice a payment paid for, and when a trial ended.

Both are asked only when no webhook has told, so a bridge that was installed yesterday understands subscriptions and
refunds that began before it.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import httpx

from bridge.errors import NotAllowed, NotYet, OutOfReach
from bridge.values import jsontext

TIMEOUT_SECONDS = 10.0
MAX_ANSWER_BYTES = 2 << 20

READS: Mapping[str, str] = {"Subscriptions": "/v1/subscriptions", "Invoices": "/v1/invoice_payments"}
"""What the key has to be allowed to read, by the name of the right in Stripe's Dashboard, and a list that needs it."""

_FIRST = {"limit": "1"}
_RIGHT = re.compile(rb"rak_[a-z_]{1,60}")  # as an error names the right that is missing


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
        return self._get(path, parameters, {"Stripe-Account": account} if account else {}, _answer)

    def try_reading(self, right: str) -> None:
        """Read one row of what this right of `READS` is about. Raises NotAllowed, OutOfReach, NotYet."""
        self._get(READS[right], _FIRST, {}, _check_allowed)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(
        self,
        path: str,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        read: Callable[[httpx.Response], Any],
    ) -> Any:
        try:
            with self._http.stream("GET", path, params=parameters, headers=headers) as response:
                return read(response)
        except httpx.TransportError as error:
            raise OutOfReach(f"Stripe's API ({type(error).__name__})") from None


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
    _check_answers(response.status_code)
    if response.status_code != 200:
        return None
    body = _body(response)
    if body is None:
        return None
    try:
        return jsontext.loads(body)
    except ValueError:
        raise NotYet("Stripe's API (its answer was no JSON)") from None


def _check_allowed(response: httpx.Response) -> None:
    """https://docs.stripe.com/error-low-level#errors: 401 for the key, 403 for its rights."""
    status = response.status_code
    _check_answers(status)
    if status == 401:
        raise NotAllowed("Stripe does not know the key (401)")
    if status == 403:
        right = _RIGHT.search(_body(response) or b"")
        raise NotAllowed(f"Stripe does not let the key read this (403{f' {right[0].decode()}' if right else ''})")
    if status != 200:
        raise NotYet(f"Stripe's API (it answered {status})")


def _check_answers(status: int) -> None:
    if status == 429 or status >= 500 or status == 409:
        raise NotYet(f"Stripe's API (it answered {status})")


def _body(response: httpx.Response) -> bytes | None:
    """The body, None when it is larger than any that is asked for."""
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            return None
    return body
