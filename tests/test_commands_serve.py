"""`bridge serve` and `bridge simulate`: real processes, a stand-in FloKit behind."""

import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from commands_rig import ROOT, SECRET, Shell, eventually, flokit, keys, states, status

from bridge.simulate_google import STANDIN_URL
from bridge.standins.flokit import FlokitStandin
from bridge.standins.google import GoogleStandin
from bridge.standins.server import running
from bridge.stories import apple
from bridge.stories.google_keys import signer_in
from bridge.stories.google_stage import seal
from bridge.stories.stripe import life
from bridge.values.times import system_clock

OTHER_SECRET = "whsec_of_another_endpoint_0123456"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Stripe is set, FloKit is not."""
    return Shell(tmp_path, {"STRIPE_WEBHOOK_SECRETS": SECRET})


@pytest.fixture
def sending(shell: Shell) -> Iterator[tuple[FlokitStandin, Shell]]:
    """The same with FloKit."""
    with flokit(shell) as pair:
        yield pair


# serve


def test_the_banner_says_what_is_set_and_what_is_not(shell: Shell) -> None:
    with shell.serving() as bridge:
        said = dict(line.strip().split(maxsplit=1) for line in bridge.banner.splitlines()[1:])
        assert said["stripe"] == f"POST {bridge.url}/webhooks/stripe"
        assert said["apple"] == "not taken; set APPLE_APPS"
        assert said["ledger"] == "sqlite:///bridge.sqlite"
        assert said["flokit"] == "records and sends nothing; set FLOKIT_API_KEY to send"
        assert SECRET not in bridge.banner
        assert httpx.get(f"{bridge.url}/health").json() == {"status": "ok"}
        assert httpx.get(f"{bridge.url}/ready").json() == {"status": "ready"}
        assert httpx.post(f"{bridge.url}/webhooks/apple").json()["error"] == "not_configured"


def test_a_stop_right_after_the_banner_is_heeded(shell: Shell) -> None:
    for _ in range(5):
        with shell.serving():
            pass  # SIGTERM comes before the server is up, or just after; the shell asserts the exit code


def test_a_port_that_is_taken_is_an_error_of_settings(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = shell.run("serve", "--port", str(taken.getsockname()[1]))
    assert (ran.code, "cannot listen on 127.0.0.1" in ran.err) == (2, True)


def test_a_ledger_that_cannot_be_used(shell: Shell) -> None:
    ran = shell.with_settings(BRIDGE_LEDGER="sqlite:///nowhere/bridge.sqlite").run("serve", "--port", "0")
    assert (ran.code, ran.err.endswith("nowhere does not exist; create it\n")) == (1, True)


# simulate


def test_a_life_is_taken_and_adds_up(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    with shell.serving() as bridge:
        ran = shell.run("simulate", "stripe", "life", "--to", bridge.url)
        assert (ran.code, ran.err) == (0, "")
        story = life(0)
        answers = [line.split()[1] for line in ran.lines]
        assert answers.count('{"status":"accepted"}') == len(story.deliveries)
        assert answers.count('{"status":"duplicate"}') == sum(told.repeats - 1 for told in story.deliveries)
        eventually(lambda: standin.totals() == story.totals)
        eventually(lambda: states(shell) == {("production", "sent"): len(standin.stored)})
    assert len(set(keys(standin))) == len(standin.stored)


def test_another_secret_is_refused(shell: Shell) -> None:
    with shell.serving() as bridge:
        stranger = shell.with_settings(STRIPE_WEBHOOK_SECRETS=OTHER_SECRET)
        ran = stranger.run("simulate", "stripe", "renewal-basil", "--to", bridge.url)
        assert (ran.code, ran.out.startswith('400 {"error":"not_proven"')) == (1, True)
        assert ran.err == "1 not taken: has the running bridge the same settings as this shell?\n"
        assert status(shell)["sources"] == {}


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["renewal-bsail", "--to", "http://127.0.0.1:9"], 2, "did you mean `renewal-basil`?"),
        (["renewal-basil", "--to", "127.0.0.1:9"], 2, "expected a URL such as http://127.0.0.1:8787"),
        (["renewal-basil"], 2, "Name a CASE and --to URL"),
        (["renewal-basil", "--to", "http://127.0.0.1:9"], 1, "does the bridge run there?"),
    ],
)
def test_words_that_lead_nowhere(shell: Shell, words: list[str], code: int, says: str) -> None:
    ran = shell.run("simulate", "stripe", *words)
    assert (ran.code, says in ran.err, "Traceback" in ran.err) == (code, True, False)


def test_made_up_sales_are_kept_from_flokit(shell: Shell) -> None:
    ran = shell.with_settings(FLOKIT_API_KEY="the_real_key").run(
        "simulate", "stripe", "life", "--to", "http://127.0.0.1:9"
    )
    assert (ran.code, "made-up revenue goes to FloKit for good" in ran.err) == (2, True)
    assert "the_real_key" not in ran.err


def test_apples_are_proven_with_the_keys_of_a_folder(sending: tuple[FlokitStandin, Shell]) -> None:
    standin, shell = sending
    assert shell.run("simulate", "apple", "life", "--to", "http://127.0.0.1:9").code == 1  # makes the keys
    settings = {
        "APPLE_APPS": "com.example.app:1234567890",
        "APPLE_MAX_AGE_DAYS": "0",
        "APPLE_ROOT_CERTIFICATES": "simulator-keys/apple-test-root.cer",
    }
    with shell.with_settings(**settings).serving() as bridge:
        ran = shell.run("simulate", "apple", "life", "--to", bridge.url)
        assert (ran.code, ran.err) == (0, "")
        eventually(lambda: standin.totals() == apple.life(0).totals)


def test_the_cases_are_listed(shell: Shell) -> None:
    ran = shell.run("simulate", "stripe", "--list")
    assert (ran.code, ran.lines[0], "renewal-basil" in ran.lines) == (0, "life", True)


def test_a_life_on_google_is_taken_and_adds_up(shell: Shell) -> None:
    lacking = shell.run("simulate", "google", "life", "--to", "http://127.0.0.1:9")
    assert lacking.code == 2
    exports = dict(line.removeprefix("export ").split("=", 1) for line in lacking.err.splitlines() if "export" in line)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    google = shell.with_settings(**{name: value.replace(":8788", f":{port}") for name, value in exports.items()})
    account = Path(exports["GOOGLE_APPLICATION_CREDENTIALS"])
    account.write_text(account.read_text().replace(":8788", f":{port}"))
    with google.serving() as bridge:
        ran = google.run("simulate", "google", "life", "--to", bridge.url)
        assert ran.code == 0, ran.err
        eventually(lambda: kept_by_currency(google) == {"JPY": 3960, "USD": 294})


def test_status_says_what_is_waited_for(shell: Shell) -> None:
    lacking = shell.run("simulate", "google", "renewal", "--to", "http://127.0.0.1:9")
    exports = dict(line.removeprefix("export ").split("=", 1) for line in lacking.err.splitlines() if "export" in line)
    without_rights = {name: value for name, value in exports.items() if name != "GOOGLE_APPLICATION_CREDENTIALS"}
    folder = Path(exports["GOOGLE_APPLICATION_CREDENTIALS"]).parent
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    standin = GoogleStandin(signer_in(folder, system_clock()))
    google = shell.with_settings(**{name: value.replace(STANDIN_URL, url) for name, value in without_rights.items()})
    with running(standin.app, int(url.rpartition(":")[2])), google.serving() as bridge:
        body = (ROOT / "fixtures/google/renewal/input.json").read_bytes()
        headers, sealed = seal(standin.signer, body, system_clock())
        assert httpx.post(f"{bridge.url}/webhooks/google", content=sealed, headers=dict(headers)).status_code == 200
        eventually(lambda: status(google)["waiting"])
        (waiting,) = status(google)["waiting"]
        assert "service account" in waiting["waiting_for"]
        assert f"({waiting['type']}): for {waiting['waiting_for']}" in google.run("status").out


def kept_by_currency(shell: Shell) -> dict[str, float]:
    return {row["currency"]: row["kept"] for row in status(shell)["money"]}
