"""What the proof of an Apple notification costs, beside three bare signature checks and Apple's plain library."""

import statistics
import time
from collections.abc import Callable

from appstoreserverlibrary.models.Environment import Environment
from appstoreserverlibrary.signed_data_verifier import SignedDataVerifier
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from bench.figures import Figure, paired_ratio
from bridge.sources.apple.jws import claims, signed_payload, split
from bridge.sources.apple.proof import ALGORITHM
from bridge.sources.apple.receive import AppleReceiver
from bridge.stories.apple_signing import AppleSigner
from bridge.values.times import system_clock

BUNDLE = "com.example.app"
APP_ID = 1234567890
CALLS = 200  # of ours and of the bare checks in a round
LIBRARY_CALLS = 10
PADDING_CHARS = 2_165  # in each inner part: with it the body has the 18.6 kB of a genuine renewal (measured)


def figures(rounds: int) -> list[Figure]:
    """Measure, all three next to each other in each round, by the CPU time of this process."""
    now_ms = system_clock()
    signer = AppleSigner.generate(now_ms)
    body = _renewal(signer, now_ms)
    bare, proof, library = _bare(signer, body), _proof(signer, body, now_ms), _library(signer, body)
    for measured in (bare, proof, library):
        measured()
    costs = [(_cpu_ns(bare, CALLS), _cpu_ns(proof, CALLS), _cpu_ns(library, LIBRARY_CALLS)) for _ in range(rounds)]
    bare_ns, proof_ns, library_ns = zip(*costs, strict=True)
    print(
        f"apple, {len(body)} bytes: three bare verifications {statistics.median(bare_ns) / 1_000:.0f} µs, "
        f"the plain library {paired_ratio(library_ns, bare_ns):.1f} times that"
    )
    return [
        Figure("apple proof, warm, to three bare P-256 verifications", paired_ratio(proof_ns, bare_ns), 2.0),
        Figure("apple proof, warm, to the plain library", paired_ratio(proof_ns, library_ns), 0.1),
    ]


def _renewal(signer: AppleSigner, now_ms: int) -> bytes:
    environment = {"environment": "Production", "signedDate": now_ms}
    inner = {**environment, "bundleId": BUNDLE, "padding": "x" * PADDING_CHARS}
    data = {"environment": "Production", "bundleId": BUNDLE, "appAppleId": APP_ID}
    outer = {"notificationType": "DID_RENEW", "notificationUUID": "1", "signedDate": now_ms, "data": data}
    return signer.notification(outer, transaction=inner, renewal=inner)


def _parts(body: bytes) -> tuple[str, str, str]:
    outer = signed_payload(body)
    data = claims(outer)["data"]
    return outer, data["signedTransactionInfo"], data["signedRenewalInfo"]


def _bare(signer: AppleSigner, body: bytes) -> Callable[[], object]:
    key = signer.leaf.key.public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    checks = []
    for jws in map(split, _parts(body)):
        r, s = int.from_bytes(jws.signature[:32], "big"), int.from_bytes(jws.signature[32:], "big")
        checks.append((encode_dss_signature(r, s), jws.signed))
    return lambda: [key.verify(signature, signed, ALGORITHM) for signature, signed in checks]


def _proof(signer: AppleSigner, body: bytes, now_ms: int) -> Callable[[], object]:
    receiver = AppleReceiver({BUNDLE: APP_ID}, [signer.root.der], 8)
    return lambda: receiver.verify({}, body, now_ms)


def _library(signer: AppleSigner, body: bytes) -> Callable[[], object]:
    verifier = SignedDataVerifier([signer.root.der], False, Environment.PRODUCTION, BUNDLE, APP_ID)
    outer, transaction, renewal = _parts(body)
    return lambda: (
        verifier.verify_and_decode_notification(outer),
        verifier.verify_and_decode_signed_transaction(transaction),
        verifier.verify_and_decode_renewal_info(renewal),
    )


def _cpu_ns(call: Callable[[], object], times: int) -> float:
    began_ns = time.process_time_ns()
    for _ in range(times):
        call()
    return (time.process_time_ns() - began_ns) / times
