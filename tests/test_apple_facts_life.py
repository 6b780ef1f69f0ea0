"""The life story that the demo tells: what it says of the money is what comes of it, at every step and in any order."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from golden import MAPPINGS, NOW_MS, GoldenRig, Stages, mapping_of, stages
from test_apple_facts_golden import APPLE

from bridge.mapping.taxonomy import OWN_EVENTS
from bridge.stories.apple import life
from bridge.stories.story import Delivery, totals
from bridge.values import jsontext
from bridge.values.times import DAY_MS

STORY = life(NOW_MS - 200 * DAY_MS)


@pytest.fixture(scope="module")
def servers() -> Iterator[Stages]:
    yield from stages()


@pytest.fixture
def rig(servers: Stages, tmp_path: Path) -> Iterator[GoldenRig]:
    rig = GoldenRig(tmp_path, servers, APPLE, mapping_of(APPLE, MAPPINGS))
    with closing(rig.ledger):
        yield rig


def test_every_step_moves_what_the_story_says(rig: GoldenRig) -> None:
    for place, delivery in enumerate(STORY.deliveries, start=1):
        _arrive(rig, delivery)
        rig.deliver()

        assert rig.standin.totals() == totals(STORY.deliveries[:place]), delivery.sentence


def test_the_totals_are_the_apps() -> None:
    """Written down by hand: $29 twice, $84 three times and coins for $14, less half of $29 and 18.452 % of $84 (to the
    milliunit); three months of ¥1,980, of which one went back."""
    kept = {currency: found.kept for currency, found in STORY.totals.items()}

    assert kept == {"USD": Decimal(294), "JPY": 3_960}


@pytest.mark.parametrize("seed", range(3))
def test_any_other_order_comes_to_the_same(rig: GoldenRig, seed: int) -> None:
    deliveries = list(STORY.deliveries)
    Random(seed).shuffle(deliveries)

    for delivery in deliveries:
        _arrive(rig, delivery)
    rig.deliver()

    assert rig.standin.totals() == STORY.totals


def test_it_tells_of_every_event_that_is_sent(rig: GoldenRig) -> None:
    for delivery in STORY.deliveries:
        _arrive(rig, delivery)
    rig.deliver()

    named = {event["event"]["event"] for event in rig.events()}
    events = mapping_of(APPLE, MAPPINGS).taxonomy.events.values()
    sent = {event.name for event in events if event.send and event.key not in OWN_EVENTS}
    assert named == sent


def test_all_of_it_has_happened_within_150_days() -> None:
    made = [delivery.at_ms for delivery in STORY.deliveries]

    assert max(made) - min(made) < 150 * DAY_MS


def _arrive(rig: GoldenRig, delivery: Delivery) -> None:
    for _ in range(delivery.repeats):
        assert rig.post(jsontext.loads(delivery.body)).status_code == 200
        rig.settle()
