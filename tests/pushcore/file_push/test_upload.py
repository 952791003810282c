"""A file that cannot be accepted is refused by name and leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from pushcore.codes.results import ResultCode, ResultError
from pushcore.file_push import upload
from pushcore.models import FileChunk, FileImport, PushTask, Workspace
from pushcore.push.requests import FilePush
from tests.pushcore.file_push.files import Send


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_utf_16_is_refused_by_name(upload_file: Send, encoding: str) -> None:
    with pytest.raises(ResultError, match="UTF-16") as refused:
        upload_file("ann,k1,name=Ann\n".encode(encoding))
    assert refused.value.result is ResultCode.REQUEST_SHOULD_BE_UTF8
    assert not FileImport.objects.exists()


@pytest.mark.parametrize(
    ("data", "changes", "result"),
    [
        (b"", {}, ResultCode.NEED_FILE),
        (b"ann,k1,name=\xff\n", {}, ResultCode.REQUEST_SHOULD_BE_UTF8),
        (b"ann,k1,name=\xc3", {}, ResultCode.REQUEST_SHOULD_BE_UTF8),
        (b"ann,k1\n", {"sha256": "0" * 64}, ResultCode.SIGNATURE_MISMATCH),
        (b"ann,k1\n", {"sha256": "xyz"}, ResultCode.INVALID_PARAM),
        (b"ann,k1\n", {"template_name": ""}, ResultCode.NEED_TEMPLATE),
        (b"ann,k1\n", {"template_name": "none"}, ResultCode.TEMPLATE_NOT_EXIST),
        (b"ann,k1\n", {"delivery_type": 10}, ResultCode.DELIVERY_TYPE_NOT_SUPPORTED),
        (b"ann,k1\n", {"expired_seconds": 0}, ResultCode.EXPIREDSECONDS_WRONG),
        (b"ann,k1\n", {"extended_params": {"taskId": "x"}}, ResultCode.INVALID_EXTEND_PARAM),
    ],
)
def test_a_refused_file_leaves_nothing(
    upload_file: Send, data: bytes, changes: dict[str, Any], result: ResultCode
) -> None:
    with pytest.raises(ResultError) as refused:
        upload_file(data, **changes)
    assert refused.value.result is result
    assert not PushTask.objects.exists()
    assert not FileImport.objects.exists()
    assert not FileChunk.objects.exists()


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_a_file_beyond_the_size_limit_is_refused(upload_file: Send, settings: Any, size: int, fits: bool) -> None:
    settings.MAX_FILE_BYTES = 100
    data = b"ann,k1,name=".ljust(size, b"x")
    if fits:
        upload_file(data)
    else:
        with pytest.raises(ResultError) as refused:
            upload_file(data)
        assert refused.value.result is ResultCode.MSG_PAYLOAD_TOO_LONG


def test_a_sender_that_goes_away_leaves_nothing(upload_file: Send, workspace: Workspace) -> None:
    def broken(_size: int) -> bytes:
        raise ConnectionResetError

    request = FilePush(delivery_type=3, expired_seconds=300, template_name="hello", sha256="0" * 64)
    with pytest.raises(ConnectionResetError):
        upload.receive(workspace, request, broken, source=PushTask.Source.REST, author="")
    assert not FileImport.objects.exists()
