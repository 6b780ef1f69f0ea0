"""`bridge doctor`: what works against the outside, what is missing and where to click, what only needs waiting."""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from bridge.doctor.checks import BAD, Check, State
from bridge.settings import read_settings
from bridge.values import jsontext


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--send-test-event", is_flag=True, help="Send FloKit a test event without money, with each key.")
@click.option("--apple-test-notification", is_flag=True, help="Let Apple send a test notification, and wait for it.")
def doctor(as_json: bool, send_test_event: bool, apple_test_notification: bool) -> None:
    """Try keys, rights, clock and ledger for real.

    Says what is right, what is missing and where to click, and what only needs waiting. It reads; only the two options
    let something be sent. The exit code is 2 if anything is wrong or missing.
    """
    from bridge.doctor.examination import examine  # noqa: PLC0415 - other commands need not load Google's authentication

    settings = read_settings(os.environ)
    if apple_test_notification:
        click.echo("asking Apple for test notifications takes up to two minutes", err=True)
    checks = examine(settings, send_test_event=send_test_event, apple_test_notification=apple_test_notification)
    bad = sum(check.state in BAD for check in checks)
    if as_json:
        click.echo(jsontext.dumps_pretty({"ok": not bad, "checks": [asdict(check) for check in checks]}))
    else:
        click.echo("\n".join(_lines(checks, bad)))
    sys.exit(2 if bad else 0)


def _lines(checks: Sequence[Check], bad: int) -> Iterator[str]:
    for check in checks:
        yield f"{check.state:8} {check.name}: {check.says}"
        if check.do:
            yield f"{'':8}   {check.do}"
    waiting = sum(check.state is State.WAITING for check in checks)
    yield (f"{bad} to be mended" if bad else "nothing is wrong") + (f", {waiting} to wait for" if waiting else "")
