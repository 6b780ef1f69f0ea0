"""A layer between SQLite and the disk, within the process that uses both: it tells all that is written and synced, in
order, and can refuse.

SQLite reaches files through a table of functions (https://sqlite.org/vfs.html), which a program may change. This one
changes the table of the library that Python's own sqlite3 module uses, so everything above it is the real thing.
"""

import _sqlite3
import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

_OK = 0
_POINTER = ctypes.c_void_p  # also of a path: SQLite keeps pointing to it, so it must be handed on and not copied

_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)


class _Vfs(ctypes.Structure):
    """The part of sqlite3_vfs that is used here."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", _POINTER),
        ("name", ctypes.c_char_p),
        ("data", _POINTER),
        ("open", _OPEN),
        ("delete", _DELETE),
    )


class _Methods(ctypes.Structure):
    """sqlite3_io_methods, version 3: what can be done with an open file."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", _POINTER),
        ("read", _POINTER),
        ("write", _WRITE),
        ("truncate", _TRUNCATE),
        ("sync", _SYNC),
        ("others", _POINTER * 13),
    )


Note = Callable[[str, str, int, bytes], object]
"""Is told of a step before it is done: write, truncate, sync or delete; the file's name; offset or size; bytes."""

Refuse = Callable[[str], int]
"""Gives SQLite's result code with which a step (write, sync) fails now; 0 when it may be done."""

_HELD: list[Any] = []
"""What only SQLite points to, so that it must never go away."""


class Layer:
    """Stands between SQLite and all files opened from now on, in this process, for good."""

    def __init__(self, note: Note, refuse: Refuse) -> None:
        """Take the place."""
        self._note = note
        self._refuse = refuse
        self._names: dict[int, str] = {}
        self._methods: dict[int, _Methods] = {}
        find = ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find
        find.restype = ctypes.POINTER(_Vfs)
        self._take_place(find(None).contents)

    def _take_place(self, vfs: _Vfs) -> None:
        real = _Vfs.from_buffer_copy(vfs)
        self._open, self._delete = real.open, real.delete
        vfs.open, vfs.delete = _kept(_OPEN(self._opened)), _kept(_DELETE(self._deleted))

    def _opened(self, vfs: int, path: int | None, file: int, flags: int, given: int | None) -> int:
        code: int = self._open(vfs, path, file, flags, given)
        if code == _OK and path:
            self._names[file] = _name(path)
            self._watch(ctypes.c_void_p.from_address(file))
        return code

    def _watch(self, methods: ctypes.c_void_p) -> None:
        """Point a file that was just opened to watched methods; its first word says where they are."""
        real = methods.value or 0
        if real not in self._methods:
            self._methods[real] = self._watched(_Methods.from_address(real))
        methods.value = ctypes.addressof(self._methods[real])

    def _watched(self, real: _Methods) -> _Methods:
        if real.version != 3:
            raise RuntimeError(f"SQLite's file methods are of version {real.version}, not 3")
        watched = _Methods.from_buffer_copy(real)
        watched.write = _kept(_WRITE(self._wrote(real)))
        watched.truncate = _kept(_TRUNCATE(self._truncated(real)))
        watched.sync = _kept(_SYNC(self._synced(real)))
        return watched

    def _wrote(self, real: _Methods) -> Callable[[int, int, int, int], int]:
        def write(file: int, data: int, length: int, at: int) -> int:
            if code := self._refuse("write"):
                return code
            self._note("write", self._names[file], at, ctypes.string_at(data, length))
            return int(real.write(file, data, length, at))

        return write

    def _truncated(self, real: _Methods) -> Callable[[int, int], int]:
        def truncate(file: int, size: int) -> int:
            self._note("truncate", self._names[file], size, b"")
            return int(real.truncate(file, size))

        return truncate

    def _synced(self, real: _Methods) -> Callable[[int, int], int]:
        def sync(file: int, flags: int) -> int:
            if code := self._refuse("sync"):
                return code
            self._note("sync", self._names[file], 0, b"")
            return int(real.sync(file, flags))

        return sync

    def _deleted(self, vfs: int, path: int, sync_folder: int) -> int:
        self._note("delete", _name(path), sync_folder, b"")
        return int(self._delete(vfs, path, sync_folder))


def _name(path: int) -> str:
    return Path(ctypes.string_at(path).decode()).name


def _kept(callback: Any) -> Any:
    _HELD.append(callback)
    return callback
