"""The bearer token of a push: what proves it, what does not, and that Google's own library says the same."""

import base64
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from google.oauth2 import id_token
from google_rig import ACCOUNT, AUDIENCE, NOW_MS, Rig, Stage, push, receiver, rig, signer, stage, stranger, token
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import Forged, NeedsKeys
from bridge.sources.google.receive import GoogleReceiver
from bridge.values.times import HOUR_MS, SECOND_MS

NOW_S = NOW_MS // SECOND_MS


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture(scope="module")
def running_bridge(on_stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(on_stage, tmp_path_factory.mktemp("ledger")) as running_rig:
        yield running_rig


@pytest.fixture
def bridge(running_bridge: Rig) -> Rig:
    """One bridge for all: nothing here is ever kept. Only the requests are counted from zero."""
    running_bridge.standin.requests.clear()
    return running_bridge


@pytest.fixture(scope="module")
def warm(on_stage: Stage) -> GoogleReceiver:
    """A receiver that has the certificates."""
    google = receiver(on_stage.url)
    with pytest.raises(NeedsKeys) as need:
        google.verify(headers(token()), b"{}", NOW_MS)
    need.value.fetch()
    return google


def headers(bearer: str) -> dict[str, str]:
    return {"authorization": f"Bearer {bearer}"}


def takes(google: GoogleReceiver, bearer: str, now_ms: int = NOW_MS) -> bool:
    """Whether the token proves a push. Any exception but Forged is a fault."""
    try:
        google.verify(headers(bearer), push().body, now_ms)
    except Forged:
        return False
    return True


def segment(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example.com"},
        {"aud": [AUDIENCE]},
        {"aud": AUDIENCE + "/"},
        {"aud": None},
        {"email": "someone@else.iam.gserviceaccount.com"},
        {"email": ACCOUNT.upper()},
        {"email": [ACCOUNT]},
        {"email": None},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": 1},
        {"email_verified": None},
        {"iss": "https://accounts.example.com"},
        {"iss": ["https://accounts.google.com"]},
        {"iss": None},
        {"exp": NOW_S - 11},
        {"exp": str(NOW_S + 60)},
        {"exp": True},
        {"exp": None},
        {"iat": NOW_S + 12},
        {"iat": None},
        {"iat": 10**30},
    ],
    ids=str,
)
def test_a_rightly_signed_token_that_says_something_else(bridge: Rig, changes: dict[str, Any]) -> None:
    response = bridge.post(push(bearer=token(**changes)))

    assert response.status_code == 401
    assert set(response.json()) == {"error", "message"}
    assert bridge.kept() == []
    assert bridge.fetches == 0


def test_a_header_longer_than_google_would_make_it(bridge: Rig) -> None:
    claims = json.loads(_payload(token()))
    assert bridge.post(push(bearer=signer().sign(claims, padding="x" * 200))).status_code == 401
    assert bridge.fetches == 0


def test_both_spellings_of_the_issuer(warm: GoogleReceiver) -> None:
    assert takes(warm, token(iss="accounts.google.com"))
    assert takes(warm, token(iss="https://accounts.google.com"))


def test_ten_seconds_of_skew_and_no_more(warm: GoogleReceiver) -> None:
    bearer = token(iat=NOW_S, exp=NOW_S + 3_600)
    at_ms = NOW_S * SECOND_MS
    assert takes(warm, bearer, at_ms - 10_000)
    assert takes(warm, bearer, at_ms + HOUR_MS + 10_000)
    assert not takes(warm, bearer, at_ms - 10_001)
    assert not takes(warm, bearer, at_ms + HOUR_MS + 10_001)


def test_a_token_of_another_key_under_googles_key_id(bridge: Rig) -> None:
    by_stranger = stranger().sign(json.loads(_payload(token())), kid=signer().key_id)

    response = bridge.post(push(bearer=by_stranger))
    assert (response.status_code, response.json()["error"]) == (401, "not_proven")
    assert bridge.kept() == []


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512", "ES256", "", None, 7, ["RS256"]], ids=str)
def test_any_other_algorithm(bridge: Rig, algorithm: Any) -> None:
    claims = json.loads(_payload(token()))
    assert bridge.post(push(bearer=signer().sign(claims, alg=algorithm))).status_code == 401
    assert bridge.fetches == 0


_GOOD = token()
_HEADER, _CLAIMS, _SIGNATURE = _GOOD.split(".")
SHAPELESS = [
    None,
    "",
    "Bearer",
    "Basic dXNlcjpwYXNz",
    f"Basic {_GOOD}",
    _GOOD,
    f"Bearer {_GOOD} {_GOOD}",
    f"Bearer {_GOOD}.{_SIGNATURE}",
    f"Bearer {_HEADER}.{_CLAIMS}",
    f"Bearer {_HEADER}.{_CLAIMS}.",
    f"Bearer ..{_SIGNATURE}",
    f"Bearer {_HEADER}.{_CLAIMS}.{_SIGNATURE}=",
    f"Bearer {segment(b'[' * 1_000)}.{_CLAIMS}.{_SIGNATURE}",
    f"Bearer {segment(b'[' * 200)}.{_CLAIMS}.{_SIGNATURE}",
    f"Bearer {segment(b'[]')}.{_CLAIMS}.{_SIGNATURE}",
    f"Bearer {segment(b'{}')}.{_CLAIMS}.{_SIGNATURE}",
    f"Bearer {_HEADER}.{segment(b'{' * 1_400)}.{_SIGNATURE}",
    f"Bearer {_HEADER}.{segment(b'[' * 1_400)}.{_SIGNATURE}",
    f"Bearer {_HEADER}.{segment(b'null')}.{_SIGNATURE}",
    f"Bearer {_HEADER}.{segment(bytes([255, 254]))}.{_SIGNATURE}",
    f"Bearer {_HEADER}.A.{_SIGNATURE}",
    f"Bearer {_HEADER}.{_CLAIMS}.{'A' * 60_000}",
    f"Bearer {'A' * 30_000}.{'A' * 2_000}.{_SIGNATURE}",
    f"Bearer {_HEADER}.{_CLAIMS}.{_SIGNATURE[:-1]}\xe9",
]


