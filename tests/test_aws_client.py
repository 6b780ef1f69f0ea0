"""The AWS client: its signature against AWS's own library, and how it meets an endpoint that fails."""

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.aws.client import AwsClient, Caller, Service, service_client, service_of
from bridge.aws.connection import AMAZON_ROOTS, MAX_ANSWER_BYTES
from bridge.aws.credentials import Credentials, from_environment
from bridge.aws.errors import AwsError
from bridge.aws.objects import ObjectStore
from bridge.aws.settings_store import get_parameters
from bridge.environment import Secret

REGION = "eu-central-1"
KEYS = Credentials("AKIDEXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG"), Secret("a-token"))
THROTTLED = (400, b'{"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException"}')
DENIED = (400, b'{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "a secret"}')
FINE = (200, b'{"fine": true}')
CLOSE = (0, b"")  # hang up instead of an answer


@dataclass
class Endpoint:
    """An endpoint on this machine that gives the answers it is told to give, the last one again and again."""

    answers: list[tuple[int, bytes]]
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""
    callers: list[Caller] = field(default_factory=list)

    def next(self) -> tuple[int, bytes]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def client(self, *, service: str = "dynamodb", tries: int = 3) -> AwsClient:
        return AwsClient(self._caller(service, tries))

    def bucket(self) -> ObjectStore:
        return ObjectStore(self._caller("s3", 1), "a.bucket")

    def _caller(self, service: str, tries: int) -> Caller:
        self.callers.append(Caller(Service(service, REGION, self.url), lambda: KEYS, tries=tries, sleep=lambda _: None))
        return self.callers[-1]


@contextmanager
def endpoint(*answers: tuple[int, bytes], tls: ssl.SSLContext | None = None) -> Iterator[Endpoint]:
    it = Endpoint(list(answers))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            it.requests.append((self.command, self.path, headers, body))
            self._answer(*it.next())

        def _answer(self, status: int, body: bytes) -> None:
            if not status:
                self.close_connection = True
                return
            self.send_response_only(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    it.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield it
    finally:
        for caller in it.callers:
            caller.close()
        server.shutdown()
        thread.join()
        server.server_close()


# Signature


@settings(max_examples=50, deadline=None)
@given(
    document=st.dictionaries(st.text(max_size=9), st.text(max_size=9)), operation=st.sampled_from(["PutItem", "Query"])
)
def test_a_call_is_signed_as_the_official_library_signs_it(document: dict[str, str], operation: str) -> None:
    with endpoint(FINE) as it:
        client = it.client()
        assert client.call(operation, document) == {"fine": True}
    ((method, path, headers, body),) = it.requests
    assert (method, path, json.loads(body)) == ("POST", "/", document)
    signed = {name: headers[name] for name in ("host", "content-type", "x-amz-target")}
    request = AWSRequest(method, it.url + path, signed, body)
    SigV4Auth(theirs(), "dynamodb", REGION).add_auth(request)
    assert_same_signature(headers, request)


@settings(max_examples=50, deadline=None)
@given(name=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_characters="\x7f"), min_size=1))
def test_an_object_is_signed_as_the_official_library_signs_it(name: str) -> None:
    with endpoint((200, b"")) as it:
        bucket = it.bucket()
        bucket.put(name, b"body")
    ((method, path, headers, body),) = it.requests
    signed = {name: headers[name] for name in ("host", "content-type")}
    request = AWSRequest(method, it.url + path, signed, body)
    request.context["payload_signing_enabled"] = True
    S3SigV4Auth(theirs(), "s3", REGION).add_auth(request)
    assert_same_signature(headers, request)


def theirs() -> TheirCredentials:
    assert KEYS.token
    return TheirCredentials(KEYS.key_id, KEYS.secret.reveal(), KEYS.token.reveal())


def assert_same_signature(headers: dict[str, str], request: AWSRequest) -> None:
    """Unless a second passed between the two."""
    if headers["x-amz-date"] == request.headers["X-Amz-Date"]:
        assert headers["authorization"] == request.headers["Authorization"]


# Endpoints that fail


@pytest.mark.parametrize("passing", [THROTTLED, (500, b"oops"), (503, b"<Code>SlowDown</Code>"), CLOSE])
def test_what_passes_is_tried_again(passing: tuple[int, bytes]) -> None:
    with endpoint(passing, passing, FINE) as it:
        client = it.client()
        assert client.call("PutItem", {}) == {"fine": True}
    assert len(it.requests) == 3


def test_not_for_ever() -> None:
    with (
        endpoint(THROTTLED) as it,
        pytest.raises(AwsError, match="AWS dynamodb PutItem: ThrottlingException") as caught,
    ):
        it.client().call("PutItem", {})
    assert (caught.value.code, caught.value.status, len(it.requests)) == ("ThrottlingException", 400, 3)


def test_what_does_not_pass_is_told_at_once_and_without_secrets() -> None:
    with endpoint(DENIED) as it, pytest.raises(AwsError) as caught:
        it.client().call("PutItem", {"Item": "personal"})
    assert str(caught.value) == "AWS dynamodb PutItem: AccessDeniedException; these credentials lack the right to it"
    assert len(it.requests) == 1


