"""`python -m backlog`: drain a million events and print what came of it; exit code 1 if anything is amiss."""

import sys
import tempfile
from pathlib import Path

import click

from .drain import drain


@click.command()
@click.option("--events", default=1_000_000, show_default=True, type=click.IntRange(1), help="How many are kept.")
@click.option(
    "--requests-per-minute", default=100, show_default=True, help='What FloKit allows (its page "Batch events").'
)
@click.option("--give-up-after", default=900, show_default=True, help="Seconds.")
def main(events: int, requests_per_minute: int, give_up_after: float) -> None:
    """Drain a backlog at the rate that FloKit allows, while webhooks come in."""
    with tempfile.TemporaryDirectory() as folder:
        figures = drain(Path(folder), events, requests_per_minute, give_up_after)
    print(figures)
    sys.exit(bool(figures.faults()))


main()
