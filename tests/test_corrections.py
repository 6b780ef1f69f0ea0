"""A poorer word that came first and a better one that comes later: what is sent beside what FloKit has."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from corrections_rig import AMOUNT_MAY_BE_ABSENT, NOW_MS, USER, Rig, body, money, refund, sale
from mapping_examples import HEAD, TAXONOMY

from bridge.ledger.base import Refusal
from bridge.values.records import Document, Outcome


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    found.ledger.close()


# What was never tried


def test_the_better_word_takes_the_place_of_an_unsent_one(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.tell(sale(money("50", "estimated")))
    rig.tell(sale(money("49.90")))
    assert rig.amounts() == {"in_1": (Decimal("49.90"), "EUR")}
    seq = rig.tell(sale(money("50", "estimated")), sale(None))
    assert rig.amounts() == {"in_1": (Decimal("49.90"), "EUR")}
    assert rig.reasons(seq - 1) == "entered otherwise before: revenue"


def test_a_user_is_better_than_none(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.tell(sale(money("49.90"), metadata=USER))
    document = body(rig.events()["in_1"])
    assert (document["user_id"], document["anonymous_id"]) == ("user_42", "sub_1")
    rig.replay()
    rig.tell(sale(money("49.90"), metadata=USER, country="USA"))
    assert list(rig.events()) == ["in_1"]
    assert body(rig.events()["in_1"]) == document, "a replay keeps the link"


# What FloKit has


@pytest.mark.parametrize(
    ("first", "then", "difference", "reason"),
    [
        (None, money("49.90"), "49.90", "amount_exact"),
        (None, money("50", "estimated"), "50", "amount_estimated"),
        (money("50", "estimated"), money("49.90"), "-0.10", "amount_exact"),
    ],
)
def test_what_is_missing_is_sent_beside_it(
    rig: Rig, first: Document | None, then: Document, difference: str, reason: str
) -> None:
    rig.tell(sale(first))
    rig.send()
    rig.tell(sale(then, metadata=USER))
    rig.replay()
    rig.send()
    rig.replay()
    assert list(rig.amounts()) == ["in_1", "in_1:corrected:1"]
    event = rig.events()["in_1:corrected:1"]
    document = body(event)
    assert (event.revenue, document["event"]) == (Decimal(difference), "revenue_corrected")
    assert (document["user_id"], document["anonymous_id"]) == ("user_42", "sub_1")
    assert document["timestamp"] == body(rig.events()["in_1"])["timestamp"]
    properties = document["properties"]
    assert properties["revenue"] == Decimal(difference)
    assert (properties["corrects"], properties["correction_reason"]) == ("in_1", reason)
    assert properties["transaction_id"] == "in_1"


def test_a_refund_is_corrected_downwards(rig: Rig) -> None:
    rig.tell(refund(None))
    rig.tell(sale(money("49.90")))
    rig.send()
    rig.tell(refund(money("20")))
    assert rig.amounts()["in_1:refund_issued:re_1:corrected:1"] == (Decimal(-20), "EUR")
    assert body(rig.events()["in_1:refund_issued:re_1:corrected:1"])["properties"]["refund_amount"] == 20


def test_an_amount_in_a_wrong_currency_goes_back_and_the_right_one_comes(rig: Rig) -> None:
    rig.tell(sale(money("50", "estimated", "USD")))
    rig.send()
    rig.tell(sale(money("49.90")))
    rig.replay()
    assert rig.amounts() == {
        "in_1": (Decimal(50), "USD"),
        "in_1:corrected:1": (Decimal(-50), "USD"),
        "in_1:corrected:2": (Decimal("49.90"), "EUR"),
    }


def test_a_mended_mapping_corrects_its_own_word_as_often_as_it_is_mended(rig: Rig) -> None:
    def mended(path: str) -> str:
        return (HEAD + AMOUNT_MAY_BE_ABSENT).replace(
            'emit = "subscription_started"', f'emit = "subscription_started"\nmoney = "{path}"'
        )

    rig.tell(sale(money("49.90"), fee=money("5")))
    rig.send()
    for path, number in (("fee", 1), ("fee", 1), ("money", 2), ("money", 2), ("fee", 3)):
        rig.load(stripe=mended(path))
        rig.replay()
        assert len(rig.events()) == 1 + number
        rig.send()
    assert [amount for amount, _ in rig.amounts().values()] == [
        Decimal("49.90"), Decimal("-44.90"), Decimal("44.90"), Decimal("-44.90"),
    ]  # fmt: skip
    assert body(rig.events()["in_1:corrected:3"])["properties"]["correction_reason"] == "mapped_again"


def test_an_equally_sure_word_of_another_notification_is_only_noted(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.send()
    seq = rig.tell(sale(money("59.90"), country="USA"))
    assert list(rig.events()) == ["in_1"]
    assert rig.reasons(seq) == "FloKit has it otherwise, and cannot take it back: revenue, country"


def test_what_flokit_may_have_counts_as_sent(rig: Rig) -> None:
    rig.tell(sale(None))
    (left,) = rig.ready()
    rig.ledger.about_to_send([left.seq], NOW_MS)
    rig.tell(sale(money("49.90")))
    assert rig.amounts() == {"in_1": (None, None), "in_1:corrected:1": (Decimal("49.90"), "EUR")}


def test_a_refused_event_that_was_corrected_meanwhile_does_not_count_twice(rig: Rig) -> None:
    rig.tell(sale(None))
    left, *_ = rig.ready()
    rig.ledger.about_to_send([left.seq], NOW_MS)
    seq = rig.tell(sale(money("49.90")))
    rig.ledger.mark([], [Refusal(left.seq, 422, "no amount")], [], NOW_MS)
    rig.replay([seq])
    rig.send()
    rig.replay()
    assert sum(amount for amount, _ in rig.amounts().values() if amount) == Decimal("49.90")


def test_a_refused_correction_is_tried_anew(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.send()
    seq = rig.tell(sale(money("49.90")))
    rig.ledger.mark([], [Refusal(rig.ready()[0].seq, 422, "no such event")], [], NOW_MS)
    rig.replay([seq])
    assert [one.key for one in rig.ready()] == ["in_1:corrected:1"]


def test_what_was_forgotten_is_not_corrected_by_the_same_word(rig: Rig) -> None:
    rig.tell(sale(money("49.90", "estimated")))
    rig.send()
    rig.ledger.forget_bodies(1 << 60, 1_000)
    rig.tell(sale(money("49.90"), country="USA"))
    assert list(rig.events()) == ["in_1"]


def test_the_sandbox_corrects_nothing_in_production(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.send()
    rig.tell(sale(money("49.90"), environment="sandbox"))
    assert rig.amounts() == {"in_1": (None, None)}


def test_corrections_can_be_switched_off(rig: Rig) -> None:
    off = TAXONOMY.replace('money = "difference", send = true', 'money = "difference", send = false')
    rig.load(stripe=HEAD + AMOUNT_MAY_BE_ABSENT, taxonomy=off)
    rig.tell(sale(None))
    rig.send()
    seq = rig.tell(sale(money("49.90")))
    assert list(rig.events()) == ["in_1"]
    assert rig.reasons(seq) == "FloKit has it otherwise, and cannot take it back: revenue"


def test_a_finding_says_what_it_led_to(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.send()
    seq = rig.tell(sale(money("49.90")))
    kept = rig.ledger.kept(seq)
    assert kept
    assert [event.key for event in kept.events] == ["in_1", "in_1:corrected:1"]
    rig.replay([seq])
    again = rig.ledger.kept(seq)
    assert again
    assert [event.key for event in again.events] == ["in_1", "in_1:corrected:1"]
    assert again.outcome is Outcome.MAPPED


# Users


def test_a_user_known_by_a_repeat_is_joined_once(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.send()
    seq = rig.tell(sale(money("49.90"), metadata=USER))
    rig.replay()
    rig.send()
    rig.replay()
    assert list(rig.amounts()) == ["in_1", "sub_1:user_linked"]
    kept = rig.ledger.kept(seq)
    assert kept
    assert [event.key for event in kept.events] == ["in_1", "sub_1:user_linked"]
    document = body(rig.events()["sub_1:user_linked"])
    assert (document["user_id"], document["anonymous_id"]) == ("user_42", "sub_1")


def test_a_user_known_by_what_is_no_event_is_joined_at_once(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    ignored = sale(None, metadata=USER, subscription={"id": "sub_1", "status": "past_due"})
    seq = rig.tell(ignored, ignored)
    assert list(rig.amounts()) == ["in_1", "sub_1:user_linked"]
    rig.tell(sale(money("49.90"), "in_2"))
    assert "anonymous_id" not in body(rig.events()["in_2"])
    assert rig.reasons(seq) == "no subscription that is running"


def test_no_second_user_is_joined(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.send()
    rig.tell(sale(money("49.90"), metadata=USER), sale(money("49.90"), metadata={"user_id": "user_43"}))
    rig.replay()
    (link,) = [body(one) for one in rig.events().values() if one.name == "user_linked"]
    assert link["user_id"] == "user_42"
