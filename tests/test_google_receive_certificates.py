"""When Google's certificates are fetched, counted at the stand-in, and what becomes of pushes when they cannot be."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from google_rig import NOW_MS, Held, Rig, Stage, push, receiver, rig, signer, stage, stranger, token

from bridge.errors import CannotTell, NeedsKeys
from bridge.standins.troubles import Answer, CutOff
from bridge.values import jsontext
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def bridge(on_stage: Stage, tmp_path: Path) -> Iterator[Rig]:
    with rig(on_stage, tmp_path) as running_rig:
        yield running_rig


def pushed(bridge: Rig, number: int) -> int:
    """Post a genuine push of now. Gives the status."""
    return bridge.post(push(message_id=str(number), bearer=token(bridge.clock()))).status_code


def of_new_key(bridge: Rig) -> int:
    """Post a push whose token is signed with a key that is not in the set. Gives the status."""
    bearer = token(bridge.clock(), by=stranger())
    return bridge.post(push(bearer=bearer)).status_code


def test_certificates_are_kept_for_their_max_age(bridge: Rig) -> None:
    bridge.standin.max_age_s = 600
    assert [pushed(bridge, number) for number in range(3)] == [200] * 3
    bridge.clock.advance(600 * SECOND_MS - 1)
    assert (pushed(bridge, 3), bridge.fetches) == (200, 1)
    bridge.clock.advance(1)
    assert (pushed(bridge, 4), bridge.fetches) == (200, 2)


@pytest.mark.parametrize(
    ("headers", "age_ms"),
    [
        ({}, HOUR_MS),
        ({"Cache-Control": "no-cache"}, HOUR_MS),
        ({"Cache-Control": "max-age=600", "Age": "500"}, 100 * SECOND_MS),
        ({"Cache-Control": "max-age=600", "Age": "soon"}, 600 * SECOND_MS),
        ({"Cache-Control": "max-age=999999999"}, DAY_MS),
        ({"Cache-Control": "s-maxage=5, public, max-age=120"}, 2 * MINUTE_MS),
    ],
    ids=str,
)
def test_how_long_that_is(bridge: Rig, headers: Mapping[str, str], age_ms: int) -> None:
    bridge.standin.troubles["certs"].append(Answer(200, headers, jsontext.dumps(signer().certificates)))
    pushed(bridge, 1)
    bridge.clock.advance(age_ms - 1)
    pushed(bridge, 2)
    assert bridge.fetches == 1
    bridge.clock.advance(1)
    pushed(bridge, 3)
    assert bridge.fetches == 2


def test_pushes_that_come_together_wait_for_one_fetch_and_hold_up_nobody_else(bridge: Rig) -> None:
    held = Held(lambda: signer().certificates)
    bridge.standin.troubles["certs"].append(held)
    with ThreadPoolExecutor(12) as threads:
        waiting = [threads.submit(pushed, bridge, number) for number in range(12)]
        _await(lambda: bridge.fetches == 1)
        assert bridge.http.get("/health").status_code == 200
        assert bridge.post_with("Bearer no.t.token!").status_code == 401
        assert not any(one.done() for one in waiting)
        held.let_go.set()
        assert [one.result() for one in waiting] == [200] * 12
    assert bridge.fetches == 1
    assert bridge.ledger_size() == 12


def test_a_new_key_is_taken_at_once_when_the_last_fetch_is_a_minute_old(bridge: Rig) -> None:
    assert pushed(bridge, 1) == 200
    bridge.clock.advance(MINUTE_MS)
    bridge.standin.certificates = signer().certificates | stranger().certificates

    assert (of_new_key(bridge), bridge.fetches) == (200, 2)


def test_unknown_key_ids_make_one_fetch_a_minute(bridge: Rig) -> None:
    assert pushed(bridge, 1) == 200
    assert [of_new_key(bridge) for _ in range(5)] == [401] * 5
    assert bridge.fetches == 1
    bridge.clock.advance(MINUTE_MS)
    assert [of_new_key(bridge) for _ in range(5)] == [401] * 5
    assert bridge.fetches == 2
    bridge.clock.advance(MINUTE_MS - 1)
    assert (of_new_key(bridge), bridge.fetches) == (401, 2)
    assert pushed(bridge, 2) == 200


@pytest.fixture(scope="module")
def elliptic() -> str:
    """A certificate with a key that RS256 cannot use."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signer().certificate
    builder = x509.CertificateBuilder(certificate.subject, certificate.subject, key.public_key(), 1)
    times = (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    made = builder.not_valid_before(times[0]).not_valid_after(times[1]).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM).decode()


BROKEN = [
    Answer(500),
    Answer(404, body=b"{}"),
    Answer(301, {"Location": "/oauth2/v1/certs"}),
    Answer(200, body=b"<html>"),
    Answer(200, body=b"[]"),
    Answer(200, body=b"{}"),
    Answer(200, body=b'{"key":"not a certificate"}'),
    Answer(200, body=b'{"key":7}'),
    Answer(200, body=b"[" * 50_000),
    Answer(200, body=b'{"key":"' + b"x" * 70_000 + b'"}'),
    CutOff(),
]


@pytest.mark.parametrize("trouble", BROKEN, ids=lambda trouble: ascii(trouble)[:70])
def test_without_certificates_a_push_has_to_come_again(bridge: Rig, trouble: Answer | CutOff) -> None:
    bridge.standin.troubles["certs"].append(trouble)
    assert [pushed(bridge, number) for number in range(4)] == [503] * 4
    assert (bridge.fetches, bridge.kept()) == (1, [])

    bridge.clock.advance(10 * SECOND_MS)
    assert (pushed(bridge, 1), bridge.fetches) == (200, 2)


def test_a_key_that_is_not_rsa_spoils_the_set(bridge: Rig, elliptic: str) -> None:
    bridge.standin.certificates = {"elliptic": elliptic}
    assert pushed(bridge, 1) == 503


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", "ConnectionRefusedError"),
        ("http://127.0.0.1:port", "InvalidURL"),
        ("ftp://127.0.0.1", "URLError"),
    ],
)
def test_an_address_where_nobody_listens(url: str, said: str) -> None:
    google = receiver(url)
    headers = {"authorization": f"Bearer {token()}"}
    with pytest.raises(NeedsKeys) as need:
        google.verify(headers, b"{}", NOW_MS)
    need.value.fetch()

    with pytest.raises(CannotTell, match=rf"out of reach \({said}\)"):
        google.verify(headers, b"{}", NOW_MS)


def test_the_last_good_set_is_kept_when_a_fetch_fails_and_given_up_after_two_days(bridge: Rig) -> None:
    assert pushed(bridge, 1) == 200
    bridge.standin.troubles["certs"].extend([Answer(500)] * 4)

    bridge.clock.advance(DAY_MS)
    assert [pushed(bridge, number) for number in range(3)] == [200] * 3
    assert bridge.fetches == 2
    assert of_new_key(bridge) == 503  # whether that key is Google's cannot be told

    bridge.clock.advance(DAY_MS)
    assert (pushed(bridge, 2), bridge.fetches) == (200, 3)
    bridge.clock.advance(10 * SECOND_MS)
    assert (pushed(bridge, 3), bridge.fetches) == (503, 4)


def test_nothing_dear_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys, bridge.sources.google.receive\n"
        "light = sorted({'cryptography', 'google.auth', 'httpx', 'requests'} & sys.modules.keys())\n"
        "from bridge.sources.google.certificates import CertificateCache\n"
        "print(light, sorted({'httpx', 'requests', 'urllib3', 'jwt'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[] []\n"


def _await(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)