def test_a_connection_is_kept_and_one_that_was_closed_meanwhile_does_no_harm() -> None:
    with endpoint(FINE, CLOSE, FINE) as it:
        client = it.client(tries=1)
        client.warm_up()
        for _ in range(3):
            assert client.call("GetItem", {}) == {"fine": True}
    assert len(it.requests) == 4  # the one that met the closed connection went again, on a new one


@pytest.mark.parametrize("body", [b"", b"[1]", b"garbage", b"\xff" * 10])
def test_an_answer_that_is_none_is_empty(body: bytes) -> None:
    with endpoint((200, body)) as it:
        client = it.client()
        assert client.call("GetItem", {}) == {}


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with endpoint((200, bytes(MAX_ANSWER_BYTES + 1))) as it, pytest.raises(AwsError, match="no answer"):
        it.client(tries=1).call("Query", {})


def test_nobody_there() -> None:
    client = service_client(
        "dynamodb", {"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, credentials=lambda: KEYS
    )
    client.warm_up()
    with pytest.raises(
        AwsError, match=r"no answer \(ConnectionRefusedError\) from http://127.0.0.1:9; look at the net"
    ):
        client.call("GetItem", {})


def test_objects_come_back_and_say_when_they_are_not_there() -> None:
    with endpoint((200, b"\x00body"), (404, b"<Error><Code>NoSuchKey</Code></Error>")) as it:
        bucket = it.bucket()
        assert bucket.get("stripe/1") == b"\x00body"
        with pytest.raises(AwsError, match="AWS s3 GetObject: NoSuchKey"):
            bucket.get("stripe/2")


# Settings


def test_parameters_are_asked_for_ten_at_a_time() -> None:
    def answer(names: Sequence[str]) -> tuple[int, bytes]:
        return 200, json.dumps({"Parameters": [{"Name": name, "Value": f"value of {name}"} for name in names]}).encode()

    names = [f"/a/{number}" for number in range(12)]
    with endpoint(answer(names[:10]), answer(names[10:11])) as it:
        assert get_parameters(it.client(service="ssm"), names) == {name: f"value of {name}" for name in names[:11]}
    assert [len(json.loads(body)["Names"]) for *_, body in it.requests] == [10, 2]
    assert all(json.loads(body)["WithDecryption"] for *_, body in it.requests)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({"AWS_REGION": "eu-central-1"}, "https://sqs.eu-central-1.amazonaws.com"),
        ({"AWS_DEFAULT_REGION": "cn-north-1"}, "https://sqs.cn-north-1.amazonaws.com.cn"),
        ({"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://127.0.0.1:1/"}, "http://127.0.0.1:1"),
        ({"AWS_REGION": "x", "AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SQS": "http://b"}, "http://b"),
    ],
)
def test_where_a_service_answers(environment: dict[str, str], url: str) -> None:
    assert service_of("sqs", environment).url == url


def test_credentials_come_from_the_environment_and_do_not_show_themselves() -> None:
    known = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hush"}
    assert from_environment(known) == Credentials("id", Secret("hush"))
    assert from_environment({**known, "AWS_SESSION_TOKEN": "t"}).token == Secret("t")
    assert "hush" not in repr(from_environment(known))
    with pytest.raises(AwsError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        from_environment({"AWS_ACCESS_KEY_ID": "id"})


# TLS


def test_the_shipped_roots_are_those_of_amazon() -> None:
    roots: Any = ssl.create_default_context(cafile=str(AMAZON_ROOTS)).get_ca_certs()
    names = [dict(pair for (pair,) in root["subject"])["commonName"] for root in roots]
    assert sorted(names) == [
        *(f"Amazon Root CA {number}" for number in range(1, 5)),
        "Starfield Services Root Certificate Authority - G2",
    ]
    assert all(root["subject"] == root["issuer"] for root in roots)
    assert all(ssl.cert_time_to_seconds(root["notAfter"]) > 2_110_000_000 for root in roots)  # November 2036


CALL = """
import sys
from bridge.aws.client import service_client
client = service_client("dynamodb", {"AWS_REGION": "x", "AWS_ENDPOINT_URL": sys.argv[1], "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b"}, tries=1)
print(client.call("GetItem", {}))
"""


def test_another_endpoint_is_proven_by_the_roots_of_the_system(tmp_path: Path) -> None:
    file = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    with endpoint(FINE, tls=context) as it:
        command = [sys.executable, "-c", CALL, it.url]
        known = subprocess.run(
            command, env={**keys, "SSL_CERT_FILE": str(file)}, capture_output=True, text=True, check=True
        )
        unknown = subprocess.run(command, env=keys, capture_output=True, text=True, check=False)
    assert known.stdout == "{'fine': True}\n"
    assert "no answer (SSLCertVerificationError)" in unknown.stderr
    assert len(it.requests) == 1


def certificate(folder: Path) -> Path:
    """A certificate of this machine's address that is its own root, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file
