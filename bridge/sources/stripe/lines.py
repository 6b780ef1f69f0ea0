"""An invoice's lines: which subscription and which plan they bill, in the old places and the new."""

from bridge.sources.stripe.plans import Item, item_of
from bridge.values.reader import Reader


def subscription_of(invoice: Reader) -> str | None:
    """The subscription that an invoice bills: in `parent` since basil, at the top before, on a line always."""
    found = invoice.identifier("parent.subscription_details.subscription", "subscription")
    if found:
        return found
    lines = (line_subscription(line) for line in invoice.children("lines"))
    return next((subscription for subscription in lines if subscription), None)


def bought(lines: list[Reader]) -> list[Item]:
    """The lines that name the plan: of an upgrade the positive one, not the credit for the old plan."""
    own = [line for line in lines if line_subscription(line)] or lines
    positive = [line for line in own if (line.integer("amount") or 0) > 0]
    return [item_of(line) for line in positive or own]


def is_subscription_line(line: Reader) -> bool:
    """A line for a whole period of a subscription item; no proration, no one-time item."""
    if line.flag("proration", "parent.subscription_item_details.proration", "parent.invoice_item_details.proration"):
        return False
    return line.text("parent.type", "type") in ("subscription_item_details", "subscription")


def line_subscription(line: Reader) -> str | None:
    return line.identifier(
        "parent.subscription_item_details.subscription",
        "parent.invoice_item_details.subscription",
        "subscription",
    )
