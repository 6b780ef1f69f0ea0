"""Properties of the small parts of delivery: the budget, the pauses, and the reading of answers."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery import answers
from bridge.delivery.budget import WindowBudget
from bridge.delivery.elapsed import Elapsed
from bridge.delivery.pause import LONGEST_MS, growing_ms
from bridge.delivery.verdicts import AllTaken, Refused, Split, Stop, Taken, TryAgain
from bridge.standins.clock import MovableClock
from bridge.values import jsontext
from bridge.values.times import HOUR_MS, MINUTE_MS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ERRORS = st.lists(st.dictionaries(st.sampled_from(["index", "reason", "message"]), JSON, max_size=3) | JSON, max_size=4)
WORDS = st.fixed_dictionaries(
    {},
    optional={
        "status": JSON,
        "event_id": JSON,
        "accepted": JSON,
        "rejected": JSON,
        "event_ids": JSON,
        "errors": ERRORS,
    },
)
RESPONSES = st.builds(
    answers.Response,
    status=st.integers(100, 999),
    headers=st.dictionaries(st.just("retry-after"), st.text(max_size=40)),
    body=st.binary(max_size=60) | JSON.map(jsontext.dumps) | WORDS.map(jsontext.dumps),
)


@given(limit=st.integers(1, 8), gaps_ms=st.lists(st.integers(0, 30_000), max_size=60), took_ms=st.integers(0, 40_000))
def test_the_budget_holds_for_every_60_seconds(limit: int, gaps_ms: list[int], took_ms: int) -> None:
    clock = MovableClock()
    budget, left_at_ms = WindowBudget(limit, clock), []
    for gap_ms in gaps_ms:
        clock.advance(gap_ms)
        clock.advance(budget.wait_ms())
        assert budget.take()
        left_at_ms.append(clock())
        clock.advance(took_ms)
        budget.answered()

    assert all(later - earlier >= MINUTE_MS for earlier, later in zip(left_at_ms, left_at_ms[limit:], strict=False))


@given(times_ms=st.lists(st.integers(0, 10**13), min_size=1, max_size=30))
def test_time_goes_on_and_never_back_whatever_is_done_to_the_clock(times_ms: list[int]) -> None:
    clock = MovableClock()
    elapsed = Elapsed(clock)
    passed_ms = [elapsed()]
    for clock.now_ms in times_ms:
        passed_ms.append(elapsed())
        clock.advance(MINUTE_MS)
        passed_ms.append(elapsed())
        assert passed_ms[-1] - passed_ms[-2] == MINUTE_MS
    assert passed_ms == sorted(passed_ms)


@given(failures=st.integers(1, 10**9), seed=st.integers())
def test_delays_grow_to_their_bound(failures: int, seed: int) -> None:
    assert 800 <= growing_ms(failures, LONGEST_MS, Random(seed)) <= LONGEST_MS * 1.2


@given(text=st.text(max_size=60), now_ms=st.integers(0, 10**13))
def test_any_retry_after_is_bounded_or_nothing(text: str, now_ms: int) -> None:
    delay_ms = answers.retry_after_ms(text, now_ms)
    assert delay_ms is None or 0 <= delay_ms <= HOUR_MS


@given(response=RESPONSES)
def test_any_answer_to_one_event_is_a_verdict(response: answers.Response) -> None:
    match answers.of_single(response, 0):
        case Stop() | TryAgain():
            assert response.status not in {400, 413, 422}
        case [Taken()]:
            assert 200 <= response.status < 300
        case [Refused(reason=reason)]:
            assert response.status in {400, 413, 422}
            assert 0 < len(reason) <= answers.MAX_REASON_CHARS
        case other:
            raise AssertionError(other)


@given(response=RESPONSES, count=st.integers(2, 4))
def test_any_answer_to_a_batch_is_a_verdict_for_each_event_or_for_all(response: answers.Response, count: int) -> None:
    match answers.of_batch(response, count, 0):
        case Stop() | TryAgain() | Split():
            return
        case AllTaken(status=status, event_ids=event_ids):
            assert 200 <= status < 300
            assert len(event_ids) in (0, count)
        case verdicts:
            assert 200 <= response.status < 300
            assert len(verdicts) == count
