"""`python -m tests.chaos`: rounds of all scenarios for some minutes, then a table of what came of them."""

import logging
import secrets
import sys
import tempfile
import time
from pathlib import Path

import click

from .post_mortem import WINDOWS
from .scenarios import LONG, play
from .truth import StoryTruth
from .verdict import Verdict, write_latest

LATEST = Path(__file__).with_name("latest.json")
ENOUGH_KILLS = 150  # by then each window has been hit, or the suite no longer hits it


@click.command()
@click.option("--seed", type=int, help="Repeats a run; without it each run has a fresh one.")
@click.option("--minutes", type=float, default=10, show_default=True, help="A round that has begun is finished.")
@click.option("--round", "only", type=click.IntRange(0), help="Play only this round of the run.")
def main(seed: int | None, minutes: float, only: int | None) -> None:
    """Hurt the bridge in every way there is, and see whether anything is lost or doubled."""
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())  # the stand-ins break off answers on purpose
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    print(f"seed {seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-truth-") as folder:
        truth = StoryTruth(Path(folder) / "truth")
        whole = play_round(seed, only, truth) if only is not None else play_for(minutes, seed, truth)
    if whole.sums["kills"] >= ENOUGH_KILLS:
        for window in WINDOWS:
            whole.expect(whole.windows[window] > 0, f"no kill left {window}")
    whole.show(print)
    write_latest(LATEST, seed, whole)
    if whole.faults:
        sys.exit("\n".join(["", "FOUND:", *whole.faults]))
    print("nothing lost, nothing doubled but what the ledger said might be")


def play_for(minutes: float, seed: int, truth: StoryTruth) -> Verdict:
    """Round after round until the time is over."""
    whole, number, end_at = Verdict(), 0, time.monotonic() + minutes * 60
    while time.monotonic() < end_at:
        whole.add(play_round(seed, number, truth))
        number += 1
    return whole


def play_round(seed: int, number: int, truth: StoryTruth) -> Verdict:
    """One round, and a line about it."""
    name, scenario = LONG[number % len(LONG)]
    began_at = time.monotonic()
    verdict = play(scenario, f"{seed} {number}", truth)
    verdict.rounds[name] = 1
    took_s = time.monotonic() - began_at
    counts = ", ".join(f"{count:,} {what}" for what, count in verdict.sums.items() if count)
    print(f"round {number:3} {name:24} {took_s:4.0f} s  {counts}", flush=True)
    if verdict.faults:
        verdict.faults.append(f"to repeat it: make chaos SEED={seed} ROUND={number}")
        print("\n".join(verdict.faults), flush=True)
    return verdict


main()
