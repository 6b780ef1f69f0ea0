"""Golden cases: a webhook in, the findings and the events out, through the outside.

`fixtures/<source>/<case>/` holds

    input.json      the webhook as a person reads it, or a list of several in order of arrival
    previous.json   optional: what the ledger knew before, by subject
    settings.json   optional: {"enable": [rules to switch on], "send": [events to switch on]}
    expected.json   {"findings": [one for each fact stated], "events": [what FloKit stored, in order of arrival]}

A finding is compared in what it names: `outcome`, `rule`, `reason`. Events are compared whole.
"""

import atexit
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.delivery.budget import WindowBudget
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import FlokitClient
from bridge.http import create_app
from bridge.keeper import Keeper
from bridge.ledger.base import MemoryChange
from bridge.ledger.sqlite import SqliteLedger
from bridge.mapping import engine
from bridge.mapping.loading import load
from bridge.mapping.vocabulary import Vocabulary
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.base import Receiver, Source
from bridge.standins.clock import MovableClock
from bridge.standins.flokit import PRODUCTION_KEY, SANDBOX_KEY, FlokitStandin
from bridge.standins.server import running
from bridge.values import jsontext
from bridge.values.records import Document, Environment

ROOT = Path(__file__).resolve().parent.parent
MAPPINGS = ROOT / "mappings"
NOW_MS = 1_793_534_400_000  # 2026-11-01T12:00:00Z: when the webhooks of the fixtures are received
KEYS = {Environment.PRODUCTION: PRODUCTION_KEY, Environment.SANDBOX: SANDBOX_KEY}

Seal = Callable[[Document, int], tuple[Mapping[str, str], bytes]]
"""Makes the headers and body of a webhook as the source itself would, at an epoch millisecond."""


@dataclass(frozen=True)
class GoldenSource:
    """One source under test; `receiver` trusts the test keys that `seal` uses."""

    receiver: Receiver
    source: Source
    vocabulary: Vocabulary
    seal: Seal

    @property
    def name(self) -> str:
        """Its word in paths and URLs."""
        return self.source.name


@dataclass(frozen=True)
class Case:
    """One folder of fixtures."""

    folder: Path

    @cached_property
    def inputs(self) -> list[Document]:
        """The webhooks in order of arrival."""
        found = self._read("input.json")
        return found if isinstance(found, list) else [found]

    @cached_property
    def expected(self) -> dict[str, list[Document]]:
        """`findings` and `events`."""
        found: dict[str, list[Document]] = self._read("expected.json")
        return found

    @property
    def previous(self) -> dict[str, Document]:
        """What is known beforehand, by subject."""
        found: dict[str, Document] = self._read("previous.json", {})
        return found

    @property
    def mappings(self) -> Path:
        """The folder of mappings with what the case switches on."""
        settings = self._read("settings.json", {})
        return mappings_with(tuple(settings.get("enable", ())), tuple(settings.get("send", ())))

    def _read(self, name: str, default: Any = None) -> Any:
        file = self.folder / name
        return jsontext.loads(file.read_bytes()) if default is None or file.exists() else default


def cases(source: str) -> list[Case]:
    """All cases of a source, by name."""
    return [Case(folder.parent) for folder in sorted((ROOT / "fixtures" / source).glob("*/input.json"))]


@cache
def mappings_with(enable: tuple[str, ...], send: tuple[str, ...]) -> Path:
    """The shipped mappings, or a copy in which rules and events are switched on as a user would: a word in a line."""
    if not enable and not send:
        return MAPPINGS
    copy = tempfile.TemporaryDirectory(prefix="mappings-")
    atexit.register(copy.cleanup)  # it serves every case that switches on the same
    folder = Path(copy.name) / "mappings"
    shutil.copytree(MAPPINGS, folder)
    for file in folder.glob("*.toml"):
        text = file.read_text()
        for rule in enable:
            text = re.sub(rf'(name = "{re.escape(rule)}"\n(?:#.*\n)*enabled = )false', r"\1true", text)
        for event in send:
            text = re.sub(rf"(?m)^({event} = .*send = )false", r"\1true", text)
        file.write_text(text)
    return folder


@cache
def mapping_of(source: GoldenSource, folder: Path) -> engine.Mapping:
    """A mapping, loaded once."""
    return load(folder, source.name, source.vocabulary)


