"""What becomes of acknowledged webhooks while the destination is out of order: a demonstration, no figure."""

import tempfile
import time
from pathlib import Path

from bench.events import requests
from bench.load import send_all
from bench.processes import running
from bench.servers import PATH
from bridge.standins import server
from bridge.standins.flokit import FlokitStandin

WEBHOOKS = 300
RECOVERED_WITHIN_S = 30


def show() -> None:
    """Print what a handler that sends after it has answered loses, and what the bridge loses."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        for name, arguments in {
            "a handler that sends in a background task": ("after",),
            "the bridge": ("whole", f"sqlite:///{folder}/bridge.sqlite"),
        }.items():
            acknowledged, arrived = _through_an_outage(arguments, log.fileno())
            lost = (acknowledged - arrived) / acknowledged
            print(f"destination answers 500 for a while: {name} acknowledged {acknowledged} and lost {lost:.0%}")


def _through_an_outage(arguments: tuple[str, ...], log: int) -> tuple[int, int]:
    """How many webhooks were acknowledged during the outage, and how many of their events arrived in the end."""
    standin = FlokitStandin()
    standin.choke_on = lambda _event: True
    with server.running(standin.app) as flokit, running(*arguments, flokit, log=log) as measured:
        statuses = send_all(measured.port, requests(PATH, "outage", WEBHOOKS))
        acknowledged = sum(status == 200 for status in statuses.values())
        standin.choke_on = lambda _event: False
        give_up_at = time.monotonic() + RECOVERED_WITHIN_S
        while len(_arrived(standin)) < acknowledged and time.monotonic() < give_up_at:
            time.sleep(0.1)
        return acknowledged, len(_arrived(standin))


def _arrived(standin: FlokitStandin) -> set[object]:
    stored = [event for workspace in standin.workspaces for event in workspace.stored]
    return {event.document["properties"]["transaction_id"] for event in stored}
