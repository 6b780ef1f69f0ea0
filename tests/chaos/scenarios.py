"""All scenarios: as they are in a long run, and in the short form of `make test`."""

import random
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from . import floods, kills, orders, outages, retries, storms
from .truth import StoryTruth, Stuck
from .verdict import Verdict

Scenario = Callable[[random.Random, Path, StoryTruth], Verdict]
"""One round: from a seed, in an empty folder, beside what the stories lead to."""

KILLS: tuple[str, Scenario] = ("kills", partial(kills.run, kills=48, pace=kills.SINGLES))
KILLS_WITH_BATCHES: tuple[str, Scenario] = ("kills with batches", partial(kills.run, kills=36, pace=kills.BATCHES))

LONG: Sequence[tuple[str, Scenario]] = (
    KILLS,
    KILLS_WITH_BATCHES,
    ("orders", partial(orders.run, customers=30)),
    KILLS,
    ("storms", partial(storms.run, customers=6)),
    ("retries", retries.run),
    KILLS_WITH_BATCHES,
    ("floods", partial(floods.run, hostile_requests=5_000)),
    ("made-up orders", partial(orders.run_made_up, customers=20)),
    KILLS,
    ("outages", partial(outages.run, customers=12, days=4, patient=True)),
)
"""The rounds of a run, again and again."""

SHORT: Mapping[str, Scenario] = {
    "kills": partial(kills.run, kills=8, pace=kills.SINGLES),
    "kills with batches": partial(kills.run, kills=5, pace=kills.BATCHES),
    "orders": partial(orders.run, customers=3),
    "made-up orders": partial(orders.run_made_up, customers=2),
    "storms": partial(storms.run, customers=1),
    "retries": partial(retries.run, sources=("stripe", "apple")),
    "floods": partial(floods.run, hostile_requests=400, patient=False),
    "outages": partial(outages.run, customers=1, days=2, patient=False),
}


def play(scenario: Scenario, seed: str, truth: StoryTruth) -> Verdict:
    """One round in a folder of its own, which stays when something was found."""
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    try:
        verdict = scenario(random.Random(seed), folder, truth)
    except (Stuck, AssertionError) as error:
        verdict = Verdict([f"{type(error).__name__}: {error}"])
    if verdict.faults:
        verdict.faults.append(f"ledger and log of this round: {folder}")
    else:
        shutil.rmtree(folder)
    return verdict
