"""The subscriber of the life story who pays in yen, a currency without decimals, and whose bank takes money back."""

from bridge.stories.story import Delivery
from bridge.stories.stripe_objects import DAY_S, MONTH_S, Price
from bridge.stories.stripe_payments import balance_move
from bridge.stories.stripe_subscriber import Subscriber, told

PRO_YEN = Price("price_1Pproyen", "prod_Qpro", 1_980, "jpy")


def first_payment(who: Subscriber) -> list[Delivery]:
    """The first payment, which the bank asks about."""
    at = who.start
    incomplete, active = (who.subscription(PRO_YEN, at, status=status) for status in ("incomplete", "active"))
    paid = who.invoice(1, [who.line(PRO_YEN, at)], at + 40, "subscription_create")
    return [
        told("user_5023 subscribes and has yet to pay", who.event("customer.subscription.created", incomplete, at)),
        told(
            "The bank has asked, the card is charged ¥1,980",
            who.event("invoice.paid", paid, at + 41),
            money="1980",
            currency="JPY",
        ),
        told(
            "The same payment under its other name",
            who.event("invoice.payment_succeeded", paid, at + 41),
        ),
        told(
            "The subscription is active: no new money",
            who.event("customer.subscription.updated", active, at + 41, {"status": "incomplete"}),
        ),
    ]


def renewal_charged_back(who: Subscriber) -> list[Delivery]:
    """A renewal that the bank takes back for good."""
    at, disputed = who.start + MONTH_S, who.start + 40 * DAY_S
    paid = who.invoice(2, [who.line(PRO_YEN, at)], at, "subscription_cycle")
    taken = [balance_move("txn_1Pbo2", -1_980, created=disputed, currency="jpy", fee=1_500)]
    opened = who.dispute(2, 1_980, disputed, "jpy", status="needs_response", moves=taken)
    lost = opened | {"status": "lost"}
    return [
        told("A second month of yen", who.event("invoice.paid", paid, at), money="1980", currency="JPY"),
        told(
            "The bank takes it back: a chargeback",
            who.event("charge.dispute.funds_withdrawn", opened, disputed),
            repeats=2,
            money="-1980",
            currency="JPY",
        ),
        told(
            "The dispute is lost: nothing more moves",
            who.event("charge.dispute.closed", lost, disputed + 20 * DAY_S),
        ),
    ]


def renewal_charged_back_and_won(who: Subscriber) -> list[Delivery]:
    """A renewal that the bank takes back and returns."""
    at, disputed = who.start + 2 * MONTH_S, who.start + 65 * DAY_S
    won = disputed + 25 * DAY_S
    paid = who.invoice(3, [who.line(PRO_YEN, at)], at, "subscription_cycle")
    taken = balance_move("txn_1Pbo3", -1_980, created=disputed, currency="jpy", fee=1_500)
    back = balance_move("txn_1Pbo3won", 1_980, created=won, currency="jpy")
    opened = who.dispute(3, 1_980, disputed, "jpy", status="needs_response", moves=[taken])
    returned = who.dispute(3, 1_980, disputed, "jpy", status="won", moves=[taken, back])
    return [
        told("A third month of yen", who.event("invoice.paid", paid, at), money="1980", currency="JPY"),
        told(
            "Another chargeback",
            who.event("charge.dispute.funds_withdrawn", opened, disputed),
            money="-1980",
            currency="JPY",
        ),
        told(
            "This one is won: the money is back",
            who.event("charge.dispute.funds_reinstated", returned, won),
            money="1980",
            currency="JPY",
            is_return=True,
        ),
        told(
            "The dispute is closed as won: nothing more moves",
            who.event("charge.dispute.closed", returned, won),
        ),
    ]


def end(who: Subscriber) -> list[Delivery]:
    """The end, at the customer's wish."""
    ended = who.start + 3 * MONTH_S
    about = {"reason": "cancellation_requested", "feedback": "unused", "comment": None}
    gone = who.subscription(
        PRO_YEN,
        who.start + 2 * MONTH_S,
        status="canceled",
        ended_at=ended,
        canceled_at=ended,
        cancellation_details=about,
    )
    return [told("user_5023 leaves", who.event("customer.subscription.deleted", gone, ended))]
