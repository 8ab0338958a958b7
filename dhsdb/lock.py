"""The queue in front of a store: a sidecar lock that writers hold and readers pass through.

DuckDB lets one process write, and refuses even readers meanwhile. Writers hold the sidecar lock while they write; readers
take it only while they open, so that a waiting writer is never starved by a stream of readers. A program that does not know
the lock (a forgotten shell) is waited for as well, and named when the time is up.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dhsdb.errors import LockTimeoutError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_FIRST_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.1
_threads: dict[Path, threading.RLock] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def turn(path: Path, timeout_s: float, doing: str, *, needed: bool = True) -> Iterator[None]:
    """Hold the sidecar lock of the store at ``path``.

    Parameters
    ----------
    path
        File of the store.
    timeout_s
        How long to wait, in seconds.
    doing
        What the holder is about to do, shown to whoever waits.
    needed
        Whether it matters that there is no lock where the folder is not ours to write in: readers do without.

    Raises
    ------
    LockTimeoutError
        If the lock was not free in time; the message names the holder.
    """
    import filelock

    lock = filelock.FileLock(_sidecar(path, "lock"), timeout=timeout_s, poll_interval=0.01)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise _timeout(path, timeout_s, _holder(path)) from None
    except OSError as error:
        if needed or error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
    try:
        _note_holder(path, doing)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def storage_troubles(path: Path) -> Iterator[None]:
    """Tell plainly that the disk is full or that the file or folder is not ours to write.

    Raises
    ------
    UserError
        Instead of what DuckDB or the system says of the file of the store; all else passes.
    """
    try:
        yield
    except Exception as error:
        if trouble := storage_trouble(path, error):
            raise trouble from error
        raise


def storage_trouble(path: Path, error: Exception) -> UserError | None:
    """Return what an error says of the store's place: no space, no right to write; None if it is about something else."""
    text = str(error)
    if str(path.parent) not in text:
        return None
    if "No space left" in text:
        return UserError(f"the disk of {path} is full; nothing was written.", "Free some space, or move the store.")
    if "Permission denied" in text or "Read-only file system" in text:
        what = f"{path} can't be opened, or its folder can't be written to: no right to do so."
        return UserError(what, "Copy the store to a folder of your own, or ask for the right to write there.")
    return None


@contextlib.contextmanager
def thread_turn(path: Path) -> Iterator[None]:
    """Let one thread of this process have the store open: DuckDB allows one configuration per process and file."""
    with _guard:
        lock = _threads.setdefault(path, threading.RLock())
    with lock:
        yield


def connect_patiently(
    path: Path, timeout_s: float, *, read_only: bool, config: dict[str, str]
) -> duckdb.DuckDBPyConnection:
    """Open the file, waiting for a process that holds it without the sidecar lock.

    Raises
    ------
    LockTimeoutError
        If the file was not free in time; the message names the process.
    """
    import duckdb

    end = time.monotonic() + timeout_s
    wait = _FIRST_WAIT_S
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=dict(config))
        except duckdb.IOException as error:
            if not _is_conflict(str(error)):
                raise
            if time.monotonic() + wait > end:
                raise _timeout(path, timeout_s, _pid_in(str(error))) from None
        time.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_S)


def _is_conflict(message: str) -> bool:
    return "Could not set lock" in message or "being used by another process" in message


def _pid_in(message: str) -> str:
    found = re.search(r"held in (?P<what>.*?)\(PID (?P<pid>\d+)\)", message)
    return f"process {found['pid']} ({found['what'].strip()})" if found else "another process"


def _sidecar(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


def _note_holder(path: Path, doing: str) -> None:
    """Leave a note of who holds the lock; it is a courtesy to others, so a full disk does not stop us."""
    note = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing, "since": time.time()}
    with contextlib.suppress(OSError):
        _sidecar(path, "holder").write_text(json.dumps(note), encoding="utf-8")


def _holder(path: Path) -> str:
    try:
        note = json.loads(_sidecar(path, "holder").read_text(encoding="utf-8"))
        return f"process {note['pid']} on {note['host']} ({note['doing']}, for {time.time() - note['since']:.0f} s)"
    except (OSError, ValueError, KeyError):
        return "another process"


def _timeout(path: Path, timeout_s: float, holder: str) -> LockTimeoutError:
    return LockTimeoutError(
        f"{path.name} is held by {holder}; waited {timeout_s:g} s.",
        "Close that program, or wait longer with --wait SECONDS (or $DHSDB_WAIT).",
    )
