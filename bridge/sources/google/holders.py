"""What the ledger and Google know of a purchase beyond the notification: whose it is, and what it took over from."""

from dataclasses import dataclass
from functools import cached_property

from bridge.sources.google.common import Context, environment_of, without_none
from bridge.sources.google.purchases import Subscription
from bridge.values.records import Document

MAX_LINKS = 8  # purchases that took over from one another, looked at once each


@dataclass(frozen=True)
class Holder:
    """A subscription of one purchase token, and the purchase before it where there is one."""

    context: Context
    token: str
    purchase: Subscription

    @property
    def subject(self) -> str:
        """What the ledger files it under."""
        return self.context.subject(self.token)

    @cached_property
    def known(self) -> Document:
        """What the ledger knows of it."""
        return self.context.memory.recall(self.subject)

    @cached_property
    def linked_known(self) -> Document:
        """What the ledger knows of the purchase before it."""
        token = self.purchase.linked_token
        return self.context.memory.recall(self.context.subject(token)) if token else {}

    @cached_property
    def linked(self) -> list[Subscription]:
        """The purchases before it, nearest first, as far as Google has them; none where the ledger knows better.

        Raises NeedsAnswer.
        """
        found: list[Subscription] = []
        token = None if self.linked_known.get("subscription") else self.purchase.linked_token
        while token and len(found) < MAX_LINKS:
            purchase = self.context.subscription(token)
            if purchase is None:
                break
            found.append(purchase)
            token = purchase.linked_token
        return found

    @cached_property
    def id(self) -> str | None:
        """The subscription's id, the same for all purchases that took over from one another: the first order's."""
        known = self.known.get("subscription") or self.linked_known.get("subscription")
        return known or next(filter(None, map(_base, reversed([self.purchase, *self.linked]))), None)

    @cached_property
    def plan_before(self) -> Document:
        """The plan of the purchase before it; empty when nobody knows."""
        known: Document = self.linked_known.get("plan", {})
        return known or next((purchase.plan for purchase in self.linked), {})

    @cached_property
    def about(self) -> Document:
        """What every fact about this purchase says."""
        purchase, (reason, _) = self.purchase, self.purchase.cancellation
        subscription = {
            "id": self.id,
            "state": purchase.state or None,
            "expires_at_ms": purchase.expires_at_ms,
            "cancelled_by": reason or None,
            "survey_reason": purchase.survey_reason,
            "prepaid": purchase.is_prepaid,
            "auto_renew": purchase.auto_renews,
        }
        linked = next((one.people for one in self.linked if one.people), {})
        tokens = [self.token, *([purchase.linked_token] if purchase.linked_token else [])]
        return {
            "environment": environment_of(is_test=purchase.is_test),
            "subscription": without_none(subscription),
            "plan": purchase.plan,
            "product_ids": purchase.product_ids if len(purchase.items) > 1 else None,
            "country": purchase.reader.text("regionCode"),
            "subjects": [self.context.subject(token) for token in tokens],
            **purchase.people,
            "linked_account_id": linked.get("account_id") or linked.get("external_account_id"),
        }


def _base(purchase: Subscription) -> str | None:
    return min(purchase.newest_orders, default=None)
