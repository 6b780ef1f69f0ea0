"""What the tests against the deployed bridge share."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import httpx
import pytest
from chaos.documented import essences
from chaos.lives import Life, Webhook
from chaos.stores import Stores, open_stores
from chaos.truth import Fact, StoryTruth
from delivery_rig import Stage, stage

from aws.cloud import Cloud, running_cloud
from aws.stack import Stack, deployed, eventually
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.workspace import StoredEvent, Workspace
from bridge.values.times import system_clock

STAGE = "test"
QUICK = 6_000  # requests a minute: the tests are about what arrives, not about waiting
LIVES_AT_MOST = 40


@dataclass
class Bridge:
    """The deployed bridge with the stores before it and FloKit behind it, as one test sees them."""

    stack: Stack
    stores: Stores
    flokit: FlokitStandin
    http: httpx.Client
    _lives: Iterator[list[Life]]
    _truth: StoryTruth

    def lives(self) -> list[Life]:
        """A customer of each source who has not been told of before."""
        return next(self._lives)

    def post(self, webhook: Webhook) -> int:
        """Send it as its source does. Gives the status."""
        headers, body = self.stores.seal(webhook, system_clock())
        return self.http.post(f"/webhooks/{webhook.source}", content=body, headers=dict(headers)).status_code

    def tell(self, *webhooks: Webhook) -> None:
        """Send them; each has to be taken."""
        for webhook in webhooks:
            assert self.post(webhook) == 200, webhook

    def arrived(self) -> Counter[Fact]:
        """The events that FloKit has been told of in this test. The queue keeps no order, so they are compared in words
        that the order of arrival does not touch."""
        return essences(map(_fact, self.flokit.stored))

    def await_events(self, lives: list[Life], patience_s: float = 60.0) -> None:
        """Wait, with the schedule at work, until the events of these lives are there: each once, and no others."""
        wanted = essences(self._truth.of(lives))

        def have_come() -> bool:
            self.stack.tick()
            return self.arrived().total() >= wanted.total()

        eventually(have_come, patience_s)
        eventually(lambda: self.stack.waiting("NotificationsQueue") == 0)
        self.stack.tick()
        assert self.arrived() == wanted


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The emulator."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def flokit_stage() -> Iterator[Stage]:
    """The server that FloKit's stand-ins stand on."""
    with stage() as found:
        yield found


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> StoryTruth:
    """What the stories lead to."""
    return StoryTruth(tmp_path_factory.mktemp("truth") / "bridge")


@pytest.fixture(scope="session")
def all_lives(truth: StoryTruth) -> list[Life]:
    """Customers enough for all tests."""
    return truth.lives(random.Random(7), LIVES_AT_MOST)


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory, all_lives: list[Life]) -> Iterator[Stores]:
    """The three sources."""
    with open_stores(tmp_path_factory.mktemp("stores"), all_lives, over=True) as found:
        yield found


@pytest.fixture(scope="session")
def stack(cloud: Cloud, stores: Stores, flokit_stage: Stage) -> Iterator[Stack]:
    """The bridge, deployed."""
    settings = {
        **stores.environment,
        "FLOKIT_API_URL": flokit_stage.url,
        "FLOKIT_API_KEY": PRODUCTION_KEY,
        "FLOKIT_REQUESTS_PER_MINUTE": str(QUICK),
    }
    with deployed(cloud, STAGE, settings) as found:
        yield found


@pytest.fixture(scope="session")
def _by_three(all_lives: list[Life]) -> Iterator[list[Life]]:
    return iter([all_lives[place : place + 3] for place in range(0, len(all_lives), 3)])


@pytest.fixture
def bridge(
    stack: Stack, stores: Stores, flokit_stage: Stage, truth: StoryTruth, _by_three: Iterator[list[Life]]
) -> Iterator[Bridge]:
    """The bridge, with a FloKit that has not been told of anything yet."""
    flokit_stage.standin = FlokitStandin(workspaces=[Workspace("all", PRODUCTION_KEY, requests_per_minute=QUICK)])
    with httpx.Client(base_url=stack.url(), timeout=60) as http:
        yield Bridge(stack, stores, flokit_stage.standin, http, _by_three, truth)


def _fact(event: StoredEvent) -> Fact:
    properties = event.document["properties"]
    revenue = properties.get("revenue")
    return Fact(
        event.document["event"],
        event.key,
        None if revenue is None else Decimal(revenue),
        properties.get("currency"),
    )
