"""`python -m bench`: every figure, a line each, and the same in bench/latest.json."""

import click

from bench import accept, apple, cold_start, delivery, google, growth, imports, losses
from bench.figures import write_latest


@click.command()
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1), help="How often each is measured.")
@click.option("--quick", is_flag=True, help="Few rounds with few webhooks: shows that it works, not how fast.")
def main(rounds: int, quick: bool) -> None:
    """What the bridge costs, side by side with what it is compared to, by CPU time.

    Both sides are measured in turns; each figure is the median of the ratios of a turn.
    """
    rounds, webhooks = (2, 300) if quick else (rounds, 1_500)
    found = [
        *accept.figures(rounds, webhooks),
        *imports.figures(rounds),
        *apple.figures(rounds),
        *google.figures(rounds),
        *cold_start.figures(rounds, webhooks // 10),
        *delivery.figures(rounds, batches=5),
        *growth.figures(rounds, webhooks, growth.QUICK_ROWS if quick else growth.ROWS),
    ]
    losses.show()
    for figure in found:
        print(figure)
    write_latest(found)


main()
