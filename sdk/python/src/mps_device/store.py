"""What a device keeps: its identity, whose it is, what it has seen and what it has yet to report.

A store is a folder. `state.db` (SQLite; every change is on the disk when the call returns) holds everything but the
device's credentials. Those are in `private/credentials.json`, readable by the user alone and marked to be left out of
backups (https://bford.info/cachedir/): a backup that is restored on another machine must not become the same device.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mps_device.errors import StoreInUseError

MAX_EVENTS = 10_000
MAX_SEEN, MIN_SEEN = 10_000, 1_000
# Keys of messages are kept this much longer than the messages are valid: that bridges the correction of a wrong clock.
SEEN_MARGIN_SECONDS = 86_400.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (number INTEGER PRIMARY KEY AUTOINCREMENT, k TEXT NOT NULL UNIQUE, task TEXT NOT NULL,
    until REAL NOT NULL);
CREATE INDEX IF NOT EXISTS seen_task ON seen (task);
CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY AUTOINCREMENT, k TEXT NOT NULL, event TEXT NOT NULL,
    at INTEGER NOT NULL, UNIQUE (k, event));
"""
_CACHE_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# Left out of backups: a device's credentials.\n"


class Identity(NamedTuple):
    """A registered device."""

    ad_token: str
    secret: str


class Event(NamedTuple):
    """A report that waits to be sent; `at` is milliseconds since 1970."""

    number: int
    k: str
    event: str
    at: int


class Wish(NamedTuple):
    """What the app wants the service to know, and whether the service does."""

    value: dict[str, Any]
    confirmed: bool


