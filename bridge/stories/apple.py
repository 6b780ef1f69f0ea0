"""The life story of a small app in the App Store, for `bridge demo` and `bridge simulate apple life`.

The story says itself what each notification does to the money, from what the customers were charged; nothing here asks
the bridge. Notifications arrive as they do from Apple: some twice, some before the one that should have come first.
"""

from decimal import Decimal

from bridge.stories.apple_notifications import BUNDLE_ID
from bridge.stories.apple_subscriber import MONTH_MS, Plan, Subscriber
from bridge.stories.story import Delivery, Story
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS, SECOND_MS

TRIAL_MS = 14 * DAY_MS
PRO = Plan("com.example.app.pro.monthly", 29_000)
TEAM = Plan("com.example.app.team.monthly", 84_000)
PRO_YEN = Plan("com.example.app.pro.monthly", 1_980_000, "JPY")
COINS = Plan("com.example.app.coins", 14_000)


def life(start_ms: int) -> Story:
    """The story of Stripe's and Google's shops as the App Store charges it, with prices that lead to the same totals.

    An upgrade there is charged in full, and the unused part of the old period goes back. It begins at epoch
    milliseconds `start_ms` and takes 149 days.
    """
    ada = Subscriber(2_000_000_710_000_001, "5d1f0a3c-8a44-4d3b-9a55-1f0e6c7b2d10", start_ms)
    bo = Subscriber(2_000_000_720_000_001, None, start_ms + DAY_MS, storefront="JPN")
    return Story(
        (
            *_trial(ada),
            *_yen(bo),
            *_conversion(ada),
            *_yen_refunded(bo),
            *_upgrade(ada),
            _third_month_of_yen(bo),
            _coins(bo),
            *_refund_reversed(ada),
            *_partial_refund(ada),
            *_cancellation(ada),
        )
    )


def _told(  # noqa: PLR0913 - what a delivery says
    sentence: str,
    notification: Document,
    *,
    repeats: int = 1,
    money: str = "0",
    currency: str = "USD",
    is_return: bool = False,
    given_back: str = "0",
) -> Delivery:
    return Delivery(
        sentence,
        ".".join(filter(None, (notification["notificationType"], notification.get("subtype")))),
        notification["signedDate"],
        jsontext.dumps(notification),
        repeats,
        Decimal(money),
        currency,
        is_return,
        Decimal(given_back),
    )


def _renews(who: Subscriber, n: int, plan: Plan, at_ms: int) -> Document:
    """A renewal, told an hour before the new period begins, as Apple does."""
    period = who.transaction(n, plan, at_ms)
    return who.notify("DID_RENEW", at_ms - HOUR_MS, period, renewal=who.renewal(plan, period))


def _trial(who: Subscriber) -> list[Delivery]:
    free = who.trial(PRO, TRIAL_MS)
    begun = who.notify(
        "SUBSCRIBED", who.start_ms + SECOND_MS, free, subtype="INITIAL_BUY", renewal=who.renewal(PRO, free)
    )
    return [_told("Ada begins 14 free days of Pro", begun, repeats=2)]


def _yen(who: Subscriber) -> list[Delivery]:
    first = who.transaction(0, PRO_YEN, who.start_ms)
    begun = who.notify("SUBSCRIBED", who.start_ms + SECOND_MS, first, subtype="INITIAL_BUY")
    second = _renews(who, 1, PRO_YEN, who.start_ms + MONTH_MS)
    return [
        _told("Bo subscribes to Pro in Japan; the app gave no account token", begun, money="1980", currency="JPY"),
        _told("Bo's Pro renews", second, repeats=2, money="1980", currency="JPY"),
    ]


def _conversion(who: Subscriber) -> list[Delivery]:
    at_ms = who.start_ms + TRIAL_MS
    return [
        _told("The trial becomes a paid month, told an hour ahead", _renews(who, 1, PRO, at_ms), money="29"),
        _told("Pro renews", _renews(who, 2, PRO, at_ms + MONTH_MS), repeats=3, money="29"),
    ]


def _yen_refunded(who: Subscriber) -> list[Delivery]:
    at_ms = who.start_ms + MONTH_MS + 3 * DAY_MS
    asked = who.transaction(1, PRO_YEN, who.start_ms + MONTH_MS)
    back = {**asked, "revocationDate": at_ms, "revocationReason": 0}
    return [
        _told("Bo asks Apple for a refund", who.notify("CONSUMPTION_REQUEST", at_ms - DAY_MS, asked)),
        _told(
            "Apple refunds the second month",
            who.notify("REFUND", at_ms + SECOND_MS, back),
            repeats=2,
            money="-1980",
            currency="JPY",
        ),
    ]


