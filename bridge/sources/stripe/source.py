"""States the facts of Stripe's notifications: one table from Stripe's words to a function each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.errors import BadNotification
from bridge.sources.base import Memory
from bridge.sources.stripe import checkout, invoices, refunds, subscriptions
from bridge.sources.stripe.api import StripeApi
from bridge.sources.stripe.common import Context, base_facts, of_account
from bridge.sources.stripe.families import NOT_REVENUE, SAME_MONEY
from bridge.sources.stripe.links import learn_credit_note, learn_invoice_payment
from bridge.sources.stripe.people import person_facts
from bridge.values import jsontext
from bridge.values.reader import Reader
from bridge.values.records import Document, Notification

THIN = "v2.core.event"


class StripeSource:
    """Reads fields by presence, new place first, whatever the API version: additions leak back into older versions,
    removals do not, so a version proves nothing about a field."""

    name = "stripe"

    def __init__(self, api: StripeApi | None = None) -> None:
        """Without `api` everything comes from the webhooks."""
        self._api = api
        self.asks = api is not None

    def ask(self, question: str) -> Any:
        """Ask Stripe's API; see StripeApi. Raises NotYet."""
        return self._api.ask(question) if self._api else None

    def state(self, notification: Notification, memory: Memory, answers: Mapping[str, Any]) -> Sequence[Document]:
        """The facts of one Stripe event. Raises BadNotification when it is not of the documented shape."""
        try:
            event = Reader(jsontext.loads(notification.body))
        except ValueError as error:
            raise BadNotification(f"the body is no JSON: {error}") from None
        base = base_facts(event, notification)
        if event.text("object") == THIN:
            return [{**base, "fact": "thin_event"}]
        thing = event.child("data.object")
        if not thing or not event.text("id"):
            raise BadNotification("data.object or id is missing: this is no Stripe event")
        account = base.get("account")
        scoped = _OfAccount(memory, account) if account else memory
        before = event.child("data.previous_attributes")
        context = Context(event, thing, before, scoped, base, answers, self.asks)
        return _FACTS.get(notification.type, _other)(context)


@dataclass(frozen=True, slots=True)
class _OfAccount:
    """A Connect account's part of the memory."""

    memory: Memory
    account: str

    def recall(self, subject: str) -> Document:
        return self.memory.recall(of_account(self.account, subject))

    def remember(self, subject: str, **known: Any) -> None:
        self.memory.remember(of_account(self.account, subject), **known)


def _other(context: Context) -> list[Document]:
    """A type without facts of its own: known to move no money, or not known at all."""
    kind: str = context.base["type"]
    if kind.startswith(SAME_MONEY):
        return [context.fact("same_money")]
    return [context.fact("not_revenue" if kind.startswith(NOT_REVENUE) else "unknown")]


def _customer(context: Context) -> list[Document]:
    """A customer's metadata is where an app that uses Checkout or its own pages may put the user id."""
    return [context.fact("customer", **person_facts(context.object, subjects=(context.object.identifier("id"),)))]


def _link_only(learn: Callable[[Context], None]) -> Callable[[Context], list[Document]]:
    def state(context: Context) -> list[Document]:
        learn(context)
        return [context.fact("link")]

    return state


def _credit_note(context: Context) -> list[Document]:
    """It links refunds to their invoice; its amounts are no cash of their own, but for what the merchant says to have
    given back outside Stripe."""
    learn_credit_note(context)
    note = context.object
    units, currency = note.integer("out_of_band_amount"), note.text("currency")
    if not units or not currency or context.base["type"] != "credit_note.created":
        return [context.fact("link")]
    return [refunds.out_of_band(context, note, units, currency)]


_FACTS: Mapping[str, Callable[[Context], list[Document]]] = {
    "invoice.paid": invoices.invoice_paid,
    "invoice.payment_succeeded": invoices.invoice_paid,
    "invoice.payment_failed": invoices.invoice_unpaid,
    "invoice.payment_action_required": invoices.invoice_unpaid,
    "customer.subscription.created": subscriptions.subscription_created,
    "customer.subscription.updated": subscriptions.subscription_updated,
    "customer.subscription.pending_update_applied": subscriptions.subscription_updated,
    "customer.subscription.deleted": subscriptions.subscription_ended,
    "customer.subscription.trial_will_end": subscriptions.trial_ending,
    "customer.subscription.paused": subscriptions.subscription_paused,
    "customer.subscription.resumed": subscriptions.subscription_resumed,
    "customer.created": _customer,
    "customer.updated": _customer,
    "checkout.session.completed": checkout.checkout_session,
    "checkout.session.async_payment_succeeded": checkout.checkout_session,
    "checkout.session.async_payment_failed": checkout.checkout_session,
    "payment_intent.succeeded": checkout.payment_succeeded,
    "charge.succeeded": checkout.payment_succeeded,
    "charge.refunded": refunds.charge_refunded,
    "charge.refund.updated": refunds.refund_changed,
    "refund.created": refunds.refund_changed,
    "refund.updated": refunds.refund_changed,
    "refund.failed": refunds.refund_changed,
    "charge.dispute.created": refunds.dispute_changed,
    "charge.dispute.updated": refunds.dispute_changed,
    "charge.dispute.closed": refunds.dispute_changed,
    "charge.dispute.funds_withdrawn": refunds.dispute_changed,
    "charge.dispute.funds_reinstated": refunds.dispute_changed,
    "invoice_payment.paid": _link_only(learn_invoice_payment),
    "credit_note.created": _credit_note,
    "credit_note.voided": _credit_note,
}

TYPES = frozenset(_FACTS)
"""The types that state facts of their own; the mapping may name any other."""
