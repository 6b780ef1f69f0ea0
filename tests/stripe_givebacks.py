"""What goes back of a sale, at random: refunds that may fail, and disputes."""

from dataclasses import dataclass

from hypothesis import strategies as st
from stripe_sale import Draw, Sale

from bridge.stories.stripe_links import credit_note
from bridge.stories.stripe_objects import DAY_S
from bridge.stories.stripe_payments import balance_move, charge, dispute, refund
from bridge.stories.stripe_versions import V2022, Generation
from bridge.values.records import Document


@dataclass
class Back:
    """One refund while it lives: when it was asked for and, perhaps, when it failed."""

    id: str
    units: int
    at: int
    status: str
    failed_at: int | None = None


def draw_refunds(draw: Draw, sale: Sale, words: str) -> int:
    """Refunds, told in these words. Gives what remains of the payment.

    Who subscribed to `charge.refunded` alone never hears of a failure, so there it does not happen.
    """
    backs = _drawn_refunds(draw, sale, may_fail=words != "charge")
    happenings = [(back.at, False, back) for back in backs]
    happenings += [(back.failed_at, True, back) for back in backs if back.failed_at]
    total = 0
    for at, fails, back in sorted(happenings, key=lambda happening: happening[0]):
        before, total = total, total + (-back.units if fails else back.units)
        back.status = "failed" if fails else back.status
        sale.moved.append(back.units if fails else -back.units)
        if words in ("refund", "both") or (fails and words == "charge and failures"):
            _tell_refund(draw, sale, back, at, fails=fails)
        if words != "refund" and not fails:
            _tell_charge(draw, sale, [one for one in backs if one.at <= at], (before, total), at)
    return sale.paid - total


def _drawn_refunds(draw: Draw, sale: Sale, *, may_fail: bool) -> list[Back]:
    """Amounts that often repeat; each a week after the one before; failures before or after the next refund."""
    backs: list[Back] = []
    for number in range(draw(st.integers(0, 4))):
        units = draw(st.sampled_from([100, 100, 200]))
        at = sale.at + (7 * number + 10) * DAY_S
        delay_days = draw(st.sampled_from([3, 10, 17])) if may_fail and draw(st.booleans()) else None
        if sum(back.units for back in backs) + units <= sale.paid:
            failed_at = None if delay_days is None else at + delay_days * DAY_S
            status = draw(st.sampled_from(["succeeded", "pending"]))
            backs.append(Back(f"re_{sale.name}{number}", units, at, status, failed_at))
    return backs


def _tell_refund(draw: Draw, sale: Sale, back: Back, at: int, *, fails: bool) -> None:
    def thing(generation: Generation) -> Document:
        return _refund(sale, back, generation)

    sale.tell(draw, "refund.failed" if fails else "refund.created", at, thing)
    if draw(st.booleans()):
        sale.tell(draw, "refund.updated", at + 1, thing, {"status": "pending"})
    if not fails and not sale.one_off and draw(st.booleans()):
        sale.tell(draw, "credit_note.created", at, lambda generation: _credit_note(sale, back, generation))


def _tell_charge(draw: Draw, sale: Sale, backs: list[Back], step: tuple[int, int], at: int) -> None:
    before, total = step
    newest_first = sorted(backs, key=lambda back: -back.at)

    def thing(generation: Generation) -> Document:
        return charge(
            f"ch_{sale.name}",
            sale.paid,
            payment=f"pi_{sale.name}",
            created=sale.at,
            currency=sale.currency,
            customer="cus_1P",
            invoice=None if sale.one_off else f"in_{sale.name}",
            refunded=total,
            refunds=[_refund(sale, back, V2022) for back in newest_first],
            generation=generation,
        )

    sale.tell(draw, "charge.refunded", at, thing, {"amount_refunded": before})


def _refund(sale: Sale, back: Back, generation: Generation) -> Document:
    return refund(
        back.id,
        back.units,
        charge=f"ch_{sale.name}",
        payment=f"pi_{sale.name}",
        created=back.at,
        currency=sale.currency,
        status=back.status,
        generation=generation,
    )


def _credit_note(sale: Sale, back: Back, generation: Generation) -> Document:
    return credit_note(
        f"cn_{back.id}",
        back.units,
        invoice=f"in_{sale.name}",
        customer="cus_1P",
        created=back.at,
        refund=back.id,
        generation=generation,
    )


def draw_dispute(draw: Draw, sale: Sale, units: int) -> None:
    """A dispute of what remains: lost, won, or won in part. Any of its notifications but one may be missing."""
    returned = draw(st.sampled_from([0, units, units // 2]))
    at, end = sale.at + 60 * DAY_S, sale.at + 90 * DAY_S
    took = balance_move(f"txn_{sale.name}a", -units, created=at, currency=sale.currency, fee=1_500)
    back = balance_move(f"txn_{sale.name}b", returned, created=end, currency=sale.currency)

    def thing(status: str, *moves: Document) -> Document:
        return dispute(
            f"du_{sale.name}",
            units,
            charge=f"ch_{sale.name}",
            payment=f"pi_{sale.name}",
            created=at,
            status=status,
            currency=sale.currency,
            moves=moves,
        )

    sale.moved.append(-units)
    sale.tell(draw, "charge.dispute.created", at, thing("needs_response"))
    sale.tell(draw, "charge.dispute.funds_withdrawn", at, thing("needs_response", took))
    if returned:
        sale.moved.append(returned)
        sale.tell(draw, "charge.dispute.funds_reinstated", end, thing("won", took, back))
    if draw(st.booleans()):
        sale.tell(draw, "charge.dispute.closed", end, thing("won", took, back) if returned else thing("lost", took))