def _third_month_of_yen(who: Subscriber) -> Delivery:
    renewed = _renews(who, 2, PRO_YEN, who.start_ms + 2 * MONTH_MS)
    return _told("Bo stays all the same", renewed, money="1980", currency="JPY")


def _upgraded_ms(who: Subscriber) -> int:
    return who.start_ms + TRIAL_MS + MONTH_MS + MONTH_MS // 2


def _upgrade(who: Subscriber) -> list[Delivery]:
    at_ms = _upgraded_ms(who)
    team = who.transaction(3, TEAM, at_ms, transactionReason="PURCHASE")
    changed = who.notify(
        "DID_CHANGE_RENEWAL_PREF",
        at_ms + SECOND_MS,
        team,
        subtype="UPGRADE",
        renewal=who.renewal(TEAM, team),
    )
    return [
        _told(
            "Half-way through the month Ada moves up to Team: Apple refunds half of Pro, and tells it nowhere",
            changed,
            repeats=2,
            money="84",
            given_back="14.5",
        )
    ]


def _coins(who: Subscriber) -> Delivery:
    at_ms = who.start_ms + 70 * DAY_MS
    coins = {
        "transactionId": "2000000730000001",
        "originalTransactionId": "2000000730000001",
        "bundleId": BUNDLE_ID,
        "productId": COINS.product,
        "purchaseDate": at_ms,
        "originalPurchaseDate": at_ms,
        "quantity": 1,
        "type": "Consumable",
        "inAppOwnershipType": "PURCHASED",
        "transactionReason": "PURCHASE",
        "storefront": "USA",
        "price": COINS.milliunits,
        "currency": COINS.currency,
    }
    return _told("Somebody buys coins", who.notify("ONE_TIME_CHARGE", at_ms + SECOND_MS, coins), money="14")


def _refund_reversed(who: Subscriber) -> list[Delivery]:
    at_ms = _upgraded_ms(who)
    refunded_ms, reversed_ms = at_ms + 4 * DAY_MS, at_ms + 9 * DAY_MS
    team = who.transaction(3, TEAM, at_ms, transactionReason="PURCHASE")
    back = {
        **team,
        "revocationDate": refunded_ms,
        "revocationReason": 1,
        "revocationType": "REFUND_FULL",
        "revocationPercentage": 100_000,
    }
    return [
        _told("Apple takes back a refund that has not been heard of", who.notify("REFUND_REVERSED", reversed_ms, team)),
        _told(
            "The refund itself comes late: it went back and returned",
            who.notify("REFUND", refunded_ms + SECOND_MS, back),
            repeats=2,
        ),
    ]


def _partial_refund(who: Subscriber) -> list[Delivery]:
    at_ms = _upgraded_ms(who) + MONTH_MS
    refunded_ms = at_ms + 10 * DAY_MS
    back = who.transaction(
        4,
        TEAM,
        at_ms,
        revocationDate=refunded_ms,
        revocationReason=0,
        revocationType="REFUND_PRORATED",
        revocationPercentage=18_452,
    )
    return [
        _told("Team renews", _renews(who, 4, TEAM, at_ms), money="84"),
        _told(
            "Apple refunds 18.452 % of it",
            who.notify("REFUND", refunded_ms + SECOND_MS, back),
            repeats=2,
            money="-15.5",
        ),
    ]


def _cancellation(who: Subscriber) -> list[Delivery]:
    at_ms = _upgraded_ms(who) + 2 * MONTH_MS
    asked_ms, ended_ms = at_ms + 5 * DAY_MS, at_ms + MONTH_MS
    last = who.transaction(5, TEAM, at_ms)
    off = who.renewal(TEAM, last, on=False)
    gone = who.renewal(TEAM, last, on=False, expirationIntent=1)
    return [
        _told(
            "Ada switches renewal off; the notification repeats the price, and no money moves",
            who.notify("DID_CHANGE_RENEWAL_STATUS", asked_ms, last, subtype="AUTO_RENEW_DISABLED", renewal=off),
        ),
        _told("Team had renewed before that; this one comes late", _renews(who, 5, TEAM, at_ms), money="84"),
        _told(
            "The paid time is over",
            who.notify("EXPIRED", ended_ms + SECOND_MS, last, subtype="VOLUNTARY", renewal=gone, status=2),
            repeats=2,
        ),
    ]
