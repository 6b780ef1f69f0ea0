"""The disk fails under the running bridge: what cannot be kept is answered 503 and told in the log, nothing that was
acknowledged is lost, and once the disk is well again the bridge goes on by itself.

All of it runs as root in a container and as a plain user: the limit on a file's size is the kernel's own refusal and
needs no rights, and where the tests run as root the bridge is started without root's right to write everything.
"""

import os
import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest
from chaos.process import Home
from commands_rig import eventually, keys

from .rig import HeardHome, WatchedHome, kept_names, patient_flokit, post, settings

WITHOUT_ROOTS_RIGHTS = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


class OrdinaryHome(HeardHome):
    """A home whose processes must heed the modes of files, whoever runs the tests."""

    def command(self) -> list[str]:
        """What starts a process."""
        return [*WITHOUT_ROOTS_RIGHTS, *super().command()]


def ready(home: Home) -> int:
    """What /ready says; it looks at the ledger at most once a second."""
    return httpx.get(f"{home.url}/ready").status_code


def last_failure(home: HeardHome) -> str:
    """What the log says of the last write that failed."""
    eventually(lambda: home.said("ledger_failed"))
    return str(home.said("ledger_failed")[-1]["message"])


def test_the_kernel_takes_no_more_bytes_and_later_takes_them_again(tmp_path: Path) -> None:
    with patient_flokit() as (standin, url):
        home = HeardHome(tmp_path, settings(url))
        with home.running() as process:
            assert post(home, "before") == 200
            limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            assert [post(home, f"during_{number}") for number in range(3)] == [503] * 3
            assert "the disk" in last_failure(home)
            eventually(lambda: ready(home) == 503)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
            assert [post(home, name) for name in ("during_0", "after")] == [200, 200]
            eventually(lambda: ready(home) == 200)
            eventually(lambda: set(keys(standin)) >= {"in_before", "in_during_0", "in_after"})
    assert sorted(keys(standin)) == ["in_after", "in_before", "in_during_0"]
    assert kept_names(home) == {"before", "during_0", "after"}


DISK_FULL, WRITE_FAILS, SYNC_FAILS = f"write {sqlite3.SQLITE_FULL}", f"write {0x30A}", f"sync {0x40A}"


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (DISK_FULL, "the disk is full; make room, nothing that was acknowledged is lost"),
        (WRITE_FAILS, "the disk fails"),  # what a disk says that the system has made read-only: EROFS, EIO
        (SYNC_FAILS, "the disk fails"),
    ],
)
def test_a_write_or_a_sync_that_fails_is_no_acknowledgement(tmp_path: Path, trouble: str, says: str) -> None:
    with patient_flokit() as (standin, url):
        home = WatchedHome(tmp_path, settings(url))
        with home.running():
            assert post(home, "before") == 200
            eventually(lambda: home.said("delivery"))
            (tmp_path / "trouble").write_text(trouble)
            assert post(home, "during") == 503
            assert post(home, "before") == 200  # a repeat writes nothing, and is on disk
            assert says in last_failure(home)
            (tmp_path / "trouble").unlink()
            assert [post(home, name) for name in ("during", "after")] == [200, 200]
            eventually(lambda: len(home.said("delivery")) == 3)
    assert sorted(keys(standin)) == ["in_after", "in_before", "in_during"]
    assert kept_names(home) == {"before", "during", "after"}


def test_a_disk_that_fails_between_request_and_mark_makes_no_second_event(tmp_path: Path) -> None:
    with patient_flokit() as (standin, url):
        home = WatchedHome(tmp_path, settings(url))
        standin.on_arrival = lambda _: _write(tmp_path / "trouble", DISK_FULL)
        with home.running():
            assert post(home, "one") == 200
            eventually(lambda: home.said("worker_fault"))
            standin.on_arrival = lambda _: None
            (tmp_path / "trouble").unlink()
            assert post(home, "two") == 200
            eventually(lambda: len(home.said("delivery")) == 2)
    assert sorted(keys(standin)) == ["in_one", "in_two"]


def _write(file: Path, text: str) -> None:
    file.write_text(text)


@contextmanager
def held(ledger_file: Path) -> Iterator[None]:
    """Another program is in the midst of a transaction on the file until the block ends."""
    with closing(sqlite3.connect(ledger_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_a_file_that_another_program_holds_is_waited_for_and_then_answered_503(tmp_path: Path) -> None:
    home = HeardHome(tmp_path, settings())
    answers: list[int] = []
    with home.running():
        assert post(home, "before") == 200
        eventually(lambda: home.said("mapping"))
        with held(home.ledger_file):
            waiting = Thread(target=lambda: answers.append(post(home, "one")))
            waiting.start()
            assert httpx.get(f"{home.url}/health").status_code == 200
            waiting.join()
        assert answers == [503]
        assert "another process holds it" in last_failure(home)
        assert post(home, "one") == 200
    assert kept_names(home) == {"before", "one"}


def remove(home: Home) -> None:
    """What a person does who clears up."""
    for file in home.folder.glob("ledger.sqlite*"):
        file.unlink()


def move_away(home: Home) -> None:
    """What a program does that makes room, or a person who restores a copy."""
    home.ledger_file.rename(home.folder / "elsewhere")


@pytest.mark.parametrize("do", [remove, move_away])
def test_a_file_that_is_no_longer_there_takes_no_webhooks(tmp_path: Path, do: Callable[[Home], None]) -> None:
    home = HeardHome(tmp_path, settings())
    with home.running():
        assert post(home, "before") == 200
        do(home)
        assert post(home, "during") == 503
        assert "moved or removed" in last_failure(home)


def test_a_file_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    home = HeardHome(tmp_path, settings())
    with home.running():
        assert post(home, "before") == 200
        move_away(home)
        assert post(home, "during") == 503
        (tmp_path / "elsewhere").rename(home.ledger_file)
        assert [post(home, "during"), post(home, "after")] == [200, 200]
    assert kept_names(home) == {"before", "during", "after"}


def starts(home: Home) -> bool:
    """Whether a process of this home comes to take webhooks. It has ended afterwards."""
    process = home.spawn()
    try:
        return process.ready()
    finally:
        process.kill()


def test_a_damaged_file_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    home = HeardHome(tmp_path, settings())
    with home.running():
        assert post(home, "before") == 200
    with home.ledger_file.open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * (home.ledger_file.stat().st_size - 8_192))  # all pages but the first
    assert not starts(home)
    assert b"the file is damaged; restore it from a copy" in home.lines[-1]


def test_a_file_that_may_only_be_read_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    home = OrdinaryHome(tmp_path, settings())
    with home.running():
        assert post(home, "before") == 200
    home.ledger_file.chmod(0o400)
    assert not starts(home)
    assert b"let the bridge's user write the file and its folder" in home.lines[-1]
    for file in tmp_path.glob("ledger.sqlite*"):  # SQLite gives what it makes beside a file the mode of that file
        file.chmod(0o600)
    with home.running():
        assert post(home, "during") == 200
    assert kept_names(home) == {"before", "during"}


def test_a_folder_that_may_only_be_read_ends_the_start_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o500)
    home = OrdinaryHome(tmp_path, settings(BRIDGE_LEDGER=f"sqlite:///{folder}/ledger.sqlite"))
    assert not starts(home)
    folder.chmod(0o700)
    (said,) = home.lines
    assert b"let the bridge's user write the file and its folder" in said
