"""What the doctor finds out at Apple, from an app that answers as Apple documents; and what answers of any kind do."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from apple_store import PEM
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from google_rig import signer
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.doctor.apple import api_checks, app_checks, root_checks
from bridge.doctor.apple_tests import Patience
from bridge.doctor.checks import Check, Job, State, run
from bridge.doctor.examination import examine
from bridge.environment import Secret
from bridge.settings import read_settings
from bridge.settings_apple import AppleApiKey, AppleSettings
from bridge.standins.google import GoogleStandin
from bridge.standins.server import running
from bridge.values import jsontext
from bridge.values.times import DAY_MS, EPOCH, system_clock

APP = "com.example.app"
KEY = AppleApiKey("issuer-1", "KEY1", Secret(PEM))
SOON = Patience(pause_s=0.01, wait_s=0.1)
TEST = f"Apple test notification ({APP}"


@dataclass
class Apple:
    """Both environments. `refused` are those that do not take the key, `without_url` those that know no URL."""

    results: list[str] = field(default_factory=lambda: ["SUCCESS"])
    looks_before: int = 2  # how often the outcome is not there yet
    refused: set[str] = field(default_factory=set)
    without_url: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{environment}/inApps/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, request: Request) -> Response:
        environment, path = request.path_params["environment"], request.path_params["path"]
        self.asked.append(f"{request.method} {environment} {path}")
        if environment in self.refused:
            return Response("Unauthenticated", 401)
        if request.method == "POST":
            missing = JSONResponse({"errorCode": 4040007}, 404)
            return missing if environment in self.without_url else JSONResponse({"testNotificationToken": "a/token"})
        if not path.startswith("v1/notifications/test/"):
            return JSONResponse({"errorCode": 4040010}, 404)
        if self.asked.count(self.asked[-1]) <= self.looks_before:
            return JSONResponse({"errorCode": 4040008}, 404)
        return JSONResponse({"sendAttempts": [{"sendAttemptResult": result} for result in self.results]})


def examined(apple: Apple, *, ask_for_test: bool = True, key: AppleApiKey = KEY) -> dict[str, Check]:
    with running(apple.app) as url:
        urls = {name: f"{url}/{name}" for name in ("production", "sandbox")}
        return made(url_of=urls, ask_for_test=ask_for_test, key=key)


def made(url_of: dict[str, str], *, ask_for_test: bool, key: AppleApiKey = KEY) -> dict[str, Check]:
    chosen = AppleSettings({APP: 1}, api_key=key)
    checks = api_checks(chosen, system_clock, ask_for_test=ask_for_test, urls=url_of, patience=SOON)
    return {check.name: check for check in checks}


def test_the_key_is_tried_by_reading_and_a_test_is_asked_for_only_on_demand() -> None:
    apple = Apple()
    checks = examined(apple, ask_for_test=False)
    assert [check.state for check in checks.values()] == [State.OK]
    assert {line.split()[0] for line in apple.asked} == {"GET"}


def test_a_test_notification_is_followed_until_apple_says_what_came_of_it() -> None:
    checks = examined(Apple())
    for environment in ("production", "sandbox"):
        assert checks[f"{TEST}, {environment})"].state is State.OK


@pytest.mark.parametrize(
    ("result", "says", "do"),
    [
        ("UNSUCCESSFUL_HTTP_RESPONSE_CODE", "UNSUCCESSFUL_HTTP", "/webhooks/apple"),
        ("TLS_ISSUE", "TLS_ISSUE", "public certificate"),
        ("A_NEW_WORD", "A_NEW_WORD", "App Store Server Notifications"),
        ("\x1b[31m<script>", "for an unknown reason", "App Store Server Notifications"),
    ],
)
def test_why_apple_could_not_deliver(result: str, says: str, do: str) -> None:
    found = examined(Apple(results=[result]))[f"{TEST}, sandbox)"]
    assert found.state is State.WRONG
    assert says in found.says
    assert do in found.do


def test_an_outcome_that_does_not_come_in_time_is_waited_for_no_longer() -> None:
    assert examined(Apple(looks_before=1_000_000))[f"{TEST}, sandbox)"].state is State.WAITING


def test_before_the_first_release_only_sandbox_takes_the_key() -> None:
    checks = examined(Apple(refused={"production"}, without_url={"sandbox"}))
    assert checks[f"APPLE_PRIVATE_KEY ({APP})"].state is State.WAITING
    assert "once the app is released" in checks[f"APPLE_PRIVATE_KEY ({APP})"].do
    assert checks[f"{TEST}, production)"].state is State.SKIPPED
    assert checks[f"{TEST}, sandbox)"].state is State.MISSING


def test_a_key_that_apple_does_not_take_and_one_that_is_none() -> None:
    refused = examined(Apple(refused={"production", "sandbox"}), ask_for_test=False)[f"APPLE_PRIVATE_KEY ({APP})"]
    assert (refused.state, "clock" in refused.do) == (State.WRONG, True)
    none = examined(Apple(), key=AppleApiKey("issuer-1", "KEY1", Secret("not a key")))
    assert [(check.name, check.state) for check in none.values()] == [("APPLE_PRIVATE_KEY", State.WRONG)]


def test_apps_without_their_apple_id_and_roots_that_have_ended(tmp_path: Path) -> None:
    apps = list(app_checks(AppleSettings({APP: None, "com.example.other": 7})))
    assert [check.state for check in apps] == [State.MISSING, State.OK]
    now_ms = system_clock()
    file = tmp_path / "root.cer"
    file.write_bytes(root_until(now_ms - DAY_MS))
    for roots, state in (((file,), State.WRONG), ((tmp_path / "none",), State.WRONG), ((), State.OK)):
        (found,) = root_checks(AppleSettings({APP: 1}, root_certificates=roots), now_ms)
        assert found.state is state


def root_until(end_ms: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Root")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    end = EPOCH + timedelta(milliseconds=end_ms)
    dated = builder.serial_number(1).not_valid_before(end - timedelta(days=10)).not_valid_after(end)
    return dated.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


# Answers of any kind


@dataclass
class Anything:
    """Answers all the same, whatever is asked."""

    status: int = 200
    body: bytes = b""

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    async def _answer(self, _request: Request) -> Response:
        return Response(self.body, self.status)


@pytest.fixture(scope="module")
def anything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Anything, str, dict[str, str]]]:
    """Where all of them answer anything, and the settings that lead there."""
    anybody = Anything()
    file = tmp_path_factory.mktemp("doctor") / "reader.json"
    with running(anybody.app) as url:
        file.write_bytes(jsontext.dumps(GoogleStandin(signer()).service_account(url)))
        env = {
            "BRIDGE_LEDGER": f"sqlite:///{file.parent}/bridge.sqlite",
            "FLOKIT_API_KEY": "key",
            "FLOKIT_API_URL": url,
            "STRIPE_WEBHOOK_SECRETS": "whsec_0123456789abcdef",
            "STRIPE_API_KEY": "rk_live_0123",
            "STRIPE_API_URL": url,
            "GOOGLE_PACKAGES": APP,
            "GOOGLE_PUSH_AUDIENCE": "https://bridge.example.com/webhooks/google",
            "GOOGLE_PUSH_ACCOUNT": "push@project.iam.gserviceaccount.com",
            "GOOGLE_APPLICATION_CREDENTIALS": str(file),
            "GOOGLE_CERTS_URL": url,
            "GOOGLE_PLAY_URL": url,
        }
        yield anybody, url, env


STATUSES = (200, 201, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503)
WORDS = (
    "integrations", "type", "status", "error", "errors", "message", "access_token", "expires_in",
    "testNotificationToken", "sendAttempts", "sendAttemptResult", "voidedPurchases", "\x1b[2J\n", "stripe",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=12,
)


@given(status=st.sampled_from(STATUSES), body=st.binary(max_size=200) | JSON.map(jsontext.dumps))
@settings(max_examples=20, deadline=None)
def test_no_answer_makes_it_fail_or_drives_a_terminal(
    anything: tuple[Anything, str, dict[str, str]], status: int, body: bytes
) -> None:
    anybody, url, env = anything
    anybody.status, anybody.body = status, body
    urls = {"production": url, "sandbox": url}
    found = examine(read_settings(env), send_test_event=True, apple_test_notification=False)
    found += run([Job("apple", lambda: made(urls, ask_for_test=True).values())], 20)
    for check in found:
        assert "a fault of the bridge" not in check.says, check
        assert "no answer within" not in check.says, check
        assert check.says.isprintable(), check
        assert check.do.isprintable(), check
