"""`bridge serve`: the whole bridge in one process."""

import os

import click

from bridge.interpreters import pipelines
from bridge.serve import serve as run
from bridge.settings import read_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 for all.")
@click.option("--port", default=8787, show_default=True, type=click.IntRange(0, 65_535), help="0 takes a free one.")
def serve(host: str, port: int) -> None:
    """Run the bridge: webhooks in, events at FloKit out.

    Takes webhooks, keeps them in the ledger, maps them, and delivers the events. Without FLOKIT_API_KEY it keeps the
    events and sends nothing. Stops on Ctrl-C or SIGTERM after finishing what it took in.
    """
    settings = read_settings(os.environ)
    run(settings, host, port, pipelines(settings))
