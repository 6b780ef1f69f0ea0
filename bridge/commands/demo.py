"""`bridge demo`: a life in webhooks, each event as it arrives, and the sums at the end."""

import sys
from collections.abc import Sequence

import click

from bridge.demo import Demo, Result, Told
from bridge.standins.workspace import StoredEvent, Totals
from bridge.values.records import Document
from bridge.values.times import from_iso

START = "2026-01-05T09:00:00Z"  # of the stories; any day would do, a fixed one makes every run the same
USER_CHARS = 16  # of a user's id that are shown; a UUID is longer

NEXT = """
Ready for your own:

  export STRIPE_WEBHOOK_SECRETS=whsec_…   Stripe: the signing secret of your endpoint
  export APPLE_APPS=com.example.app:123   App Store: your app's bundle id and its Apple ID
  docs/google.md                          Google Play: three settings and a service account
  export FLOKIT_API_KEY=…                 leave it out at first: events are then kept and not sent
  make serve                              takes webhooks at http://127.0.0.1:8787

The README shows where each of them stands."""


@click.command()
def demo() -> None:
    """Watch signed webhooks become priced events. Needs no account and no network.

    Runs the real bridge and a stand-in FloKit on this machine, sends each store's life story over HTTP (some webhooks
    twice, some out of order), shows every event as it arrives, and holds the sums against the story. Exit code 0 when
    they are equal.
    """
    with Demo(from_iso(START)) as stage:
        results = [_tell(stage, source) for source in stage.sources]
    click.echo()
    click.echo(_title("At FloKit, and as the stories say it"))
    for line in _sums(results):
        click.echo(line)
    if not all(result.is_right for result in results):
        click.secho("The sums differ from the story. This is a fault of the bridge; please report it.", fg="red")
        sys.exit(1)
    click.echo(NEXT)


def _tell(stage: Demo, source: str) -> Result:
    click.echo()
    click.echo(_title(f"{source.capitalize()}: signed webhooks in, events at FloKit out"))
    return stage.tell(source, _say)


def _say(told: Told) -> None:
    delivery = told.delivery
    repeats = f", sent {delivery.repeats} times" if delivery.repeats > 1 else ""
    click.echo(f"day {told.day:3}  {delivery.sentence}  " + click.style(f"{delivery.type}{repeats}", dim=True))
    for answer in told.answers:
        if answer not in ("accepted", "duplicate"):
            click.secho(f"         not taken: {answer}", fg="red")
    for event in told.events:
        click.echo("         " + click.style("→ ", fg="green") + _shown(event))


def _shown(event: StoredEvent) -> str:
    properties: Document = event.document.get("properties", {})
    money = ""
    if "revenue" in properties:
        money = f"{properties['revenue']:,} {properties['currency']}"
    user = _shortened(event.document.get("user_id") or event.document.get("anonymous_id", ""))
    name = click.style(f"{event.document['event']:23}", bold=True)
    return f"{name}{click.style(f'{money:>16}', fg='cyan')}  {user:{USER_CHARS}}  key {event.key}"


def _shortened(user: str) -> str:
    return user if len(user) <= USER_CHARS else f"{user[: USER_CHARS - 1]}…"


def _sums(results: Sequence[Result]) -> list[str]:
    lines = [f"{'':10}{'':5}{'sold':>12}{'given back':>12}{'kept':>12}   webhooks  events"]
    for result in results:
        counts = f"{result.webhooks:>11}{len(result.events):>8}"
        for currency, total in sorted(result.totals.items()):
            verdict = "equal" if result.story.totals.get(currency) == total else f"not {_money(result, currency)}"
            lines.append(f"{result.source:10}{currency:5}{_row(total)}{counts}   {verdict}")
            counts = " " * len(counts)
    return lines


def _money(result: Result, currency: str) -> str:
    return _row(result.story.totals.get(currency, Totals())).strip()


def _row(total: Totals) -> str:
    return "".join(f"{amount:>12,}" for amount in (total.sold, total.given_back, total.kept))


def _title(text: str) -> str:
    return click.style(text, bold=True, underline=True)
