"""The access token for the Play Developer API: both kinds of credentials, when it is fetched, and what goes wrong."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google_rig import NOW_MS, PACKAGE, Stage, signer, stage, stranger

from bridge.errors import NotYet, SettingsError
from bridge.sources.google.api import PlayApi
from bridge.sources.google.credentials import AccessToken, load_credentials
from bridge.standins.clock import MovableClock
from bridge.standins.google import GoogleStandin
from bridge.standins.troubles import Answer
from bridge.values.records import Document
from bridge.values.times import SECOND_MS

LIFE_MS = 3_599 * SECOND_MS


class Account:
    """A stand-in Google and a file with credentials for it."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.url = stage.url
        self.clock = MovableClock(NOW_MS)
        self.standin = stage.standin = GoogleStandin(signer(), self.clock)
        self.file = folder / "credentials.json"
        self.opened: list[AccessToken] = []

    def token(self, document: Document) -> AccessToken:
        """The access token of an account with this credentials file."""
        self.file.write_text(json.dumps(document))
        self.opened.append(AccessToken(load_credentials(self.file), self.clock))
        return self.opened[-1]

    @property
    def fetches(self) -> int:
        return self.standin.count("token")


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def account(on_stage: Stage, tmp_path: Path) -> Iterator[Account]:
    account = Account(on_stage, tmp_path)
    yield account
    for token in account.opened:
        token.close()


def reason(token: AccessToken) -> str:
    with pytest.raises(NotYet) as wait:
        token.get()
    return wait.value.reason


def test_a_token_is_fetched_once_and_renewed_before_its_end(account: Account) -> None:
    token = account.token(account.standin.service_account(account.url))
    assert account.fetches == 0
    first = token.get()
    account.clock.advance(LIFE_MS - 240 * SECOND_MS)
    assert (token.get(), account.fetches) == (first, 1)
    account.clock.advance(15 * SECOND_MS)
    assert token.get() != first
    assert account.fetches == 2


def test_threads_that_need_it_together_fetch_it_once(account: Account) -> None:
    token = account.token(account.standin.service_account(account.url))
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: token.get(), range(8)))) == 1
        old = token.get()
        assert len(set(threads.map(lambda _: token.renew(old), range(8)))) == 1
    assert account.fetches == 2


def test_a_token_that_google_no_longer_takes_is_renewed_once(account: Account) -> None:
    api = PlayApi(account.token(account.standin.service_account(account.url)), url=account.url, clock=account.clock)
    assert api.order(PACKAGE, "GPA.1") is None
    account.standin.tokens.clear()

    assert api.order(PACKAGE, "GPA.1") is None
    assert (account.fetches, account.standin.count("play")) == (2, 3)

    account.standin.troubles["play"].extend([Answer(401), Answer(401)])
    with pytest.raises(NotYet, match=r"48 hours.*401"):
        api.order(PACKAGE, "GPA.1")
    assert (account.fetches, account.standin.count("play")) == (3, 5)
    api.close()


def test_keyless_from_aws_takes_two_requests_and_leaves_no_thread(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_SESSION_TOKEN": "example",
        "AWS_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    before = threading.active_count()
    token = account.token(account.standin.external_account(account.url))

    assert token.get() in account.standin.tokens
    assert [request.path.rpartition("/")[2] for request in account.standin.requests] == [
        "token",
        "bridge@standin-project.iam.gserviceaccount.com:generateAccessToken",
    ]
    assert token.get() in account.standin.tokens
    assert (account.fetches, threading.active_count()) == (2, before)


def test_a_key_that_google_refuses(account: Account) -> None:
    forged = {**account.standin.service_account(account.url), "private_key": stranger().private_key_pem}
    token = account.token(forged)

    assert "(invalid_grant)" in reason(token)
    assert "clock of this machine" in reason(token)
    assert account.fetches == 1  # the second look-up did not ask again
    account.clock.advance(10 * SECOND_MS)
    reason(token)
    assert account.fetches == 2


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"access_token":"x","expires_in":"soon"}'])
def test_an_answer_that_is_no_token(account: Account, body: bytes) -> None:
    account.standin.troubles["token"].append(Answer(200, body=body))
    token = account.token(account.standin.service_account(account.url))
    assert reason(token).startswith("Google: ")
    account.clock.advance(10 * SECOND_MS)
    assert token.get() in account.standin.tokens


def test_a_token_endpoint_out_of_reach(account: Account) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = f"http://127.0.0.1:{listener.getsockname()[1]}"
    token = account.token(account.standin.service_account(nowhere))
    assert reason(token) == "Google: its token service to be reachable (ConnectError)"


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"type":"authorized_user","client_secret":"hidden"}',
        '{"type":"external_account","subject_token_type":"hidden"}',
        '{"type":["service_account"]}',
        '{"type":"service_account"}',
        '{"type":"service_account","private_key":"hidden","client_email":"a@b","token_uri":"http://x"}',
        '{"type":"service_account","private_key":7,"client_email":"a@b","token_uri":"http://x"}',
        '{"type":"external_account","subject_token_type":"urn:ietf:params:aws:token-type:aws4_request"}',
        "\x00",
    ],
)
def test_a_file_without_credentials(tmp_path: Path, content: str) -> None:
    file = tmp_path / "credentials.json"
    file.write_text(content)
    with pytest.raises(
        SettingsError, match=r"GOOGLE_APPLICATION_CREDENTIALS: .*credentials.json is neither"
    ) as problem:
        load_credentials(file)
    assert "hidden" not in str(problem.value)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_credentials(tmp_path / name)


def test_no_secret_shows_in_a_token_object(account: Account) -> None:
    token: Any = account.token(account.standin.service_account(account.url))
    assert token.get() not in f"{token!r} {token}"