@pytest.mark.parametrize("authorization", SHAPELESS, ids=lambda text: ascii(text)[:50])
def test_what_has_not_the_shape_of_a_token_is_401_and_fetches_nothing(bridge: Rig, authorization: str | None) -> None:
    sent = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    response = bridge.http.post("/webhooks/google", content=push().body, headers=sent)

    assert response.status_code == 401
    assert bridge.fetches == 0
    assert bridge.kept() == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=400))
def test_any_header_is_401_and_fetches_nothing(bridge: Rig, text: str) -> None:
    for value in (text, f"Bearer {text}", f"Bearer {_HEADER}.{text}", f"Bearer {_HEADER}.{_CLAIMS}{text}"):
        sent = [(b"authorization", value.strip().encode("latin-1"))]
        response = bridge.http.post("/webhooks/google", content=b"{}", headers=sent)
        assert response.status_code == 401
    assert bridge.fetches == 0


@settings(max_examples=300)
@given(place=st.integers(0, len(_GOOD) - 1), character=st.sampled_from("AZaz09-_.= é"))
def test_one_character_changed_is_not_proven(warm: GoogleReceiver, place: int, character: str) -> None:
    changed = _GOOD[:place] + character + _GOOD[place + 1 :]
    with suppress(NeedsKeys):  # the key id may be the part that was changed
        assert not takes(warm, changed) or _same_bytes(changed)


def _not_at_a_limit(at_s: int) -> bool:
    """The library looks at a clock that runs on while the tests do: no time near its limits."""
    return abs(at_s - NOW_S) > 300


_SECONDS = st.integers(-4_000, 4_000).map(lambda offset: NOW_S + offset).filter(_not_at_a_limit)
CLAIMS = st.fixed_dictionaries(
    {
        "iss": st.sampled_from(["https://accounts.google.com", "accounts.google.com", "https://example.com", "", 7]),
        "aud": st.sampled_from([AUDIENCE, AUDIENCE, AUDIENCE, "other", [AUDIENCE]]),
        "email": st.sampled_from([ACCOUNT, ACCOUNT, ACCOUNT, "other@example.com"]),
        "email_verified": st.sampled_from([True, True, True, False]),
    },
    optional={"iat": _SECONDS, "exp": _SECONDS, "sub": st.text(max_size=5), "extra": st.lists(st.none(), max_size=3)},
)


@settings(max_examples=150, deadline=None)
@given(claims=CLAIMS, by_stranger=st.sampled_from([False, False, False, True]))
def test_the_verdict_is_that_of_googles_library_and_the_account(
    warm: GoogleReceiver, claims: dict[str, Any], by_stranger: bool
) -> None:
    bearer = (stranger() if by_stranger else signer()).sign(claims, kid=signer().key_id)

    of_our_account = claims["email"] == ACCOUNT and claims["email_verified"] is True
    assert takes(warm, bearer) == (_library_takes(bearer) and of_our_account)


@settings(max_examples=150, deadline=None)
@given(
    claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "email", "email_verified", "iat", "exp", "sub"]),
        st.none()
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=9)
        | st.just([]),
    )
)
def test_nothing_is_taken_that_googles_library_refuses(warm: GoogleReceiver, claims: dict[str, Any]) -> None:
    usual = json.loads(_payload(token()))
    bearer = signer().sign({**usual, **claims})
    assert not takes(warm, bearer) or _library_takes(bearer)


def _library_takes(bearer: str) -> bool:
    """The verdict of google-auth, as people call it, on certificates that are at hand."""
    try:
        id_token.verify_oauth2_token(bearer, _Certificates(), AUDIENCE, 10)  # type: ignore[no-untyped-call]  # typed in part
    except Exception:  # noqa: BLE001 - on hostile input it raises whatever comes along
        return False
    return True


class _Certificates:
    """google-auth's transport, with an answer ready."""

    status = 200
    data = json.dumps(signer().certificates).encode()

    def __call__(self, *_arguments: Any, **_options: Any) -> "_Certificates":
        return self


def _payload(bearer: str) -> bytes:
    return _bytes(bearer.split(".")[1])


def _same_bytes(changed: str) -> bool:
    """Base64 may spell the same bytes in two ways, where bits are to spare."""
    try:
        return [*map(_bytes, changed.split("."))] == [*map(_bytes, _GOOD.split("."))] and changed[:-1] == _GOOD[:-1]
    except ValueError:
        return False


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