class Store:
    """A device's persistent state, used by one client at a time. Safe to use from several threads."""

    def __init__(self, folder: str | os.PathLike[str] | None) -> None:
        """Open a store, and create it where there is none.

        Args:
            folder: Its folder; None keeps everything in memory, for a device that lives as long as the process.

        Raises:
            StoreInUseError: Another client, maybe of another process, has it open.
            OSError: The folder cannot be written.
        """
        self._lock = threading.RLock()
        # Reports that no thread has begun to write.
        self._adding: list[tuple[str, str, int]] = []
        self._credentials: Path | None = None
        self._identity: Identity | None = None
        path = ":memory:"
        if folder is not None:
            root = Path(folder)
            private = root / "private"
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._credentials = private / "credentials.json"
            _write_durably(private / "CACHEDIR.TAG", _CACHE_TAG)
            path = str(root / "state.db")
            # SQLite gives its other files the permissions of this one.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            # The lock is held until the process ends, however it does.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";"):
                self._db.execute(statement)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                raise StoreInUseError(f"{folder} is in use by another client") from error
            raise
        if self._credentials is not None:
            self._identity = _read_identity(self._credentials)
        if self._identity is None and self._get("adToken"):
            # A backup was restored, which has no credentials: this is another device, and another installation.
            self.forget_identity()

    def close(self) -> None:
        """Close the store, so that another client may open it. Idempotent."""
        with self._lock:
            self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _get(self, name: str) -> Any:
        with self._lock:
            row = self._db.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
        return json.loads(row[0]) if row else None

    def _set(self, name: str, value: object) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", [name, json.dumps(value)])

    def _delete(self, *names: str) -> None:
        with self._transaction() as db:
            db.executemany("DELETE FROM setting WHERE name = ?", [[name] for name in names])

    # -- identity ---------------------------------------------------------------------------------------------------

    @property
    def identity(self) -> Identity | None:
        """The registered device; None before the first registration."""
        return self._identity

    def use_for(self, username: str) -> None:
        """Keep the identity only if it belongs to this app and workspace."""
        if self._get("username") not in (None, username):
            self.forget_identity()
        self._set("username", username)

    def proof_of_registration(self) -> dict[str, str]:
        """Return what proves whose registration this is, made now where it is missing.

        It is on the disk before it is returned: where the answer to a registration is lost, it is repeated with the
        same, and the service answers with the same device.
        """
        installation_id, nonce = self._get("installationId"), self._get("registrationNonce")
        if not installation_id:
            self._set("installationId", installation_id := str(uuid.uuid4()))
        if not nonce:
            self._set("registrationNonce", nonce := secrets.token_urlsafe(32))
        proof = {"installationId": installation_id, "registrationNonce": nonce}
        return proof if self._identity is None else proof | {"deviceSecret": self._identity.secret}

    def keep_identity(self, identity: Identity) -> None:
        """Keep what the service has issued. To another device than before, everything is to be told again."""
        is_same = self._get("adToken") == identity.ad_token
        if self._credentials is not None:
            _write_durably(self._credentials, json.dumps(identity._asdict()))
        self._identity = identity
        if is_same:
            return
        with self._transaction() as db:
            self._set("adToken", identity.ad_token)
            db.execute("DELETE FROM seen")
            for name in ("binding", "vendorToken"):
                if (wish := self.wish(name)) is not None:
                    self.set_wish(name, wish.value)

    def registration_is_over(self) -> None:
        """Forget the nonce, once the device has connected with its secret."""
        if self._get("registrationNonce"):
            self._delete("registrationNonce")

    def forget_identity(self) -> None:
        """Forget device and installation; the next start registers a new device."""
        if self._credentials is not None:
            self._credentials.unlink(missing_ok=True)
        self._identity = None
        self._delete("adToken", "installationId", "registrationNonce")

    def clear(self) -> None:
        """Forget everything: the device has unregistered."""
        self.forget_identity()
        with self._transaction() as db:
            for table in ("setting", "seen", "event"):
                db.execute(f"DELETE FROM {table}")

    # -- wishes -----------------------------------------------------------------------------------------------------

    def wish(self, name: str) -> Wish | None:
        """Return what the app wants the service to know: `binding` or `vendorToken`; None if nothing."""
        kept = self._get(name)
        return Wish(kept["value"], kept["confirmed"]) if kept else None

    def set_wish(self, name: str, value: dict[str, Any], *, confirmed: bool = False) -> None:
        """Keep a wish; an unconfirmed one is sent with the next connection."""
        self._set(name, {"value": value, "confirmed": confirmed})

    def drop_wish(self, name: str) -> None:
        """Forget a wish, which the service has refused."""
        self._delete(name)

    # -- messages ---------------------------------------------------------------------------------------------------

    def has_seen(self, k: str, task: str = "") -> bool:
        """Tell whether a message was handled, or one of its task that came by another way.

        Vendors that take many devices in one call give all of them the task's ID as the key.
        """
        sql = "SELECT 1 FROM seen WHERE k IN (?, ?) OR (task = ? AND ?) LIMIT 1"
        with self._lock:
            return self._db.execute(sql, [k, task or k, k, k == task]).fetchone() is not None

    def mark_new(self, k: str, task: str, now: float, validity: float) -> bool:
        """Remember a message unless it was seen; tell whether it is new. Arguments as those of `mark_seen`."""
        with self._lock:
            is_new = not self.has_seen(k, task)
            if is_new:
                self.mark_seen(k, task, now, validity)
        return is_new

    def mark_seen(self, k: str, task: str, now: float, validity: float) -> None:
        """Remember a handled message for as long as it may come again.

        Args:
            k: Its key.
            task: Its task; empty where that is not known.
            now: The wall clock. Only differences count, so it may be wrong.
            validity: For how many seconds a message like it is valid, from its making.
        """
        until = now + validity + SEEN_MARGIN_SECONDS
        with self._transaction() as db:
            number = db.execute(
                "INSERT OR REPLACE INTO seen (k, task, until) VALUES (?, ?, ?)", [k, task, until]
            ).lastrowid
            assert number is not None
            if number % 100 == 0:
                db.execute(
                    "DELETE FROM seen WHERE (until < ? AND number <= ?) OR number <= ?",
                    [now, number - MIN_SEEN, number - MAX_SEEN],
                )

    # -- outbox -----------------------------------------------------------------------------------------------------

    def add_event(self, k: str, event: str, at: int) -> None:
        """Add a report to the outbox, once; the oldest leaves a full one.

        What several threads add at the same time shares a write to the disk.
        """
        entry = (k, event, at)
        self._adding.append(entry)
        with self._lock:
            if entry not in self._adding:
                return  # the thread that had the lock has written it
            entries, self._adding = self._adding, []
            with self._transaction() as db:
                db.executemany("INSERT OR IGNORE INTO event (k, event, at) VALUES (?, ?, ?)", entries)
                excess = self._count(db) - MAX_EVENTS
                if excess > 0:
                    db.execute(
                        "DELETE FROM event WHERE number IN (SELECT number FROM event ORDER BY number LIMIT ?)", [excess]
                    )

    def next_events(self, most: int) -> list[Event]:
        """Return the oldest reports."""
        with self._lock:
            rows = self._db.execute("SELECT number, k, event, at FROM event ORDER BY number LIMIT ?", [most]).fetchall()
        return [Event(*row) for row in rows]

    def remove_events(self, events: Sequence[Event]) -> None:
        """Remove reports that the service has."""
        with self._transaction() as db:
            db.executemany("DELETE FROM event WHERE number = ?", [[one.number] for one in events])

    def count_events(self) -> int:
        """Return how many reports wait."""
        with self._lock:
            return self._count(self._db)

    @staticmethod
    def _count(db: sqlite3.Connection) -> int:
        return int(db.execute("SELECT count(*) FROM event").fetchone()[0])


def _read_identity(path: Path) -> Identity | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Identity(str(kept["ad_token"]), str(kept["secret"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _write_durably(path: Path, text: str) -> None:
    """Write a file of the user's own: after a crash it has its former or its new content."""
    temporary = path.with_name(f"{path.name}.new")
    descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    temporary.replace(path)
    if hasattr(os, "O_DIRECTORY"):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
