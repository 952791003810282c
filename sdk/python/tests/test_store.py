from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mps_device import Store, StoreInUseError
from mps_device.store import MAX_EVENTS, MAX_SEEN, MIN_SEEN, SEEN_MARGIN_SECONDS, Identity

DEVICE = Identity("ad-token", "the-secret")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    store = Store(folder)
    yield store
    store.close()


def test_a_second_client_of_the_store_is_refused_until_the_first_has_closed_it(store: Store, folder: Path) -> None:
    with pytest.raises(StoreInUseError):
        Store(folder)
    store.close()
    Store(folder).close()


def test_another_process_is_refused_and_one_that_was_killed_is_not_waited_for(folder: Path) -> None:
    program = "import sys, mps_device; mps_device.Store(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreInUseError):
            Store(folder)
        other.kill()
    Store(folder).close()


def environment() -> dict[str, str]:
    import mps_device

    return {"PYTHONPATH": str(Path(mps_device.__file__).parent.parent)}


def test_all_files_are_readable_by_the_user_alone(store: Store, folder: Path) -> None:
    store.keep_identity(DEVICE)
    store.add_event("1", "opened", 1)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.is_file()}
    assert {"state.db", "credentials.json"} <= set(modes)
    assert {name for name, mode in modes.items() if mode != 0o600} == set()


def test_the_secret_is_in_the_folder_that_backups_leave_out(store: Store, folder: Path) -> None:
    store.keep_identity(DEVICE)
    store.close()
    holders = [path for path in folder.rglob("*") if path.is_file() and b"the-secret" in path.read_bytes()]
    assert holders == [folder / "private" / "credentials.json"]
    # The signature of https://bford.info/cachedir/, which tar, restic and borg know.
    assert (folder / "private" / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")


def test_a_restored_backup_is_another_installation_and_keeps_its_reports(store: Store, folder: Path) -> None:
    installation = store.proof_of_registration()["installationId"]
    store.keep_identity(DEVICE)
    store.add_event("1", "opened", 1)
    store.set_wish("binding", {"userId": "ann"}, confirmed=True)
    store.close()
    restored = folder.with_name("restored")
    shutil.copytree(folder, restored, ignore=shutil.ignore_patterns("private"))
    again = Store(restored)
    assert again.identity is None
    assert again.proof_of_registration()["installationId"] != installation
    assert again.count_events() == 1
    again.keep_identity(Identity("another", "secret"))
    wish = again.wish("binding")
    assert wish is not None
    assert not wish.confirmed, "the new device is to be bound"
    again.close()


def test_the_proof_of_a_registration_stays_until_the_device_has_connected(store: Store, folder: Path) -> None:
    proof = store.proof_of_registration()
    store.close()
    again = Store(folder)
    assert again.proof_of_registration() == proof
    again.keep_identity(DEVICE)
    assert again.proof_of_registration() == proof | {"deviceSecret": "the-secret"}
    again.registration_is_over()
    assert again.proof_of_registration()["registrationNonce"] != proof["registrationNonce"]
    assert again.proof_of_registration()["installationId"] == proof["installationId"]
    again.close()


def test_another_app_or_workspace_is_another_device(store: Store) -> None:
    store.use_for("app-one")
    store.keep_identity(DEVICE)
    store.use_for("app-one")
    assert store.identity == DEVICE
    store.use_for("app-two")
    assert store.identity is None


def test_the_same_device_keeps_what_it_has_seen_and_another_does_not(store: Store) -> None:
    store.keep_identity(DEVICE)
    store.mark_seen("1", "", 0, 60)
    store.keep_identity(Identity("ad-token", "a new secret"))
    assert store.has_seen("1")
    store.keep_identity(Identity("another", "secret"))
    assert not store.has_seen("1")


def test_what_was_added_survives_a_kill(folder: Path) -> None:
    program = (
        "import os, signal, sys, mps_device\n"
        "store = mps_device.Store(sys.argv[1])\n"
        "store.add_event('1', 'opened', 1), store.mark_seen('2', '', 0, 60)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, folder], env=environment(), check=False)
    assert ended.returncode == -signal.SIGKILL
    store = Store(folder)
    assert (store.count_events(), store.has_seen("2")) == (1, True)
    store.close()


def test_a_message_is_known_by_its_key_or_its_tasks() -> None:
    store = Store(None)
    store.mark_seen("11", "10", 0, 60)
    assert store.has_seen("11", "10")
    assert store.has_seen("10", "10"), "a vendor gave all devices the task as the key"
    assert not store.has_seen("12", "10"), "another message of the task"
    store.mark_seen("20", "20", 0, 60)
    assert store.has_seen("21", "20"), "it came by a vendor, with the task as the key"
    assert not store.has_seen("30", "30")
    store.close()


def test_keys_are_kept_for_their_validity_and_a_day_and_few_enough_of_them() -> None:
    store = Store(None)
    for number in range(MIN_SEEN + 200):
        store.mark_seen(str(number), "", now=0, validity=60)
    store.mark_seen("late", "", now=60 + SEEN_MARGIN_SECONDS, validity=60)
    assert store.has_seen("0")
    for number in range(MIN_SEEN + 200, MIN_SEEN + 300):
        store.mark_seen(str(number), "", now=61 + SEEN_MARGIN_SECONDS, validity=60)
    assert not store.has_seen("0")
    assert store.has_seen(str(MIN_SEEN + 150)), "the latest stay, however old"
    for number in range(MAX_SEEN + 200):
        store.mark_seen(f"more {number}", "", now=0, validity=10**9)
    assert not store.has_seen("more 0")
    store.close()


def test_the_oldest_report_leaves_a_full_outbox() -> None:
    store = Store(None)
    for number in range(MAX_EVENTS + 1):
        store.add_event(str(number), "opened", 1)
    assert store.count_events() == MAX_EVENTS
    assert store.next_events(1)[0].k == "1"
    store.close()


def test_a_report_waits_once() -> None:
    store = Store(None)
    for _ in range(2):
        store.add_event("1", "opened", 1)
    store.add_event("1", "ignored", 1)
    assert [(one.k, one.event) for one in store.next_events(100)] == [("1", "opened"), ("1", "ignored")]
    store.close()


def test_nothing_is_left_after_the_end_of_the_device(store: Store) -> None:
    store.keep_identity(DEVICE)
    store.add_event("1", "opened", 1)
    store.mark_seen("1", "", 0, 60)
    store.set_wish("binding", {"userId": "ann"})
    store.clear()
    assert (store.identity, store.count_events(), store.has_seen("1"), store.wish("binding")) == (None, 0, False, None)
