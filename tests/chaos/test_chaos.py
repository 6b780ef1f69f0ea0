"""The short form of the failure suite: one round of each scenario. CHAOS_SEED repeats what a fresh seed has found."""

import os
import secrets

import pytest

from .scenarios import SHORT, play
from .truth import StoryTruth


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> StoryTruth:
    """What the stories lead to when nobody disturbs the bridge."""
    return StoryTruth(tmp_path_factory.mktemp("truth") / "told")


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_and_nothing_doubled(name: str, truth: StoryTruth) -> None:
    seed = os.environ.get("CHAOS_SEED") or str(secrets.randbelow(1_000_000))
    verdict = play(SHORT[name], seed, truth)
    assert not verdict.faults, f"CHAOS_SEED={seed}: " + "\n".join(verdict.faults)
