"""The life story that the demo tells: what it says of the money is what comes of it, at every step and in any order."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from golden import MAPPINGS, NOW_MS, GoldenRig, GoldenSource, Stages, mapping_of, stages
from test_golden_google import Google

from bridge.standins.server import running
from bridge.stories.google import life, scenes
from bridge.stories.google_stage import MovingGoogle
from bridge.stories.story import Delivery, totals
from bridge.values import jsontext
from bridge.values.times import DAY_MS, SECOND_MS

START_MS = NOW_MS - 200 * DAY_MS
STORY = life(START_MS)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[GoldenSource, Stages]]:
    for stage in stages():
        google = Google(tmp_path_factory.mktemp("google"), stage.clock)
        moving = MovingGoogle(google.standin.signer, scenes(START_MS), stage.clock)
        google.standin = moving.standin
        with running(moving) as url:
            source, api = google.source(url)
            with closing(api):
                yield source, stage


@pytest.fixture
def rig(outside: tuple[GoldenSource, Stages], tmp_path: Path) -> Iterator[GoldenRig]:
    source, stage = outside
    stage.clock.now_ms = START_MS
    rig = GoldenRig(tmp_path, stage, source, mapping_of(source, MAPPINGS))
    with closing(rig.ledger):
        yield rig


def test_every_step_moves_what_the_story_says(rig: GoldenRig) -> None:
    for place, delivery in enumerate(STORY.deliveries, start=1):
        rig.clock.now_ms = max(rig.clock(), delivery.at_ms) + SECOND_MS
        _arrive(rig, delivery)
        rig.deliver()

        assert rig.standin.totals() == totals(STORY.deliveries[:place]), delivery.sentence


def test_the_totals_are_those_of_stripes_story() -> None:
    """Written down by hand: $29 + 29 + 56 + 99 + 99 and a template of $12, less $30; three months of ¥1,980, of which
    one went back."""
    assert {currency: found.kept for currency, found in STORY.totals.items()} == {"USD": 294, "JPY": 3_960}


@pytest.mark.parametrize("seed", range(3))
def test_told_in_any_other_order_after_the_end_it_comes_to_the_same(rig: GoldenRig, seed: int) -> None:
    deliveries = list(STORY.deliveries)
    Random(seed).shuffle(deliveries)
    rig.clock.now_ms = START_MS + 135 * DAY_MS

    for delivery in deliveries:
        _arrive(rig, delivery)
    rig.deliver()

    assert rig.standin.totals() == STORY.totals


def _arrive(rig: GoldenRig, delivery: Delivery) -> None:
    for _ in range(delivery.repeats):
        assert rig.post(jsontext.loads(delivery.body)).status_code == 200
        rig.settle()
