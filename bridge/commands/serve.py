"""`bridge serve`: the whole bridge in one process."""

import os

import click

from bridge.errors import SettingsError
from bridge.interpreters import pipelines
from bridge.ledgers import DYNAMODB
from bridge.serve import serve as run
from bridge.settings import read_settings

_NOT_HERE = (
    "BRIDGE_LEDGER: `bridge serve` keeps its ledger in a file; a DynamoDB table is the ledger of the functions on AWS, "
    "which `make deploy` puts there"
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Run the bridge: webhooks in, events at FloKit out.

    Takes webhooks, keeps them in the ledger, maps them, and delivers the events. Without FLOKIT_API_KEY it keeps the
    events and sends nothing. Stops on Ctrl-C or SIGTERM after finishing what it took in.
    """
    settings = read_settings(os.environ)
    if settings.ledger_url.startswith(DYNAMODB):
        raise SettingsError([_NOT_HERE])
    run(settings, host, port, pipelines(settings))
