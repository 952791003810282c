"""A file is kept, inspected, then pushed once, as the console does."""

from __future__ import annotations

import io
from typing import Any

import pytest

from pushcore.codes.results import ResultError
from pushcore.file_push import inspection, upload
from pushcore.loading import load
from pushcore.models import FileImport, PushTask, Workspace
from pushcore.models.pushes import DeliveryType
from pushcore.push.requests import FilePush
from tests.pushcore.file_push.files import lines_of


def keep(workspace: Workspace, text: str) -> FileImport:
    """Upload a file without pushing it."""
    return upload.keep(workspace, io.BytesIO(text.encode()).read)


def push_of(file: FileImport, **changes: Any) -> FilePush:
    """Return a request to push the file; `changes` override its fields."""
    fields: dict[str, Any] = {"delivery_type": 3, "expired_seconds": 300, "template_name": "hello"}
    return FilePush(sha256=file.sha256, **(fields | changes))


BY_CONSOLE: dict[str, Any] = {"source": PushTask.Source.CONSOLE, "author": "operator"}


@pytest.mark.usefixtures("upload_file", "small_blocks")
def test_a_kept_file_is_inspected_without_pushing_it(workspace: Workspace) -> None:
    file = keep(workspace, lines_of(5) + "bad\n" + lines_of(200, 5) + "too,many," + "x" * 250 + "\n")
    found = inspection.inspect(file, upload.content_of(workspace, push_of(file)).shared, DeliveryType.USER)
    assert (found.records, found.faults) == (205, 2)
    assert [(record.line, record.title) for record in found.first_records] == [
        *((n + 1, f"Hello N{n}") for n in range(5)),
        *((n + 2, f"Hello N{n}") for n in range(5, 10)),
    ]
    assert [fault.line for fault in found.first_faults] == [6, 207]
    assert load.load_all() == 0
    assert not PushTask.objects.exists()


@pytest.mark.usefixtures("upload_file")
def test_a_kept_file_is_pushed_once(workspace: Workspace) -> None:
    file = keep(workspace, lines_of(3))
    task = upload.push(workspace, push_of(file), file, **BY_CONSOLE)
    assert upload.push(workspace, push_of(file), file, **BY_CONSOLE) == task
    with pytest.raises(ResultError, match="pushed already"):
        upload.push(workspace, push_of(file, expired_seconds=301), file, **BY_CONSOLE)
    again = keep(workspace, lines_of(3))
    assert upload.push(workspace, push_of(again), again, **BY_CONSOLE) == task
    assert not FileImport.objects.filter(pk=again.pk).exists()
    assert load.load_all() == 3


@pytest.mark.usefixtures("upload_file")
def test_a_refused_push_leaves_the_kept_file(workspace: Workspace) -> None:
    file = keep(workspace, lines_of(3))
    for changes in ({"expired_seconds": 0}, {"template_name": "unknown"}):
        with pytest.raises(ResultError):
            upload.push(workspace, push_of(file, **changes), file, **BY_CONSOLE)
    assert upload.push(workspace, push_of(file), file, **BY_CONSOLE).pk == file.pk
