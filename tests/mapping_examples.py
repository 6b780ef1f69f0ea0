"""A small mapping with its taxonomy, vocabulary and facts, for the tests of the mapping engine."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from bridge.mapping import FactSpec, Mapping, Vocabulary, load
from bridge.values import jsontext
from bridge.values.records import Document, Event, Finding, Outcome

TAXONOMY = """
[events]
trial_started = { name = "trial_started", money = "none", send = true, documented = true, needs = ["plan_id"] }
plan_changed = { name = "plan_changed", money = "none", send = true, documented = true }
billing_issue = { name = "billing_issue", money = "none", send = false, documented = false }
revenue_corrected = { name = "revenue_corrected", money = "difference", send = true, documented = false }
user_linked = { name = "user_linked", money = "none", send = true, documented = false }

[events.subscription_started]
name = "subscription_started"
money = "in"
sale = true
send = true
documented = true
needs = ["revenue", "currency"]

[events.refund_issued]
name = "refund_issued"
money = "out"
send = true
documented = true
needs = ["transaction_id", "revenue", "currency"]

[properties]
user_id = { name = "user_id", documented = true }
anonymous_id = { name = "anonymous_id", documented = true }
email_hash = { name = "email_hash", documented = true }
revenue = { name = "revenue", documented = true }
currency = { name = "currency", documented = true }
refund_amount = { name = "refund_amount", documented = false }
revenue_basis = { name = "revenue_basis", documented = false }
revenue_source = { name = "revenue_source", documented = false }
tax = { name = "tax", documented = false }
net_revenue = { name = "net_revenue", documented = false }
corrects = { name = "corrects", documented = false }
correction_reason = { name = "correction_reason", documented = false }
store = { name = "store", documented = true }
environment = { name = "environment", documented = false }
transaction_id = { name = "transaction_id", documented = true }
notification_id = { name = "notification_id", documented = false }
notification_type = { name = "notification_type", documented = false }
received_at = { name = "received_at", documented = false }
plan_id = { name = "plan_id", documented = true }
country = { name = "country", documented = true }
cancel_at = { name = "cancel_at", documented = false }
reason = { name = "reason", documented = false }
quantity = { name = "quantity", documented = false }
price_ids = { name = "price_ids", documented = false }
trial_converted = { name = "trial_converted", documented = true }
"""

PLANS = """
[stripe]
price_1 = "pro_monthly"
prod_1 = "pro"
"""

HEAD = """
source = "stripe"

[user]
user_id = ["client_reference_id", "metadata.user_id", "previous.user_id"]
anonymous_id = ["subscription.id"]
email_hash = false

[properties]
plan_id = { path = ["subscription.price_id", "subscription.product_id"], table = "plans", else = "same" }
country = { path = "country", convert = "alpha2" }

[tables.reasons]
usr = "user"
"""

RULES = """
[[rule]]
name = "paid start"
when = { type = "invoice.paid", subscription = { status = ["active", "trialing"] } }
emit = "subscription_started"

[[rule]]
name = "other invoice"
when.type = "invoice.paid"
ignore = "no subscription that is running"

[[rule]]
name = "trial"
when = { type = "customer.subscription.created", subscription.status = "trialing" }
emit = "trial_started"

[[rule]]
name = "plan"
when = { type = "customer.subscription.updated", changed = true }
emit = "plan_changed"

[[rule]]
name = "refund"
when.type = "refund.created"
emit = "refund_issued"

[[rule]]
name = "billing"
when.type = "invoice.payment_failed"
emit = "billing_issue"
"""

TYPES = frozenset({
    "invoice.paid", "invoice.payment_failed", "refund.created",
    "customer.subscription.created", "customer.subscription.updated",
})  # fmt: skip

VOCABULARY = Vocabulary(
    {
        "type": FactSpec("Stripe's event type", values=TYPES, closed=False),
        "client_reference_id": FactSpec("what the app gave the session"),
        "metadata": FactSpec("the app's own", open=True),
        "email_hash": FactSpec("SHA-256 of the customer's address"),
        "country": FactSpec("where the customer is"),
        "changed": FactSpec("whether the plan differs", "boolean"),
        "attempts": FactSpec("how often it was tried", "integer"),
        "subscription.id": FactSpec("sub_…"),
        "subscription.status": FactSpec("its state", values=frozenset({"active", "trialing", "past_due"})),
        "subscription.price_id": FactSpec("price_…"),
        "subscription.product_id": FactSpec("prod_…"),
        "subscription.price_ids": FactSpec("all of them", "list"),
        "subscription.cancel_at_ms": FactSpec("when it will end", "time"),
        "fee": FactSpec("another sum", "document"),
        "fee.amount": FactSpec("its amount", "decimal"),
    }
)


def write(folder: Path, *, taxonomy: str = TAXONOMY, plans: str = PLANS, stripe: str = HEAD + RULES) -> Path:
    """The three files in a folder."""
    (folder / "taxonomy.toml").write_text(taxonomy)
    (folder / "plans.toml").write_text(plans)
    (folder / "stripe.toml").write_text(stripe)
    return folder


def loaded(folder: Path, **files: str) -> Mapping:
    """The mapping of these files."""
    return load(write(folder, **files), "stripe", VOCABULARY)


def facts(**more: Any) -> Document:
    """A paid first invoice, changed or added to; a value of None takes a fact away."""
    document = {
        "source": "stripe",
        "type": "invoice.paid",
        "environment": "production",
        "occurred_at_ms": 1_764_000_000_000,
        "received_at_ms": 1_764_000_005_250,
        "notification_id": "evt_1",
        "transaction_id": "in_1",
        "money": {"amount": Decimal("49.90"), "currency": "EUR", "basis": "exact", "source": "invoice.amount_paid"},
        "country": "DEU",
        "metadata": {"user_id": "user_42"},
        "subscription": {"id": "sub_1", "status": "active", "price_id": "price_1", "product_id": "prod_1"},
    }
    return {key: value for key, value in {**document, **more}.items() if value is not None}


def only_event(finding: Finding) -> Event:
    """The one event of a finding that was mapped."""
    assert finding.outcome is Outcome.MAPPED, finding
    (event,) = finding.events
    return event


def sent(finding: Finding) -> Document:
    """What FloKit gets for a finding that was mapped."""
    document = jsontext.loads(only_event(finding).body)
    assert isinstance(document, dict)
    return document
