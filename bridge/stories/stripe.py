"""The life story of a small shop on Stripe, for `bridge demo` and `bridge simulate stripe life`.

The story says itself what each webhook does to the money, from what the customers were charged; nothing here asks the
bridge. Webhooks arrive as they do from Stripe: some twice, some before the one that should have come first.
"""

from bridge.stories import stripe_yen
from bridge.stories.story import Delivery, Story
from bridge.stories.stripe_links import invoice_payment
from bridge.stories.stripe_objects import DAY_S, HOUR_S, MONTH_S, Price, checkout_session, event
from bridge.stories.stripe_subscriber import Subscriber, told
from bridge.stories.stripe_versions import ACACIA, ENDIVE
from bridge.values.times import SECOND_MS

TRIAL_S = 14 * DAY_S
PRO = Price("price_1Ppro", "prod_Qpro", 2_900)
TEAM = Price("price_1Pteam", "prod_Qteam", 9_900)


def life(start_ms: int) -> Story:
    """The story, beginning at epoch milliseconds `start_ms`; it takes 134 days."""
    start = start_ms // SECOND_MS
    trying = Subscriber("1Pada", "user_4182", ENDIVE, start, trial_s=TRIAL_S)
    paying = Subscriber("1Pbo", "user_5023", ACACIA, start + DAY_S)
    return Story(
        (
            *_trial(trying),
            *stripe_yen.first_payment(paying),
            *_conversion(trying),
            *stripe_yen.renewal_charged_back(paying),
            *_renewal_and_upgrade(trying),
            _one_off(start + 60 * DAY_S),
            *stripe_yen.renewal_charged_back_and_won(paying),
            *_partial_refund(trying),
            *stripe_yen.end(paying),
            *_cancellation(trying),
        )
    )


def _trial(who: Subscriber) -> list[Delivery]:
    at, session = who.start, checkout_session("cs_live_1Pada", mode="subscription", created=who.start)
    session |= {"client_reference_id": who.user, "customer": who.customer, "subscription": who.id}
    trialing = who.subscription(PRO, at, status="trialing")
    nothing = who.invoice(1, [who.line(PRO, at, 0)], at, "subscription_create")
    return [
        told("The invoice of a trial: nothing to pay", who.event("invoice.paid", nothing, at + 1)),
        told(
            "user_4182 begins 14 free days of Pro", who.event("customer.subscription.created", trialing, at), repeats=2
        ),
        told("Checkout says whose subscription it is", who.event("checkout.session.completed", session, at + 2)),
    ]


def _conversion(who: Subscriber) -> list[Delivery]:
    at = who.start + TRIAL_S
    active = who.subscription(PRO, at)
    paid = who.invoice(2, [who.line(PRO, at)], at + HOUR_S, "subscription_cycle")
    return [
        told(
            "The trial is over, nothing is paid yet",
            who.event("customer.subscription.updated", active, at, {"status": "trialing"}),
        ),
        told(
            "The first month is paid: the trial has converted",
            who.event("invoice.paid", paid, at + HOUR_S),
            repeats=3,
            money="29.00",
        ),
    ]


def _renewal_and_upgrade(who: Subscriber) -> list[Delivery]:
    renewed = who.start + TRIAL_S + MONTH_S
    upgraded = renewed + 6 * DAY_S
    old_items = {"items": {"object": "list", "data": [who.item(PRO, (renewed - MONTH_S, renewed))]}}
    month = who.invoice(3, [who.line(PRO, renewed)], renewed + HOUR_S, "subscription_cycle")
    prorated = [who.line(PRO, upgraded, -2_320, proration=True), who.line(TEAM, upgraded, 7_920, proration=True)]
    change = who.invoice(4, prorated, upgraded, "subscription_update")
    same, team = who.subscription(PRO, renewed), who.subscription(TEAM, renewed)
    return [
        told(
            "A new period begins: looks like a change of plan, is none",
            who.event("customer.subscription.updated", same, renewed, old_items),
        ),
        told("Pro renews", who.event("invoice.paid", month, renewed + HOUR_S), repeats=2, money="29.00"),
        told(
            "An upgrade: $79.20 for the rest of Team less $23.20 for the rest of Pro",
            who.event("invoice.paid", change, upgraded),
            money="56.00",
        ),
        told(
            "The change of plan itself arrives after its money",
            who.event(
                "customer.subscription.updated",
                team,
                upgraded,
                {"items": {"object": "list", "data": [who.item(PRO, (renewed, renewed + MONTH_S))]}},
            ),
            repeats=2,
        ),
    ]


def _one_off(at: int) -> Delivery:
    session = checkout_session("cs_live_1Pguest", mode="payment", created=at, amount_total=1_200, currency="usd")
    session |= {"payment_intent": "pi_1Pguest", "client_reference_id": "user_6001"}
    paid = event("checkout.session.completed", session, id="evt_1Pguest", created=at)
    return told("user_6001 buys a template once", paid, money="12.00")


def _partial_refund(who: Subscriber) -> list[Delivery]:
    at = who.start + TRIAL_S + 2 * MONTH_S
    refunded = at + 2 * DAY_S
    paid = who.invoice(5, [who.line(TEAM, at)], at + HOUR_S, "subscription_cycle")
    link = invoice_payment("inpay_1Pada5", invoice="in_1Pada5", payment="pi_1Pada5", amount=9_900, created=at + HOUR_S)
    charge = who.charge(5, 9_900, at + HOUR_S, refunded=3_000, currency="usd")
    back = who.refund(5, 3_000, refunded, "usd")
    return [
        told("Which payment paid which invoice", who.event("invoice_payment.paid", link, at + HOUR_S)),
        told("Team renews", who.event("invoice.paid", paid, at + HOUR_S), money="99.00"),
        told(
            "$30 are given back",
            who.event("charge.refunded", charge, refunded, {"amount_refunded": 0, "refunded": False}),
            repeats=2,
            money="-30.00",
        ),
        told("The same refund under its own name", who.event("refund.created", back, refunded)),
    ]


def _cancellation(who: Subscriber) -> list[Delivery]:
    at = who.start + TRIAL_S + 3 * MONTH_S
    asked, ended = at + 5 * DAY_S, at + MONTH_S
    paid = who.invoice(6, [who.line(TEAM, at)], at + HOUR_S, "subscription_cycle")
    about = {"reason": "cancellation_requested", "feedback": "too_expensive", "comment": None}
    leaving = who.subscription(TEAM, at, cancel_at=ended, canceled_at=asked, cancellation_details=about)
    gone = leaving | {"status": "canceled", "ended_at": ended}
    return [
        told(
            "The customer switches renewal off in the portal: not the end yet",
            who.event("customer.subscription.updated", leaving, asked, {"cancel_at": None, "canceled_at": None}),
        ),
        told(
            "Team had renewed before that; this webhook comes late",
            who.event("invoice.paid", paid, at + HOUR_S),
            money="99.00",
        ),
        told("The paid time is over", who.event("customer.subscription.deleted", gone, ended), repeats=2),
    ]
