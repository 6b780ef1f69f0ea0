"""`bridge doctor` as a process, with stand-ins where FloKit, Stripe and Google would be."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from commands_rig import SECRET, Ran, Shell, flokit
from google_rig import ACCOUNT, AUDIENCE, PACKAGE, signer
from test_stripe_api import Stripe

from bridge.doctor.checks import Check, Job, State, run
from bridge.doctor.examination import examine
from bridge.settings import read_settings
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.google import SERVICE_ACCOUNT, GoogleStandin
from bridge.standins.server import running
from bridge.standins.troubles import Answer, CutOff
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import SECOND_MS, system_clock

RESTRICTED_KEY = "rk_live_0123456789abcdef"
EMPTY: tuple[int, Document] = (200, {"object": "list", "data": []})
NO_RIGHT = (
    "The provided key 'rk_live_*********cdef' does not have the required permissions for this endpoint on account "
    "'acct_1'. Having the 'rak_invoice_read' permission would allow this request to continue."
)


@pytest.fixture
def at_flokit(tmp_path: Path) -> Iterator[tuple[FlokitStandin, Shell]]:
    with flokit(Shell(tmp_path, {})) as standin_and_shell:
        yield standin_and_shell


@pytest.fixture
def stripe() -> Iterator[tuple[Stripe, dict[str, str]]]:
    """A Stripe that lets the key read all it needs, and the settings that lead there."""
    standin = Stripe()
    standin.answers = dict.fromkeys(("/v1/subscriptions", "/v1/invoice_payments"), EMPTY)
    with running(standin.app) as url:
        keys = {"STRIPE_WEBHOOK_SECRETS": SECRET, "STRIPE_API_KEY": RESTRICTED_KEY}
        yield standin, {**keys, "STRIPE_API_URL": url}


@pytest.fixture
def google(tmp_path: Path) -> Iterator[tuple[GoogleStandin, dict[str, str]]]:
    """A Google that knows the app, and the settings that lead there."""
    standin = GoogleStandin(signer())
    with running(standin.app) as url:
        credentials = tmp_path / "reader.json"
        credentials.write_bytes(jsontext.dumps(standin.service_account(url)))
        yield (
            standin,
            {
                "GOOGLE_PACKAGES": PACKAGE,
                "GOOGLE_PUSH_AUDIENCE": AUDIENCE,
                "GOOGLE_PUSH_ACCOUNT": ACCOUNT,
                "GOOGLE_APPLICATION_CREDENTIALS": str(credentials),
                "GOOGLE_CERTS_URL": f"{url}/oauth2/v1/certs",
                "GOOGLE_PLAY_URL": url,
            },
        )


def told(ran: Ran) -> dict[str, Document]:
    """What `--json` says, by the name of the check."""
    return {check["name"]: check for check in json.loads(ran.out)["checks"]}


def states(shell: Shell, *words: str) -> dict[str, str]:
    return {name: check["state"] for name, check in told(shell.run("doctor", "--json", *words)).items()}


def examined(env: dict[str, str], ahead_s: int = 0) -> dict[str, Check]:
    """The same in this process, by a clock that may be wrong."""

    def now() -> int:
        return system_clock() + ahead_s * SECOND_MS

    checks = examine(read_settings(env), send_test_event=False, apple_test_notification=False, now=now)
    return {check.name: check for check in checks}


def unused_url() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_all_is_well_and_nothing_leaves_a_trace(
    at_flokit: tuple[FlokitStandin, Shell],
    stripe: tuple[Stripe, dict[str, str]],
    google: tuple[GoogleStandin, dict[str, str]],
) -> None:
    standin, shell = at_flokit
    shell = shell.with_settings(**stripe[1], **google[1], APPLE_APPS="com.example.app:1234567890")
    ran = shell.run("doctor")

    assert (ran.code, ran.err, ran.lines[-1]) == (0, "", "nothing is wrong")
    assert {line.split()[0] for line in ran.lines if line[0] != " "} == {"ok", "skipped", "nothing"}
    for words in (
        "FLOKIT_API_KEY: FloKit knows it",
        "FLOKIT_SANDBOX_API_KEY: FloKit knows it",
        "STRIPE_API_KEY (Subscriptions): may read, in live mode",
        "STRIPE_API_KEY (Invoices): may read, in live mode",
        "clock: at most 60 seconds off",
        "Apple root certificates: valid until 2039-04-30",
        "Google certificates: fetched",
        f"GOOGLE_APPLICATION_CREDENTIALS: Google gives {SERVICE_ACCOUNT} a token",
        f"Google Play ({PACKAGE}): orders and refunds may be read",
    ):
        assert words in ran.out
    assert standin.requests == []
    assert not (shell.folder / "bridge.sqlite").exists()


def test_nothing_that_it_says_holds_a_secret(
    at_flokit: tuple[FlokitStandin, Shell],
    stripe: tuple[Stripe, dict[str, str]],
    google: tuple[GoogleStandin, dict[str, str]],
) -> None:
    shell = at_flokit[1].with_settings(**stripe[1], **google[1])
    wrong = shell.with_settings(FLOKIT_API_KEY="a_key_of_nobody", STRIPE_API_URL=unused_url())
    stripe[0].answers["/v1/invoice_payments"] = (403, {"error": {"message": NO_RIGHT}})
    out = "".join(ran.out + ran.err for ran in (shell.run("doctor"), wrong.run("doctor", "--json")))
    key_lines = signer().private_key_pem.splitlines()[1:3]
    for secret in (PRODUCTION_KEY, "a_key_of_nobody", RESTRICTED_KEY, "cdef", SECRET, "ya29.", "acct_1", *key_lines):
        assert secret not in out


def test_without_any_setting_it_says_what_to_set(tmp_path: Path) -> None:
    ran = Shell(tmp_path, {}).run("doctor", "--json")
    checks = told(ran)
    assert (ran.code, json.loads(ran.out)["ok"]) == (2, False)
    assert {name for name, check in checks.items() if check["state"] == "missing"} == {
        "FLOKIT_API_KEY", "stripe", "apple", "google",
    }  # fmt: skip
    assert "STRIPE_WEBHOOK_SECRETS" in checks["stripe"]["do"]
    assert (checks["ledger"]["state"], checks["clock"]["state"]) == ("skipped", "skipped")


def test_a_setting_that_cannot_be_read_ends_it_as_everywhere(tmp_path: Path) -> None:
    ran = Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": "sk_live_0123456789"}).run("doctor")
    assert (ran.code, ran.out) == (2, "")
    assert "looks like an API key" in ran.err


# ledger, mappings, clock


def test_a_ledger_that_is_there_is_opened_and_written(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})
    with shell.serving():
        assert states(shell)["ledger"] == "ok"
    (tmp_path / "bridge.sqlite").write_bytes(b"something else" * 1_000)
    ledger = told(shell.run("doctor", "--json"))["ledger"]
    assert ledger["state"] == "wrong"
    assert "no SQLite database" in ledger["says"]


def test_a_ledger_without_a_folder_and_mappings_with_faults(tmp_path: Path) -> None:
    (tmp_path / "mappings").mkdir()
    env = {"BRIDGE_LEDGER": f"sqlite:///{tmp_path}/nowhere/b.sqlite", "BRIDGE_MAPPINGS": str(tmp_path / "mappings")}
    checks = examined(env)
    assert checks["ledger"].state is State.WRONG
    assert f"there is no folder {tmp_path}/nowhere" in checks["ledger"].says
    assert checks["mappings"].state is State.WRONG


@pytest.mark.parametrize(
    ("ahead_s", "state", "words"),
    [(0, State.OK, "at most 60"), (95, State.WRONG, "ahead of"), (-95, State.WRONG, "behind")],
)
def test_a_clock_that_is_off_is_said(
    at_flokit: tuple[FlokitStandin, Shell], ahead_s: int, state: State, words: str
) -> None:
    found = examined(dict(at_flokit[1].settings), ahead_s)["clock"]
    assert found.state is state
    assert words in found.says


# FloKit


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (401, State.WRONG, "does not know this key"),
        (403, State.WRONG, "does not let this key read"),
        (404, State.WRONG, "FLOKIT_API_URL"),
        (302, State.WRONG, "FLOKIT_API_URL"),
        (200, State.WRONG, "not FloKit's answer"),
        (429, State.WAITING, "to answer again (429)"),
        (503, State.WAITING, "to answer again (503)"),
    ],
)
def test_what_flokit_answers_to_a_key(
    at_flokit: tuple[FlokitStandin, Shell], status: int, state: State, words: str
) -> None:
    standin, shell = at_flokit
    standin.troubles.extend([Answer(status, body=b"<html>")] * 2)
    found = examined(dict(shell.settings))["FLOKIT_API_KEY"]
    assert found.state is state
    assert words in found.says
    assert found.do


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"{}", b'{"integrations": "none"}', b'{"integrations": {}}'])
def test_an_answer_that_is_not_flokits(at_flokit: tuple[FlokitStandin, Shell], body: bytes) -> None:
    standin, shell = at_flokit
    standin.troubles.extend([Answer(200, body=body)] * 2)
    found = examined(dict(shell.settings))["FLOKIT_API_KEY"]
    assert (found.state, "not FloKit's answer" in found.says) == (State.WRONG, True)


def test_flokit_out_of_reach_or_cut_off(at_flokit: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = at_flokit
    standin.troubles.extend([CutOff(), CutOff()])
    for env in (shell.settings, {**shell.settings, "FLOKIT_API_URL": unused_url()}):
        found = examined(dict(env))["FLOKIT_API_KEY"]
        assert (found.state, "firewall" in found.do) == (State.WRONG, True)


def test_a_native_integration_of_the_same_source_is_warned_of(at_flokit: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = at_flokit
    standin.workspaces[0].integrations = [
        {"type": "stripe", "status": "connected"},
        {"type": "google_play", "status": "connected"},  # Google is not configured here
        {"type": "adapty", "status": "disconnected"},
        {"type": "appsflyer", "status": "connected"},
    ]
    shell = shell.with_settings(STRIPE_WEBHOOK_SECRETS=SECRET)
    ran = shell.run("doctor", "--json")
    doubled = told(ran)["FloKit integrations"]
    assert (ran.code, doubled["state"]) == (2, "wrong")
    assert doubled["says"] == "FloKit's own integration stripe may bring the money of stripe a second time"
    standin.workspaces[0].integrations = [{"type": "revenuecat", "status": "syncing"}]
    assert "revenuecat may bring the money of stripe" in examined(dict(shell.settings))["FloKit integrations"].says


def test_a_test_event_is_sent_only_when_asked_for_and_is_marked(at_flokit: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = at_flokit
    shell = shell.with_settings(STRIPE_WEBHOOK_SECRETS=SECRET)
    ran = shell.run("doctor", "--send-test-event")
    assert ran.code == 0, ran.out
    assert [event.workspace for event in standin.stored] == ["production", "sandbox"]
    for event in standin.stored:
        assert (event.document["event"], event.document["properties"]["test"]) == ("bridge_test_event", True)
        assert "user_id" not in event.document
        assert not {"revenue", "currency", "transaction_id"} & set(event.document["properties"])


def test_a_read_only_key_is_found_by_the_test_event(at_flokit: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = at_flokit
    shell = shell.with_settings(FLOKIT_API_KEY=standin.workspaces[0].read_only_key)
    checks = told(shell.run("doctor", "--json", "--send-test-event"))
    assert checks["FLOKIT_API_KEY"]["state"] == "ok"
    assert checks["test event (FLOKIT_API_KEY)"]["state"] == "wrong"
    assert "create a read-write key" in checks["test event (FLOKIT_API_KEY)"]["says"]


# Stripe


def test_a_right_that_stripe_misses_is_named(stripe: tuple[Stripe, dict[str, str]]) -> None:
    standin, env = stripe
    standin.answers["/v1/invoice_payments"] = (403, {"error": {"message": NO_RIGHT}})
    checks = examined(env)
    invoices = checks["STRIPE_API_KEY (Invoices)"]
    assert (checks["STRIPE_API_KEY (Subscriptions)"].state, invoices.state) == (State.OK, State.WRONG)
    assert "403 rak_invoice_read" in invoices.says
    assert "Invoices: Read" in invoices.do
    assert {request.query_params["limit"] for request in standin.asked if "v1" in request.url.path} == {"1"}


@pytest.mark.parametrize(
    ("status", "state"),
    [(401, State.WRONG), (404, State.WAITING), (302, State.WAITING), (429, State.WAITING), (503, State.WAITING)],
)
def test_a_key_that_stripe_does_not_know_and_a_stripe_that_is_busy(
    stripe: tuple[Stripe, dict[str, str]], status: int, state: State
) -> None:
    stripe[0].answers["/v1/subscriptions"] = (status, {"error": {}})
    assert examined(stripe[1])["STRIPE_API_KEY (Subscriptions)"].state is state


# Google


def refusal(word: str, reason: str) -> Answer:
    """A 403 as Google writes it."""
    error = {"code": 403, "errors": [{"message": "…", "domain": "androidpublisher", "reason": reason}], "status": word}
    return Answer(403, body=jsontext.dumps({"error": error}))


@pytest.mark.parametrize(
    ("answer", "state", "says", "do"),
    [
        (refusal("PERMISSION_DENIED", "permissionDenied"), State.WAITING, "48 hours", "View financial data"),
        (refusal("PERMISSION_DENIED", "accessNotConfigured"), State.WRONG, "to be enabled", "Enable"),
        (Answer(404, body=b"{}"), State.WRONG, "knows no such app", "GOOGLE_PACKAGES"),
        (Answer(503), State.WAITING, "to answer again", ""),
    ],
)
def test_what_google_says_of_the_rights(
    google: tuple[GoogleStandin, dict[str, str]], answer: Answer, state: State, says: str, do: str
) -> None:
    standin, env = google
    standin.troubles["play"].append(answer)
    found = examined(env)[f"Google Play ({PACKAGE})"]
    assert found.state is state
    assert says in found.says
    assert do in found.do


def test_what_is_wrong_with_googles_settings(google: tuple[GoogleStandin, dict[str, str]], tmp_path: Path) -> None:
    standin, env = google
    standin.troubles["token"].append(Answer(400, body=b'{"error": "invalid_grant"}'))
    checks = examined({**env, "GOOGLE_CERTS_URL": unused_url(), "GOOGLE_PUSH_ACCOUNT": "me@example.com"})
    assert "invalid_grant" in checks["GOOGLE_APPLICATION_CREDENTIALS"].says
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "Google certificates", "GOOGLE_PUSH_ACCOUNT"):
        assert checks[name].state is State.WRONG
    (tmp_path / "other.json").write_text("{}")
    other = examined({**env, "GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "other.json")})
    assert other["GOOGLE_APPLICATION_CREDENTIALS"].state is State.WRONG
    del env["GOOGLE_APPLICATION_CREDENTIALS"]
    assert examined(env)["GOOGLE_APPLICATION_CREDENTIALS"].state is State.MISSING


# how checks are made


def test_one_that_hangs_or_fails_holds_up_nobody() -> None:
    ends = Event()

    def hangs() -> Iterator[Check]:
        yield Check("before", State.OK, "")
        ends.wait()

    def fails() -> Iterator[Check]:
        raise KeyError("a secret")

    jobs = [
        Job("hangs", hangs),
        Job("fails", fails),
        *(Job(str(n), lambda: [Check("n", State.OK, "")]) for n in range(9)),
    ]
    found = run(jobs, 0.3)
    ends.set()
    assert [(check.name, check.state) for check in found[:3]] == [
        ("before", State.OK), ("hangs", State.WRONG), ("fails", State.WRONG),
    ]  # fmt: skip
    assert len(found) == 12
    assert "KeyError at test_doctor.py" in found[2].says
    assert "secret" not in found[2].says
