"""`bridge simulate`: correctly signed webhooks to a bridge that runs."""

import os
import sys
from pathlib import Path

import click

from bridge.errors import SettingsError
from bridge.settings import FLOKIT_API_URL, Settings, read_settings
from bridge.simulate import cases, send
from bridge.stories.tellers import TELLERS


@click.command()
@click.argument("source", type=click.Choice(sorted(TELLERS)))
@click.argument("case", required=False)
@click.option("--to", "url", help="The bridge, such as http://127.0.0.1:8787.")
@click.option("--list", "listed", is_flag=True, help="List the cases.")
@click.option(
    "--keys",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("simulator-keys"),
    show_default=True,
    help="Folder for test keys, where a source needs key files.",
)
def simulate(source: str, case: str | None, url: str | None, listed: bool, keys: Path) -> None:
    """Send a correctly signed webhook to a running bridge.

    CASE is `life` for a whole life story, or one of the cases that --list shows. Stripe's are signed with the first
    secret in STRIPE_WEBHOOK_SECRETS: set it here to what the running bridge has. Apple's are signed with test keys in
    the folder of --keys, which the first call makes: start the bridge with APPLE_APPS=com.example.app:1234567890,
    APPLE_MAX_AGE_DAYS=0, and the file apple-test-root.cer of that folder as APPLE_ROOT_CERTIFICATES.

    For Google it also serves a stand-in Google, which the bridge asks what was paid: run it once without settings, and
    it tells which ones to start the bridge with.

    The running bridge cannot tell these from real webhooks. Use one without FLOKIT_API_KEY, on a ledger of its own.
    """
    if listed:
        click.echo("\n".join(cases(source)))
        return
    if case is None or url is None:
        raise click.UsageError("Name a CASE and --to URL, or --list the cases.")
    settings = read_settings(os.environ)
    _keep_from_flokit(settings)
    refused = 0
    for sent in send(source, case, keys, settings, url):
        refused += sent.status >= 300
        click.echo(f"{sent.status} {sent.answer}  {sent.type}  {click.style(sent.sentence, dim=True)}")
    if refused:
        click.echo(f"{refused} not taken: has the running bridge the same settings as this shell?", err=True)
        sys.exit(1)


def _keep_from_flokit(settings: Settings) -> None:
    """FloKit documents no way to take an event back, and a bridge of these settings would send made-up sales there."""
    if settings.flokit.api_key and settings.flokit.api_url == FLOKIT_API_URL:
        raise SettingsError(
            ["FLOKIT_API_KEY: unset it, here and where the bridge runs, or made-up revenue goes to FloKit for good"]
        )
