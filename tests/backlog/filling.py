"""A ledger with very many events to send, entered by the ledger itself."""

from decimal import Decimal

from bridge.ledger.base import Ledger, Settlement
from bridge.values.records import Environment, Event, Finding, Notification, Outcome
from bridge.values.times import SECOND_MS, iso

PER_NOTIFICATION = 1_000
KEY_PREFIX = "in_kept"

_BODY = (
    '{{"event":"renewal_completed","user_id":"user_{number}","timestamp":"{when}","properties":{{"plan_id":"pro_monthly",'
    '"revenue":49.90,"currency":"USD","transaction_id":"{key}","store":"stripe","country":"US",'
    '"environment":"production","subscription_id":"sub_1NexampleExampleExample0",'
    '"subscription_customer_id":"cus_Nexample000000","product_id":"prod_Nexample000000","revenue_basis":"exact",'
    '"revenue_source":"invoice.amount_paid","platform":"web","notification_id":"evt_1NexampleExampleExample0",'
    '"received_at":"{when}"}}}}'
)


def fill(ledger: Ledger, count: int, now_ms: int) -> None:
    """Enter `count` renewals, one a second up to now, of the size that the Stripe mapping makes them (650 bytes)."""
    for first in range(0, count, PER_NOTIFICATION):
        ledger.keep([Notification("stripe", f"evt_{first}", "invoice.paid", Environment.PRODUCTION, 0, now_ms, b"{}")])
        (pending,) = ledger.pending("stripe", now_ms, 1)
        numbers = range(first, min(first + PER_NOTIFICATION, count))
        events = [event(number, now_ms - (count - number) * SECOND_MS) for number in numbers]
        ledger.settle([Settlement(pending.seq, [Finding(Outcome.MAPPED, events=events)])], {}, now_ms)


def event(number: int, occurred_at_ms: int) -> Event:
    """A renewal of 49.90 dollars."""
    key = f"{KEY_PREFIX}{number}"
    body = _BODY.format(number=number, key=key, when=iso(occurred_at_ms)).encode()
    return Event("renewal_completed", key, Environment.PRODUCTION, occurred_at_ms, body, Decimal("49.90"), "USD")