class Stage:
    """One running server for many cases: each puts its own app on it."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self.url = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.app:
            await self.app(scope, receive, send)


@dataclass(frozen=True)
class Stages:
    """Where the bridge and FloKit are reached, and the connections to both, which all cases share."""

    bridge: Stage
    flokit: Stage
    clock: MovableClock
    http: httpx.Client
    clients: Mapping[Environment, FlokitClient]


def stages() -> Iterator[Stages]:
    """Both servers, until the end."""
    bridge, flokit, clock = Stage(), Stage(), MovableClock(NOW_MS)
    with ExitStack() as stack:
        bridge.url, flokit.url = (stack.enter_context(running(stage)) for stage in (bridge, flokit))
        http = stack.enter_context(httpx.Client(base_url=bridge.url))
        clients = {
            environment: stack.enter_context(closing(FlokitClient(flokit.url, key, clock=clock)))
            for environment, key in KEYS.items()
        }
        yield Stages(bridge, flokit, clock, http, clients)


class GoldenRig:
    """A whole bridge on a ledger of its own, with a stand-in FloKit behind it; nothing moves by itself."""

    def __init__(self, folder: Path, stages: Stages, source: GoldenSource, mapping: engine.Mapping) -> None:
        self.source = source
        self.clock = stages.clock
        self.ledger = SqliteLedger.open(folder / "bridge.sqlite")
        self.pipeline = Pipeline(self.ledger, Interpreter(source.source, mapping), self.clock, _silent)
        self.standin = FlokitStandin(self.clock)
        self._stages = stages
        stages.flokit.app = self.standin.app
        stages.bridge.app = create_app([source.receiver], Keeper(self.ledger, _silent), log=_silent, clock=self.clock)

    def know(self, documents: Mapping[str, Document]) -> None:
        """Put memories into the ledger."""
        changes = {f"{self.source.name}:{subject}": MemoryChange(known, 0) for subject, known in documents.items()}
        self.ledger.settle([], changes, self.clock())

    def post(self, document: Document) -> httpx.Response:
        """Send one webhook, sealed as the source would."""
        headers, body = self.source.seal(document, self.clock())
        return self._stages.http.post(f"/webhooks/{self.source.name}", headers=dict(headers), content=body)

    def settle(self) -> None:
        """Map until nothing is left to map."""
        while self.pipeline.step():
            pass

    def deliver(self) -> None:
        """Send everything to FloKit."""
        for environment, client in self._stages.clients.items():
            deliverer = Deliverer(
                self.ledger,
                client,
                environment=environment,
                clock=self.clock,
                budget=WindowBudget(90, self.clock),
                requests_per_minute=90,
                log=_silent,
            )
            while deliverer.step() == 0:
                pass

    def findings(self) -> list[Document]:
        """What became of all notifications, in order of arrival."""
        kept = [self.ledger.kept(seq) for seq in self.ledger.find()]
        return [finding for one in kept if one for finding in one.findings]

    def events(self) -> list[Document]:
        """What FloKit has stored."""
        return [
            {"key": event.key, "workspace": event.workspace, "event": event.document} for event in self.standin.stored
        ]


def outcome(case: Case, source: GoldenSource, stages: Stages, folder: Path) -> dict[str, list[Document]]:
    """Run a case: its findings and events."""
    rig = GoldenRig(folder, stages, source, mapping_of(source, case.mappings))
    with closing(rig.ledger):
        rig.know(case.previous)
        for document in case.inputs:
            answer = rig.post(document)
            assert answer.status_code == 200, answer.text
            rig.settle()
        rig.deliver()
        return {"findings": rig.findings(), "events": rig.events()}


def check(case: Case, source: GoldenSource, stages: Stages, folder: Path) -> None:
    """Compare what comes of a case with what is expected."""
    got = outcome(case, source, stages, folder)
    expected = case.expected
    assert _as_named(got["findings"], expected["findings"]) == expected["findings"]
    assert got["events"] == expected["events"]


def _as_named(findings: Sequence[Document], expected: Sequence[Document]) -> list[Document]:
    """The findings, cut to the fields that the expectation in the same place names."""
    named = [list(one) for one in expected] + [["outcome", "rule", "reason"]] * len(findings)
    return [{name: finding[name] for name in names} for finding, names in zip(findings, named, strict=False)]


def _silent(_event: str, /, **_fields: object) -> None:
    """Golden cases say nothing of the log."""
