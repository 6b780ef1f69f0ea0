"""A bridge in its own process, a stand-in FloKit without limits, and sales to tell it of."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import httpx
from chaos.process import Home
from commands_rig import eventually
from edge_rig import SECRET, event, sign
from safety.lines import ROOT

from bridge.ledger.views import Entered
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.standins.workspace import Workspace
from bridge.values.times import Clock, system_clock

LONG = os.environ.get("FAULTS") == "long"  # as `make faults` runs them: more of the same, and what takes long
PATIENCE_S = 60  # of a sender; longer than any wait of the bridge
NO_LIMIT = 1_000_000_000
FAR_MS = 1 << 50
CREATED_S = 1_790_000_000


@dataclass
class HeardHome(Home):
    """A home whose log is heard line by line."""

    lines: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.on_line = self.lines.append

    def said(self, event_name: str) -> list[dict[str, object]]:
        """The lines of the log that tell of such an event."""
        return [found for line in list(self.lines) if (found := json.loads(line))["event"] == event_name]


@dataclass
class WatchedHome(HeardHome):
    """A home whose processes work over a disk that is watched (tests.faults.serve_over_disk), from any tree."""

    tree: Path = ROOT

    def __post_init__(self) -> None:
        super().__post_init__()
        self.environment = {**self.environment, "PYTHONPATH": str(self.tree)}

    def command(self) -> list[str]:
        """What starts a process; -P, for the working folder must not come before the tree."""
        return [sys.executable, "-P", "-m", "tests.faults.serve_over_disk", str(self.folder)]


def settings(flokit_url: str = "", **more: str) -> dict[str, str]:
    """The settings of a bridge that takes Stripe's webhooks; with a URL it delivers there, as fast as it can."""
    sending = {
        "FLOKIT_API_URL": flokit_url,
        "FLOKIT_API_KEY": PRODUCTION_KEY,
        "FLOKIT_REQUESTS_PER_MINUTE": str(NO_LIMIT - 1),
    }
    return {"STRIPE_WEBHOOK_SECRETS": SECRET, **(sending if flokit_url else {}), **more}


def patient_standin(clock: Clock = system_clock) -> FlokitStandin:
    """A stand-in that takes any number of requests."""
    return FlokitStandin(clock, [Workspace("production", PRODUCTION_KEY, requests_per_minute=NO_LIMIT)])


@contextmanager
def patient_flokit() -> Iterator[tuple[FlokitStandin, str]]:
    """Such a stand-in, served until the block ends, and its URL."""
    standin = patient_standin()
    with running(standin.app) as url:
        yield standin, url


def sale(name: str) -> bytes:
    """A webhook `evt_<name>` that tells of the paid invoice `in_<name>`: one event of that key."""
    invoice = {
        "id": f"in_{name}",
        "object": "invoice",
        "billing_reason": "manual",
        "status": "paid",
        "amount_paid": 4999,
        "total": 4999,
        "currency": "usd",
        "customer": f"cus_{name}",
        "status_transitions": {"paid_at": CREATED_S},
        "lines": {"object": "list", "data": [], "has_more": False},
    }
    return event(f"evt_{name}", created=CREATED_S, data={"object": invoice})


def post(home: Home, name: str, at_s: int | None = None) -> int:
    """Tell of a sale; the status of the answer. `at_s` is the time of the signature, now if absent."""
    body = sale(name)
    return httpx.post(
        f"{home.url}/webhooks/stripe", content=body, headers=sign(body, at_s=at_s), timeout=PATIENCE_S
    ).status_code


@dataclass
class Senders:
    """Connections that tell of sales, one after another, until the process is gone."""

    home: Home
    on_answer: Callable[[str, int], object]

    def run(self, lanes: Sequence[str], sales_each: int) -> None:
        """Tell of the sales `<lane>_<number>`, all lanes at once. `on_answer` gets each name and status, in threads."""
        threads = [Thread(target=self._run_lane, args=(lane, sales_each)) for lane in lanes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run_lane(self, lane: str, sales: int) -> None:
        with httpx.Client(base_url=self.home.url, timeout=PATIENCE_S) as client:
            for number in range(sales):
                body = sale(f"{lane}_{number}")
                try:
                    answer = client.post("/webhooks/stripe", content=body, headers=sign(body))
                except httpx.TransportError:
                    return
                self.on_answer(f"{lane}_{number}", answer.status_code)


def kept_names(home: Home) -> set[str]:
    """The names of the sales that are kept, whole."""
    with home.ledger() as ledger:
        found = [kept.pending.notification for seq in ledger.find() if (kept := ledger.kept(seq))]
    return {one.id.removeprefix("evt_") for one in found if one.body == sale(one.id.removeprefix("evt_"))}


def entered(home: Home) -> dict[str, Entered]:
    """The ledger's events by the name of their sale."""
    with home.ledger() as ledger:
        return {one.key.removeprefix("in_"): one for one in ledger.events(100_000)}


def await_sent(home: Home, names: set[str]) -> None:
    """Wait until the events of these sales are marked as sent."""
    eventually(lambda: {name for name, one in entered(home).items() if one.state == "sent"} >= names)
