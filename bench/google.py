"""What the proof of a Google push costs, beside a bare check written by hand and google-auth's own call."""

import json
import statistics
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from google.oauth2 import id_token

from bench.figures import Figure, paired_ratio
from bridge.errors import NeedsKeys
from bridge.sources.google.certificates import CertificateCache
from bridge.sources.google.receive import GoogleReceiver
from bridge.standins.google import GoogleStandin
from bridge.standins.server import running
from bridge.stories.google_signing import GoogleSigner, wrapped
from bridge.values import jsontext
from bridge.values.times import system_clock

PACKAGE = "com.example.app"
AUDIENCE = "https://bridge.example.com/webhooks/google"
ACCOUNT = "push@example-project.iam.gserviceaccount.com"
PURCHASE_TOKEN = "x" * 150  # as long as a genuine one
CALLS = 300  # of each in a round
SKEW_S = 10


def figures(rounds: int) -> list[Figure]:
    """Measure, all four next to each other in each round, by the CPU time of this process."""
    now_ms = system_clock()
    signer = GoogleSigner.generate(now_ms)
    token = signer.push_token(AUDIENCE, ACCOUNT, now_ms)
    proof = _proof(signer, token, now_ms)
    signature, bare, library = _signature(signer, token), _bare(signer, token), _library(signer, token)
    for measured in (signature, bare, proof, library):
        measured()
    costs = [tuple(_cpu_ns(call) for call in (signature, bare, proof, library)) for _ in range(rounds)]
    signature_ns, bare_ns, proof_ns, library_ns = zip(*costs, strict=True)
    bare_to_signature = paired_ratio(bare_ns, signature_ns)
    library_to_signature = paired_ratio(library_ns, signature_ns)
    print(
        f"google: one bare RSA verification {statistics.median(signature_ns) / 1_000:.0f} µs, "
        f"the bare complete check {bare_to_signature:.1f} times that, google-auth {library_to_signature:.1f} times"
    )
    return [
        Figure("google proof, warm, to the bare complete check", paired_ratio(proof_ns, bare_ns), 2.0),
        Figure("google proof, warm, to one bare RSA verification", paired_ratio(proof_ns, signature_ns), 3.0),
        Figure("google proof, warm, to verify_oauth2_token", paired_ratio(proof_ns, library_ns), 1.0),
    ]


def _proof(signer: GoogleSigner, token: str, now_ms: int) -> Callable[[], object]:
    """Ours, whole: the token, the envelope and what is in it, up to the notification."""
    notification = {
        "version": "1.0",
        "packageName": PACKAGE,
        "eventTimeMillis": str(now_ms),
        "subscriptionNotification": {"version": "1.0", "notificationType": 2, "purchaseToken": PURCHASE_TOKEN},
    }
    push = wrapped(jsontext.dumps(notification), token, "19917247034", now_ms)
    headers = {name.lower(): value for name, value in push.headers.items()}
    with running(GoogleStandin(signer).app) as url:
        receiver = GoogleReceiver([PACKAGE], AUDIENCE, ACCOUNT, CertificateCache(f"{url}/oauth2/v1/certs"))
        try:
            receiver.verify(headers, push.body, now_ms)
        except NeedsKeys as need:
            need.fetch()
    return lambda: receiver.verify(headers, push.body, now_ms)


def _signature(signer: GoogleSigner, token: str) -> Callable[[], object]:
    key, (signed, _, signature) = signer.key.public_key(), token.rpartition(".")
    message, signature_bytes = signed.encode(), _decoded(signature)
    return lambda: key.verify(signature_bytes, message, padding.PKCS1v15(), SHA256())


def _bare(signer: GoogleSigner, token: str) -> Callable[[], object]:
    """The least that a check by hand consists of, with the key object ready."""
    keys = {signer.key_id: signer.key.public_key()}

    def check() -> None:
        header_text, claims_text, signature = token.split(".")
        header, claims = json.loads(_decoded(header_text)), json.loads(_decoded(claims_text))
        message = f"{header_text}.{claims_text}".encode()
        assert header["alg"] == "RS256"
        keys[header["kid"]].verify(_decoded(signature), message, padding.PKCS1v15(), SHA256())
        now_s = time.time()
        assert claims["iss"] == "https://accounts.google.com"
        assert claims["aud"] == AUDIENCE
        assert claims["email"] == ACCOUNT
        assert claims["email_verified"] is True
        assert claims["iat"] - SKEW_S <= now_s <= claims["exp"] + SKEW_S

    return check


def _library(signer: GoogleSigner, token: str) -> Callable[[], object]:
    """google-auth's call, with the certificates at hand: it would fetch them each time."""
    certificates = _Certificates(json.dumps(signer.certificates).encode())
    # google-auth is typed in part.
    return lambda: id_token.verify_oauth2_token(token, certificates, AUDIENCE, SKEW_S)  # type: ignore[no-untyped-call]


class _Certificates:
    """google-auth's transport, with an answer ready."""

    status = 200

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __call__(self, *_arguments: Any, **_options: Any) -> "_Certificates":
        return self


def _decoded(segment: str) -> bytes:
    return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _cpu_ns(call: Callable[[], object]) -> float:
    began_ns = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - began_ns) / CALLS
