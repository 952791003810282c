"""Work submitted by threads at the same time shares a batch, and no thread waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pushcore.storage.group_commit import GroupCommit


class Work:
    """Double numbers. The first batch waits for `go`, so that the other items wait for the next."""

    def __init__(self, *, spoilt_by: int | None = None, alone: int | None = None) -> None:
        self.batches: list[list[int]] = []
        self.started, self.go = threading.Event(), threading.Event()
        self.spoilt_by, self.alone = spoilt_by, alone

    def __call__(self, items: Sequence[int]) -> list[int | None]:
        self.batches.append(list(items))
        if len(self.batches) == 1:
            self.started.set()
            self.go.wait()
        if self.spoilt_by in items:
            raise ValueError
        return [None if item == self.alone else 2 * item for item in items]


def _submit_at_once(work: Work, limit: int = 100) -> dict[int, object]:
    """Submit 1, then 2 to 5 while it is worked on."""
    group_commit: GroupCommit[int, int] = GroupCommit(work, size=lambda _: 1, limit=limit)
    results: dict[int, object] = {}

    def do(item: int) -> None:
        try:
            results[item] = group_commit.submit(item)
        except ValueError:
            results[item] = "raised"

    threads = [threading.Thread(target=do, args=(item,)) for item in range(1, 6)]
    threads[0].start()
    work.started.wait()
    for thread in threads[1:]:
        thread.start()
    while len(group_commit._waiting) < 4:
        threading.Event().wait(0.001)
    work.go.set()
    for thread in threads:
        thread.join()
    return results


def test_items_submitted_meanwhile_share_the_next_batch() -> None:
    work = Work()
    assert _submit_at_once(work) == {item: 2 * item for item in range(1, 6)}
    assert [sorted(batch) for batch in work.batches] == [[1], [2, 3, 4, 5]]


def test_a_batch_is_bounded() -> None:
    work = Work()
    assert _submit_at_once(work, limit=2) == {item: 2 * item for item in range(1, 6)}
    assert [len(batch) for batch in work.batches] == [1, 2, 2]


def test_an_item_larger_than_the_bound_is_served() -> None:
    assert GroupCommit[int, int](lambda items: [2 * item for item in items], size=lambda _: 9, limit=2).submit(1) == 2


def test_each_item_of_a_failed_batch_is_tried_alone() -> None:
    assert _submit_at_once(Work(spoilt_by=3)) == {1: 2, 2: None, 3: None, 4: None, 5: None}


def test_an_item_may_be_excluded_from_batches() -> None:
    assert _submit_at_once(Work(alone=3)) == {1: 2, 2: 4, 3: None, 4: 8, 5: 10}


def test_an_item_that_fails_alone_raises_its_own_error() -> None:
    assert _submit_at_once(Work(spoilt_by=1)) == {1: "raised", 2: 4, 3: 6, 4: 8, 5: 10}
