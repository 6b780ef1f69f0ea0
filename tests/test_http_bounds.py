"""What a stranger can make the edge hold and wait for has bounds."""

import socket
import time
from pathlib import Path

import httpx
import pytest
from edge_rig import event, raw, read_all, running_edge, sign

from bridge.connections import MAX_HEAD_BYTES, MAX_MESSAGE_BYTES
from bridge.limits import Intake

HEAD = b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n"


def test_a_head_that_does_not_end_in_time_ends_the_connection(tmp_path: Path) -> None:
    with running_edge(tmp_path, patience_seconds=0.05) as edge:
        assert raw(edge.port, HEAD) == b""
        assert raw(edge.port) == b""
        assert edge.post(event("evt_after")).status_code == 200


def test_a_second_head_on_a_kept_connection_has_no_more_time(tmp_path: Path) -> None:
    with running_edge(tmp_path, patience_seconds=0.05) as edge:
        answer = raw(edge.port, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /hea", pause_s=0.02)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b'{"status":"ok"}')


def test_a_kept_connection_may_rest(tmp_path: Path) -> None:
    with running_edge(tmp_path, patience_seconds=0.02) as edge, httpx.Client(base_url=edge.url) as client:
        assert client.get("/health").status_code == 200
        time.sleep(0.1)  # several patiences
        assert client.get("/health").status_code == 200
        edge.ledger.keep([])  # the edge is still the same


def test_a_body_that_does_not_arrive_in_time_is_answered_408(tmp_path: Path) -> None:
    with running_edge(tmp_path, patience_seconds=0.05) as edge:
        answer = raw(edge.port, HEAD + b"Content-Length: 100\r\n\r\n{")
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"too_slow"' in answer
    assert [line["outcome"] for line in edge.log()] == ["disconnected"]


def test_a_sender_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    with running_edge(tmp_path) as edge:
        with socket.create_connection(("127.0.0.1", edge.port)) as connection:
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        assert edge.post(event("evt_after")).status_code == 200
        assert edge.kept_ids() == ["evt_after"]


@pytest.mark.parametrize("filler", [b"x", b"x: y\r\n"])
def test_a_head_without_end_ends_the_connection(tmp_path: Path, filler: bytes) -> None:
    with running_edge(tmp_path) as edge:
        endless = HEAD + b"long: " + filler * (4 * MAX_HEAD_BYTES)
        with socket.create_connection(("127.0.0.1", edge.port), timeout=10) as connection:
            try:
                for _ in range(20):
                    connection.sendall(endless)
            except (BrokenPipeError, ConnectionResetError):
                return
            assert b"200" not in read_all(connection)


def test_a_body_without_end_ends_the_connection(tmp_path: Path) -> None:
    with running_edge(tmp_path) as edge, socket.create_connection(("127.0.0.1", edge.port), timeout=10) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        many = chunk * (20 * MAX_MESSAGE_BYTES // len(chunk))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(many)


def test_too_many_at_once_are_asked_to_come_again(tmp_path: Path) -> None:
    with running_edge(tmp_path, intake=Intake(max_requests=1)) as edge:
        with socket.create_connection(("127.0.0.1", edge.port)) as waiting:
            waiting.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
            assert _await_status(edge.url, 503) == 503
        assert _await_status(edge.url, 200) == 200  # what the first one held is free again


def test_too_many_bytes_at_once_are_asked_to_come_again(tmp_path: Path) -> None:
    with running_edge(tmp_path, intake=Intake(max_held_bytes=600, small_body_bytes=0)) as edge:
        with socket.create_connection(("127.0.0.1", edge.port)) as waiting:
            waiting.sendall(HEAD + b"Content-Length: 600\r\n\r\n" + b"x" * 550)
            assert _await_status(edge.url, 503) == 503
        assert _await_status(edge.url, 200) == 200


def test_large_bodies_keep_no_small_one_out(tmp_path: Path) -> None:
    with (
        running_edge(tmp_path, intake=Intake(max_held_bytes=1_000, small_body_bytes=2_000)) as edge,
        socket.create_connection(("127.0.0.1", edge.port)) as large,
        socket.create_connection(("127.0.0.1", edge.port)) as larger,
    ):
        large.sendall(HEAD + b"Content-Length: 4000\r\n\r\n" + b"x" * 3_000)
        assert _await_status(edge.url, 200) == 200  # by now the large one is read as well
        larger.sendall(HEAD + b"Content-Length: 4000\r\n\r\n" + b"x" * 4_000)
        assert larger.recv(12) == b"HTTP/1.1 503"
        assert _await_status(edge.url, 200) == 200


def _await_status(url: str, wanted: int) -> int:
    """The status of a webhook, once what another connection did has arrived at the server."""
    status = 0
    for number in range(500):
        body = event(f"evt_{wanted}_{number}")
        status = httpx.post(f"{url}/webhooks/stripe", content=body, headers=sign(body)).status_code
        if status == wanted:
            break
    return status


def test_garbage_is_no_request(tmp_path: Path) -> None:
    with running_edge(tmp_path) as edge:
        assert raw(edge.port, b"\x16\x03\x01\x02\x00\x01\x00").startswith(b"HTTP/1.1 400")
        assert raw(edge.port, HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n").startswith(b"HTTP/1.1 400")
        two = b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        assert raw(edge.port, HEAD + two).startswith(b"HTTP/1.1 400")
        assert edge.kept_ids() == []
