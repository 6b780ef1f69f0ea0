"""`bridge serve` as people run it: real processes, stopped, killed and doubled."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import pytest
from edge_rig import SECRET, event, sign

from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Kept
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.server import running

INVOICE = {
    "id": "in_1",
    "object": "invoice",
    "billing_reason": "manual",
    "status": "paid",
    "amount_paid": 4999,
    "total": 4999,
    "currency": "usd",
    "customer": "cus_1",
    "metadata": {"user_id": "user_1"},
    "status_transitions": {"paid_at": 1764000000},
    "lines": {"object": "list", "data": [], "has_more": False},
}


@dataclass
class Bridge:
    """A running `bridge serve`."""

    process: subprocess.Popen[str]
    url: str
    banner: list[str]

    def post(self, body: bytes) -> int:
        return httpx.post(f"{self.url}/webhooks/stripe", content=body, headers=sign(body)).status_code

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@contextmanager
def bridge_serve(folder: Path, **env: str) -> Iterator[Bridge]:
    with (folder / "log").open("a") as log, _start(folder, log.fileno(), *("--port", "0"), **env) as process:
        assert process.stdout
        try:
            banner = [process.stdout.readline().rstrip() for _ in range(7)]
            yield Bridge(process, banner[0].split()[-1], banner)
        finally:
            process.kill()


def _start(folder: Path, stderr: int, *arguments: str, **env: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bridge", "serve", *arguments]
    known = {"PATH": os.environ["PATH"], "STRIPE_WEBHOOK_SECRETS": SECRET, "BRIDGE_LEDGER": f"sqlite:///{folder}/l"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=known | env)


def ledger_of(folder: Path) -> SqliteLedger:
    return SqliteLedger.open(folder / "l")


def kept(ledger: SqliteLedger) -> list[Kept]:
    return [one for one in map(ledger.kept, ledger.find()) if one]


def await_true(happened: Callable[[], bool]) -> None:
    """Wait for it, at most as long as a slow machine may take."""
    give_up_at = time.monotonic() + 15
    while not happened():
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.01)


def test_a_webhook_becomes_an_event_at_flokit_once(tmp_path: Path) -> None:
    standin = FlokitStandin()
    body = event("evt_1", created=1764000000, data={"object": INVOICE})
    with (
        running(standin.app) as flokit,
        bridge_serve(tmp_path, FLOKIT_API_URL=flokit, FLOKIT_API_KEY=PRODUCTION_KEY) as bridge,
    ):
        assert [bridge.post(body) for _ in range(3)] == [200, 200, 200]
        await_true(lambda: bool(standin.requests))
        assert bridge.stop() == 0
    (sent,) = standin.requests
    assert orjson.loads(sent.body)["properties"]["revenue"] == 49.99
    log = (tmp_path / "log").read_text()
    assert [orjson.loads(line)["event"] for line in log.splitlines()].count("webhook") == 3
    assert not any(secret in log for secret in (SECRET, PRODUCTION_KEY, "user_1"))


def test_the_start_says_what_is_set_and_what_is_missing(tmp_path: Path) -> None:
    with bridge_serve(tmp_path) as bridge:
        said = "\n".join(bridge.banner)
    assert f"POST {bridge.url}/webhooks/stripe" in said
    assert "APPLE_APPS" in said
    assert "set FLOKIT_API_KEY to send" in said
    assert "FLOKIT_SANDBOX_API_KEY" in said
    assert SECRET not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_finishes_what_was_taken_in(tmp_path: Path, number: int) -> None:
    with bridge_serve(tmp_path) as bridge:
        assert bridge.post(event("evt_1")) == 200
        assert bridge.stop(number) == 0
    (one,) = kept(ledger_of(tmp_path))
    assert one.outcome is not None


@dataclass
class Load:
    """Threads that post webhooks as fast as they are answered, until the bridge is gone."""

    bridge: Bridge
    acknowledged: list[str] = field(default_factory=list)

    def run_until(self, enough: int, then: Callable[[], object]) -> None:
        """Post; do `then` in the midst of it, once so many are acknowledged."""
        threads = [threading.Thread(target=self._post, args=(lane,)) for lane in range(8)]
        for thread in threads:
            thread.start()
        await_true(lambda: len(self.acknowledged) >= enough)
        then()
        for thread in threads:
            thread.join()

    def _post(self, lane: int) -> None:
        with httpx.Client(base_url=self.bridge.url) as client:
            for number in range(100_000):
                body = event(f"evt_{lane}_{number}")
                try:
                    answer = client.post("/webhooks/stripe", content=body, headers=sign(body))
                except httpx.TransportError:
                    return
                if answer.status_code == 200:
                    self.acknowledged.append(f"evt_{lane}_{number}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_acknowledged_is_on_disk_however_it_ends(tmp_path: Path, number: int) -> None:
    with bridge_serve(tmp_path) as bridge:
        load = Load(bridge)
        load.run_until(100, lambda: bridge.stop(number))
    on_disk = {one.pending.notification.id for one in kept(ledger_of(tmp_path))}
    assert len(load.acknowledged) >= 100
    assert set(load.acknowledged) <= on_disk


def test_of_two_processes_on_one_ledger_the_second_takes_over_the_work(tmp_path: Path) -> None:
    ledger = ledger_of(tmp_path)
    with bridge_serve(tmp_path) as first:
        assert first.post(event("evt_1")) == 200
        await_true(lambda: all(one.outcome for one in kept(ledger)))
        with bridge_serve(tmp_path) as second:
            assert second.post(event("evt_1")) == 200
            assert second.post(event("evt_2")) == 200  # kept here, mapped there
            await_true(lambda: all(one.outcome for one in kept(ledger)))
            first.stop(signal.SIGKILL)
            assert second.post(event("evt_3")) == 200
            await_true(lambda: all(one.outcome for one in kept(ledger)))
            assert second.stop() == 0
    assert [one.pending.notification.id for one in kept(ledger)] == ["evt_1", "evt_2", "evt_3"]


def test_a_taken_port_and_a_ledger_without_a_folder_are_told_plainly(tmp_path: Path) -> None:
    with bridge_serve(tmp_path) as bridge:
        port = bridge.url.rpartition(":")[2]
        with _start(tmp_path, subprocess.PIPE, "--port", port) as second:
            _, said = second.communicate(timeout=20)
    assert second.returncode == 2
    assert f"port {port}" in said
    with _start(tmp_path, subprocess.PIPE, "--port", "0", BRIDGE_LEDGER=f"sqlite:///{tmp_path}/none/l") as third:
        _, said = third.communicate(timeout=20)
    assert third.returncode == 1
    assert "does not exist" in said
    assert "Traceback" not in said


UNUSED = (
    "httpx",
    "cryptography",
    "google.",
    "appstoreserverlibrary",
    "bridge.mapping",
    "bridge.pipeline",
    "bridge.delivery",
)


def test_the_accept_path_imports_no_more_than_it_uses() -> None:
    program = (
        "import sys, stripe, starlette.applications, uvicorn\n"  # `import stripe` brings httpx where there is one
        "before = set(sys.modules)\n"
        "import bridge.http, bridge.keeper, bridge.ledger.sqlite, bridge.sources.stripe.receive, bridge.connections\n"
        f"print([name for name in set(sys.modules) - before if name.startswith({UNUSED})])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
