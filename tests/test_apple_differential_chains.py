"""The same verdict as Apple's plain library (see test_apple_differential.py) on certificate chains and JWS headers."""

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from apple_rig import (
    NOW_MS,
    ODD_AND_GOOD,
    body_of,
    genuine,
    library_verdict,
    parts,
    receiver,
    same_verdict,
    sign,
    signer,
    verdict,
    wrong_signers,
)
from cryptography.hazmat.primitives.asymmetric import rsa

from bridge.stories.apple_signing import INTERMEDIATE_MARK, LEAF_MARK, AppleSigner, Validity, issue
from bridge.values.times import DAY_MS


@pytest.mark.parametrize("name", wrong_signers())
def test_chains(name: str) -> None:
    taken = same_verdict(genuine(wrong_signers()[name]()))
    assert taken is (name in ODD_AND_GOOD)


@pytest.mark.parametrize("name", wrong_signers())
@pytest.mark.parametrize("place", ["transaction", "renewal"])
def test_chains_of_inner_parts(name: str, place: str) -> None:
    outer, *inner = parts()
    signers = {"transaction": signer(), "renewal": signer(), place: wrong_signers()[name]()}
    data = outer["data"]
    data["signedTransactionInfo"], data["signedRenewalInfo"] = (
        by.sign(claims) for by, claims in zip(signers.values(), inner, strict=True)
    )
    taken = same_verdict(body_of(signer().sign(outer)))
    assert taken is (name in ODD_AND_GOOD)


def test_a_leaf_with_an_rsa_key() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    leaf = issue("Leaf", Validity.around(NOW_MS), issuer=signer().intermediate, mark=LEAF_MARK, key=key)
    chain = [b64encode(leaf.der).decode(), *signer().x5c[1:]]
    assert not same_verdict(body_of(sign(b"{}", x5c=chain)))


@pytest.mark.parametrize("edge", ["not_valid_before_utc", "not_valid_after_utc"])
@pytest.mark.parametrize("offset_ms", [-1_000, -1, 0, 1, 999, 1_000, 1_001])
def test_the_edges_of_a_leafs_life(edge: str, offset_ms: int) -> None:
    at_ms = int(getattr(signer().leaf.certificate, edge).timestamp()) * 1_000 + offset_ms
    same_verdict(genuine(signedDate=at_ms))


@pytest.mark.parametrize("short_lived", ["root", "intermediate", "leaf"])
@pytest.mark.parametrize("offset_days", [-20, 0, 20])
def test_a_remembered_chain_lives_as_long_as_its_shortest_lived_certificate(short_lived: str, offset_days: int) -> None:
    life = {
        name: Validity.around(NOW_MS, 10 if name == short_lived else 400) for name in ("root", "intermediate", "leaf")
    }
    by = chain(life["root"], life["intermediate"], life["leaf"])
    apple = receiver(0, by.root.der)
    assert verdict(apple, genuine(by))
    body = genuine(by, signedDate=NOW_MS + offset_days * DAY_MS)
    assert verdict(apple, body) is library_verdict(body, [by.root.der]) is (offset_days == 0)


def chain(root_life: Validity, intermediate_life: Validity, leaf_life: Validity) -> AppleSigner:
    root = issue("Root", root_life, is_authority=True)
    intermediate = issue("Intermediate", intermediate_life, issuer=root, mark=INTERMEDIATE_MARK, is_authority=True)
    return AppleSigner(root, intermediate, issue("Leaf", leaf_life, issuer=intermediate, mark=LEAF_MARK))


def test_an_expired_root_of_the_same_name_beside_the_good_one() -> None:
    past = Validity.around(NOW_MS - 800 * DAY_MS, 100)
    name = "Stand-in Root CA - G3"
    twin = issue(name, past, is_authority=True)
    same_key = issue(name, past, is_authority=True, key=signer().root.key)
    for others in ([twin], [same_key], [twin, same_key]):
        ders = [other.der for other in others]
        same_verdict(genuine(), signer().root.der, *ders)
        same_verdict(genuine(), *ders, signer().root.der)
        same_verdict(genuine(signedDate=NOW_MS - 850 * DAY_MS), *ders, signer().root.der)


LEAF, INTERMEDIATE, ROOT = signer().x5c
HEADERS: dict[str, dict[str, Any]] = {
    "key id": {"kid": "a"},
    "key id that is a number": {"kid": 1},
    "key id that is null": {"kid": None},
    "type": {"typ": "JWT"},
    "type that is a number": {"typ": 1},
    "alg none": {"alg": "none"},
    "alg HS256": {"alg": "HS256"},
    "alg ES384": {"alg": "ES384"},
    "alg in lower case": {"alg": "es256"},
    "alg in a list": {"alg": ["ES256"]},
    "alg null": {"alg": None},
    "critical b64": {"crit": ["b64"], "b64": True},
    "critical b64 twice": {"crit": ["b64", "b64"], "b64": True},
    "critical b64 absent": {"crit": ["b64"]},
    "critical b64 false": {"crit": ["b64"], "b64": False},
    "b64 false": {"b64": False},
    "b64 zero": {"b64": 0},
    "b64 null": {"b64": None},
    "critical nothing": {"crit": []},
    "critical nothing, b64": {"crit": [], "b64": True},
    "critical null": {"crit": None},
    "critical text": {"crit": "b64", "b64": True},
    "critical unknown": {"crit": ["exp"], "exp": 1},
    "critical lists": {"crit": [["b64"]], "b64": True},
    "no x5c": {"x5c": None},
    "empty x5c": {"x5c": []},
    "x5c of one": {"x5c": [LEAF]},
    "x5c of two": {"x5c": [LEAF, INTERMEDIATE]},
    "x5c of four": {"x5c": [LEAF, INTERMEDIATE, ROOT, ROOT]},
    "x5c text": {"x5c": "abc"},
    "x5c object": {"x5c": {"0": LEAF, "1": INTERMEDIATE, "2": ROOT}},
    "third is junk": {"x5c": [LEAF, INTERMEDIATE, "junk"]},
    "third is a number": {"x5c": [LEAF, INTERMEDIATE, 3]},
    "first is a number": {"x5c": [1, INTERMEDIATE, ROOT]},
    "second is null": {"x5c": [LEAF, None, ROOT]},
    "leaf with a newline": {"x5c": [LEAF[:64] + "\n" + LEAF[64:], INTERMEDIATE, ROOT]},
    "leaf cut short": {"x5c": [LEAF[:-8], INTERMEDIATE, ROOT]},
    "leaf with more behind it": {"x5c": [b64encode(b64decode(LEAF) + b"more").decode(), INTERMEDIATE, ROOT]},
    "leaf not ASCII": {"x5c": ["é" + LEAF[1:], INTERMEDIATE, ROOT]},
    "jwk and jku": {"jwk": {"kty": "EC"}, "jku": "https://example.com"},
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(name: str) -> None:
    outer, _, _ = parts()
    same_verdict(body_of(sign(json.dumps(outer).encode(), **HEADERS[name])))
