"""Google's golden cases, and that they leave no rule of the mapping out.

Beside what tests/golden.py reads, `google.json` holds what the Play Developer API knows when the webhook is taken in:
`subscriptions` and `products` by purchase token, `orders`, and tokens that are `gone`; or a list of these, one for each
webhook, where each adds to what was there before.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from golden import MAPPINGS, NOW_MS, Case, GoldenSource, Stages, cases, check, stages

from bridge.mapping.loading import load
from bridge.sources.google.api import PlayApi
from bridge.sources.google.booked import REREAD
from bridge.sources.google.certificates import CertificateCache
from bridge.sources.google.credentials import AccessToken, load_credentials
from bridge.sources.google.receive import GoogleReceiver
from bridge.sources.google.source import TYPES, GoogleSource
from bridge.sources.google.vocabulary import VOCABULARY
from bridge.standins.clock import MovableClock
from bridge.standins.google import GoogleStandin
from bridge.standins.google_play import Play
from bridge.standins.server import running
from bridge.stories.google_signing import GoogleSigner, wrapped
from bridge.stories.google_stage import know
from bridge.values import jsontext
from bridge.values.records import Document

PACKAGE = "com.example.app"
AUDIENCE = "https://bridge.example.com/webhooks/google"
ACCOUNT = "push@standin-project.iam.gserviceaccount.com"
CASES = cases("google")


class Google:
    """The stand-in, which knows what the case at hand says, and the source that asks it."""

    def __init__(self, folder: Path, clock: MovableClock | None = None) -> None:
        self.clock = clock or MovableClock(NOW_MS)
        self.standin = GoogleStandin(GoogleSigner.generate(NOW_MS), self.clock)
        self._folder = folder
        self._worlds: list[Document] = []
        self._sent = 0

    def source(self, url: str) -> tuple[GoldenSource, PlayApi]:
        """The whole source in front of the stand-in at a URL."""
        file = self._folder / "key.json"
        file.write_bytes(jsontext.dumps(self.standin.service_account(url)))
        api = PlayApi(AccessToken(load_credentials(file), self.clock), url=url, clock=self.clock)
        receiver = GoogleReceiver([PACKAGE], AUDIENCE, ACCOUNT, CertificateCache(f"{url}/oauth2/v1/certs"))
        return GoldenSource(receiver, GoogleSource(api, [PACKAGE], self.clock), VOCABULARY, self.seal), api

    def begin(self, case: Case) -> None:
        """Forget the case before."""
        self.standin.play = Play(self.clock)
        file = case.folder / "google.json"
        found = jsontext.loads(file.read_bytes()) if file.exists() else {}
        self._worlds = found if isinstance(found, list) else [found]
        self._sent = 0

    def seal(self, document: Document, now_ms: int) -> tuple[dict[str, str], bytes]:
        """As Pub/Sub sends it; by then Google knows what the case says of it."""
        if self._sent < len(self._worlds):
            know(self.standin.play, self._worlds[self._sent])
        self._sent += 1
        token = self.standin.signer.push_token(AUDIENCE, ACCOUNT, now_ms)
        push = wrapped(jsontext.dumps(document), token, str(self._sent), now_ms)
        return dict(push.headers), push.body


@pytest.fixture(scope="module")
def servers() -> Iterator[Stages]:
    yield from stages()


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Google, GoldenSource]]:
    google = Google(tmp_path_factory.mktemp("google"))
    with running(google.standin.app) as url:
        source, api = google.source(url)
        with closing(api):
            yield google, source


@pytest.mark.parametrize("case", CASES, ids=[case.folder.name for case in CASES])
def test_a_notification_becomes_its_events(
    case: Case, google: tuple[Google, GoldenSource], servers: Stages, tmp_path: Path
) -> None:
    google[0].begin(case)
    check(case, google[1], servers, tmp_path)


def test_every_rule_is_taken() -> None:
    rules = {rule.name for rule in load(MAPPINGS, "google", VOCABULARY).rules}
    taken = {finding["rule"] for case in CASES for finding in case.expected["findings"]}

    assert rules - taken == {"orders looked at again"}, "the bridge's own, shown in test_google_facts_waiting.py"
    assert taken - rules == {""}, "expectations name rules that are not there"


def test_every_type_has_a_case() -> None:
    numbers = {
        document["subscriptionNotification"]["notificationType"]
        for case in CASES
        for document in case.inputs
        if "subscriptionNotification" in document
    }
    bodies = {name for case in CASES for document in case.inputs for name in document if name.endswith("Notification")}

    assert numbers >= {*range(1, 14), 17, 18, 19, 20, 22}
    assert bodies >= {name for name in TYPES - {REREAD} if name.endswith("Notification")}
