"""An AWS of our own on this machine: ministack, with authentication and IAM enforced, on 127.0.0.1 only."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import botocore.session
import httpx
from botocore.config import Config

BUILD = Path(__file__).resolve().parent.parent.parent / ".build"
PYTHON = BUILD / "cloud" / "bin" / "python"  # functions run under the interpreter of the emulator
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}  # of the account's root, there
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Cloud:
    """A running emulator: `url` is its endpoint for everything, `pid` its process."""

    url: str
    pid: int

    def client(self, service: str) -> Any:
        """botocore's client of a service, as the account's root."""
        session = botocore.session.get_session()
        return session.create_client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"max_attempts": 1}),
        )

    def environment(self) -> dict[str, str]:
        """What a tool needs that is to talk to this cloud and to no other."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, **CREDENTIALS}


@contextmanager
def running_cloud(folder: Path, **environment: str) -> Iterator[Cloud]:
    """Start it, wait until it answers, and end it with the block. Its log and its functions' go to a file there."""
    port = _free_port()
    settings = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        "TMPDIR": str(folder),
        "PATH": os.environ["PATH"],
        **CREDENTIALS,
        **environment,
    }
    with (folder / "cloud.log").open("w") as log:
        process = subprocess.Popen([PYTHON, "-m", "ministack"], env=settings, stdout=log, stderr=log)
    cloud = Cloud(f"http://127.0.0.1:{port}", process.pid)
    try:
        _await(cloud, process)
        yield cloud
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _await(cloud: Cloud, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            httpx.get(f"{cloud.url}/_ministack/health")
            return
        except httpx.TransportError:
            assert process.poll() is None, "ministack ended; cloud.log says why"
            assert time.monotonic() < give_up_at, "ministack does not answer"
            time.sleep(0.05)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
