"""Read a kept file: its chunks, and blocks of whole lines."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from django.db import connection

from pushcore.file_push.records import Lines
from pushcore.models import FileChunk, FileImport

# Size of a chunk in bytes; only a file's last one is smaller.
CHUNK = 1 << 20
# Least size of a block in bytes: some seven thousand records of usual length.
BLOCK = 3 << 17
KEPT_OF_LINE = 2000
_LINE_END = re.compile(rb"\r\n|\r|\n")


def lines_of(file: FileImport) -> Iterator[Lines]:
    """Read the file from its position on, in blocks of about `BLOCK` bytes of whole lines.

    Of a line that does not end only the beginning is kept; it is too long for a record in any case.
    """
    start, first, rest, dropped = file.position, file.line + 1, b"", 0
    for data, is_last in _chunks(file.pk, file.position):
        rest += data
        cut = len(rest) if is_last else _end_of_lines(rest)
        if cut and (is_last or cut >= BLOCK or len(rest) - cut >= BLOCK):
            lines = Lines(start, start + cut + dropped, first, rest[:cut])
            yield lines
            start, first, rest, dropped = lines.end, lines.last + 1, rest[cut:], 0
        if len(rest) >= max(2 * BLOCK, KEPT_OF_LINE + 1):
            # The end of the line, if that is what came last, is no part of what is dropped.
            kept = rest[:KEPT_OF_LINE] + (b"\r" if rest.endswith(b"\r") else b"")
            dropped += len(rest) - len(kept)
            rest = kept


def first_of(lines: Lines, count: int) -> Lines:
    """Return the first lines of a block."""
    ends = itertools.islice(_LINE_END.finditer(lines.data), count - 1, None)
    cut = next((end.end() for end in ends), len(lines.data))
    return lines._replace(end=lines.end - (len(lines.data) - cut), data=lines.data[:cut])


def _end_of_lines(data: bytes) -> int:
    """Return where the last whole line ends. A carriage return at the very end may be followed by a line feed."""
    return max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - data.endswith(b"\r"))) + 1


def copy(file_id: int, copy_id: int) -> None:
    """Give a file the bytes of another, in the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO pushcore_filechunk (file_id, number, data)"
            " SELECT %s, number, data FROM pushcore_filechunk WHERE file_id = %s",
            [copy_id, file_id],
        )


def _chunks(file_id: int, position: int) -> Iterator[tuple[bytes, bool]]:
    """Read the bytes of a file from `position` on; yield them with whether they are the last."""
    count = FileChunk.objects.filter(file_id=file_id).count()
    for number in range(position // CHUNK, count):
        data = bytes(FileChunk.objects.values_list("data", flat=True).get(file_id=file_id, number=number))
        skipped = position % CHUNK if number == position // CHUNK else 0
        for start in range(skipped, len(data), BLOCK):
            yield data[start : start + BLOCK], number == count - 1 and start + BLOCK >= len(data)
