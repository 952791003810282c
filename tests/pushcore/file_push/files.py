"""Contents of files, and the faults found in them."""

from __future__ import annotations

from collections.abc import Callable

from pushcore.models import FileFault, PushTask

CONTENT = {"title": "Hello #name#", "content": "Body", "url": ""}
Send = Callable[..., PushTask]


def lines_of(count: int, first: int = 0) -> str:
    """Return a file's lines for users and msgkeys numbered from `first` on."""
    return "".join(f"user{n},k{n},name=N{n}\n" for n in range(first, first + count))


def faults(task: PushTask) -> list[tuple[int, str]]:
    """Return the (line, reason) of each fault."""
    return list(FileFault.objects.filter(file_id=task.pk).values_list("line", "reason"))
