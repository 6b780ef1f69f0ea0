"""What strangers can make Apple's receiving half do and hold, counted in walks along certificate chains."""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from apple_rig import NOW_MS, body_of, genuine, parts, receiver, signer, verdict, warm_receiver

from bridge.errors import CannotTell, Forged
from bridge.sources.apple.chains import (
    MAX_FAILURES,
    MAX_HEADER_CHARS,
    REMEMBERED_FOR_MS,
    WALKS_A_SECOND,
    WALKS_AT_ONCE,
    Allowance,
)
from bridge.sources.apple.proof import MAX_JWS_CHARS
from bridge.sources.apple.receive import AppleReceiver
from bridge.stories.apple_signing import LEAF_MARK, Validity, issue
from bridge.values import jsontext
from bridge.values.times import DAY_MS, SECOND_MS

LEAF, INTERMEDIATE, ROOT = signer().x5c


def bad_chains(number: int) -> Iterator[bytes]:
    """So many notifications, each with a chain that nobody has seen: a real certificate of a stranger's."""
    for _ in range(number):
        leaf = issue("Stranger", Validity.around(NOW_MS), mark=LEAF_MARK)
        yield under([b64encode(leaf.der).decode(), INTERMEDIATE, ROOT])


def under(x5c: Any) -> bytes:
    """A notification under any chain, signed with the wrong key."""
    header = jsontext.dumps({"alg": "ES256", "x5c": x5c})
    text = signer().sign_bytes(jsontext.dumps(parts()[0]), jsontext.loads(header))
    return body_of(text[:-20] + "A" * 20)


def answers(apple: AppleReceiver, bodies: Iterator[bytes], now_ms: int = NOW_MS) -> dict[type[Exception], int]:
    """How many of the bodies were refused with which error. None may be taken."""
    counts: dict[type[Exception], int] = {Forged: 0, CannotTell: 0}
    for body in bodies:
        with pytest.raises((Forged, CannotTell)) as refusal:
            apple.verify({}, body, now_ms)
        counts[refusal.type] += 1
    return counts


def test_a_chain_is_walked_once_for_all_notifications_under_it() -> None:
    apple = receiver(8)
    for seconds in range(100):
        apple.verify({}, genuine(signedDate=NOW_MS + seconds * SECOND_MS), NOW_MS)
    assert apple.chains.walks == 1


def test_a_chain_is_walked_anew_after_a_while() -> None:
    apple = warm_receiver()
    for later_ms, walks in ((REMEMBERED_FOR_MS - 1, 1), (REMEMBERED_FOR_MS, 2), (2 * REMEMBERED_FOR_MS - 1, 2)):
        apple.verify({}, genuine(), NOW_MS + later_ms)
        assert apple.chains.walks == walks


def test_thousands_of_bad_chains_cost_a_bounded_number_of_walks() -> None:
    apple = receiver()
    counts = answers(apple, bad_chains(1_000))
    assert counts == {Forged: WALKS_AT_ONCE, CannotTell: 1_000 - WALKS_AT_ONCE}
    assert apple.chains.walks == WALKS_AT_ONCE


def test_a_remembered_chain_is_out_of_reach_for_a_flood() -> None:
    apple = warm_receiver()
    answers(apple, bad_chains(WALKS_AT_ONCE + 10))
    walks = apple.chains.walks
    assert verdict(apple, genuine())
    assert apple.chains.walks == walks
    later_ms = NOW_MS + REMEMBERED_FOR_MS
    answers(apple, bad_chains(WALKS_AT_ONCE + 10), later_ms)
    assert verdict(apple, genuine(), later_ms)


def test_a_chain_not_seen_before_waits_for_the_flood_to_end_and_is_not_lost() -> None:
    apple = receiver()
    answers(apple, bad_chains(WALKS_AT_ONCE))
    with pytest.raises(CannotTell):
        apple.verify({}, genuine(), NOW_MS)
    assert verdict(apple, genuine(), NOW_MS + SECOND_MS)


def test_one_bad_chain_again_and_again_costs_one_walk() -> None:
    apple = receiver()
    (body,) = bad_chains(1)
    assert answers(apple, iter([body] * 1_000)) == {Forged: 1_000, CannotTell: 0}
    assert apple.chains.walks == 1


def test_what_is_remembered_of_failures_is_bounded() -> None:
    apple = receiver()
    for second in range(3):
        answers(apple, bad_chains(WALKS_AT_ONCE), NOW_MS + second * DAY_MS)
    assert apple.chains.held == 3 * WALKS_AT_ONCE
    for second, body in enumerate(bad_chains(MAX_FAILURES)):
        answers(apple, iter([body]), NOW_MS + 3 * DAY_MS + second * SECOND_MS)
    assert apple.chains.held == MAX_FAILURES


def test_good_chains_in_new_clothes_are_not_remembered_without_apples_signature() -> None:
    more = b64encode(b64decode(LEAF) + b"more").decode()
    clothes = [[LEAF, INTERMEDIATE, str(number)] for number in range(20)] + [[more, INTERMEDIATE, ROOT]]
    apple = warm_receiver()
    held = apple.chains.held
    assert answers(apple, iter(under(x5c) for x5c in clothes))[Forged] == len(clothes)
    assert apple.chains.held == held == 1


def test_a_failure_at_one_time_says_nothing_about_another() -> None:
    apple = receiver()
    with pytest.raises(Forged):
        apple.verify({}, genuine(signedDate=NOW_MS - 900 * DAY_MS), NOW_MS)
    assert verdict(apple, genuine())


@pytest.mark.parametrize(
    "x5c",
    [
        [LEAF * 100, INTERMEDIATE, ROOT],
        [LEAF, INTERMEDIATE, "A" * MAX_HEADER_CHARS],
        [LEAF] * 1_000,
        [[[[LEAF]]]] * 4,
        "A" * 100_000,
        {},
    ],
    ids=["long leaf", "long third", "many", "nested", "text", "object"],
)
def test_oversized_and_odd_headers_cost_no_walk(x5c: Any) -> None:
    apple = receiver()
    assert answers(apple, iter([under(x5c)])) == {Forged: 1, CannotTell: 0}
    assert apple.chains.walks == 0


@pytest.mark.parametrize(("padding_chars", "taken"), [(100_000, True), (MAX_JWS_CHARS, False)])
def test_the_length_of_a_signed_part_is_bounded(padding_chars: int, taken: bool) -> None:
    padded = body_of(signer().sign({**parts()[0], "padding": "x" * padding_chars}))
    assert verdict(receiver(), padded) is taken


@pytest.mark.parametrize("depth", [900, 5_000, 100_000])
def test_deep_json_is_refused(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    apple = receiver()
    header, payload, _ = signer().sign(parts()[0]).split(".")
    segment = b64encode(b'{"a":' + deep + b"}", b"-_").rstrip(b"=").decode()
    bodies = [body_of(f"{header}.{segment}.{payload}"), body_of(f"{segment}.{payload}.{payload}")]
    assert answers(apple, iter(bodies)) == {Forged: 2, CannotTell: 0}


def test_the_allowance_fills_up_again_and_never_over() -> None:
    allowance = Allowance(WALKS_AT_ONCE, WALKS_A_SECOND)
    taken = [sum(allowance.take(at_ms) for _ in range(1_000)) for at_ms in (NOW_MS, NOW_MS + SECOND_MS, NOW_MS)]
    assert taken == [WALKS_AT_ONCE, WALKS_A_SECOND, 0]
    assert sum(allowance.take(NOW_MS + DAY_MS) for _ in range(1_000)) == WALKS_AT_ONCE
