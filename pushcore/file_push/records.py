"""Parse the lines of a file of targets: `target,msgkey,placeholder=value,...` (source document, 6.1.3). Without I/O.

UTF-8, a record a line, 1 to 250 characters. Lines end in LF, CR LF or CR; blank ones are passed over, and so are empty
fields at a line's end. A field that holds a comma stands in double quotes, as in CSV.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pushcore.codes.results import ResultError
from pushcore.file_push import sentences
from pushcore.http.percent_encoding import percent_encode
from pushcore.push import limits
from pushcore.push.placeholders import text_pattern, url_pattern
from pushcore.push.recipients import check_target

MAX_RECORD = 250
# Bytes of a character in UTF-8 at most.
_MOST_BYTES = 4

_quoted = json.encoder.encode_basestring


class Record(NamedTuple):
    """A line that becomes messages.

    `digest` is its claim in hexadecimal (`pushcore.push.idempotency`), `override` its own content as JSON, or None.
    """

    line: int
    target: str
    msgkey: str
    digest: str
    override: str | None


class Fault(NamedTuple):
    """A line that becomes no message, and why."""

    line: int
    reason: str
    record: str


class Lines(NamedTuple):
    """Whole lines of a file, undecoded.

    `start` and `end` are positions in the file, in bytes; `first` is the number of the first line.
    """

    start: int
    end: int
    first: int
    data: bytes

    @property
    def last(self) -> int:
        """The number of the last line."""
        data = self.data
        ends = data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
        return self.first - 1 + ends + (not data.endswith((b"\n", b"\r")))


@dataclass(slots=True)
class ParsedLines:
    """What lines say: records, and faults."""

    lines: Lines
    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Reader:
    """Parse the lines of one push.

    Args:
        scope: Where a msgkey counts: the workspace's id, or what stands for one push alone.
        content: The task's content, with placeholders in title, content and url.
        delivery_type: What the targets are.
        options: Vendor options, which count towards the size of a payload.
        variables: The names of the placeholders (`Template.variables`); None for all that look like one.
    """

    def __init__(
        self,
        scope: int | str,
        content: dict[str, Any],
        delivery_type: int,
        options: Mapping[str, Any] | None = None,
        variables: Sequence[str] | None = None,
    ) -> None:
        self._scope = str(scope)
        self._delivery_type = delivery_type
        self._content = content
        self._options = options or {}
        # A message's own content of so many characters fits, whatever they are.
        self._surely_fits = (limits.MAX_PAYLOAD_BYTES - limits.payload_bytes(content, options)) // _MOST_BYTES
        known = None if variables is None else tuple(variables)
        self._places, self._format = _override_format(content, known)
        texts = (text_pattern(content[name], known) for name in ("title", "content"))
        # Names of which one at least needs a value that shows.
        self._not_all_blank = [pattern.names for pattern in texts if pattern.may_be_blank]

    def read(self, lines: Lines) -> ParsedLines:
        """Parse lines. Never raises: each line is a record or a fault.

        The file is known to be UTF-8, except for lines that were cut short.
        """
        block, seen = ParsedLines(lines), set[str]()
        text = lines.data.decode("utf-8-sig" if lines.start == 0 else "utf-8", "replace")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        for number, line in enumerate(text.split("\n"), lines.first):
            if not line.strip():
                continue
            try:
                record = self._record(number, line)
            except _UnreadableError as fault:
                block.faults.append(Fault(number, str(fault)[:200], line.replace("\0", "")[:MAX_RECORD]))
                continue
            if record.digest in seen:
                block.faults.append(Fault(number, sentences.REPEATED, line))
                continue
            seen.add(record.digest)
            block.records.append(record)
        return block

    def rename(self, block: ParsedLines, names: Mapping[str, str]) -> None:
        """Put other targets in the place of some, by name; a msgkey that a target then has twice is a fault."""
        records, block.records, seen = block.records, [], set[str]()
        for record in records:
            if (target := names.get(record.target)) is not None:
                record = record._replace(target=target, digest=self._digest(target, record.msgkey))
            if record.digest in seen:
                fault = f"{record.target},{record.msgkey}"[:MAX_RECORD]
                block.faults.append(Fault(record.line, sentences.REPEATED, fault))
                continue
            seen.add(record.digest)
            block.records.append(record)

    def _digest(self, target: str, msgkey: str) -> str:
        """Return a record's claim, as `IdempotencyKey.digest`, in hexadecimal."""
        text = f"{self._scope}:{len(target)}:{target}:{msgkey}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _record(self, number: int, line: str) -> Record:
        if len(line) > MAX_RECORD:
            raise _UnreadableError(sentences.TOO_LONG % {"most": MAX_RECORD})
        if "\0" in line:
            raise _UnreadableError(sentences.NUL)
        fields = _fields(line) if '"' in line else line.split(",")
        # Spreadsheets write commas for cells that are empty in this row.
        while len(fields) > 2 and not fields[-1].strip():
            fields.pop()
        if len(fields) < 2:
            raise _UnreadableError(sentences.TOO_FEW_FIELDS)
        msgkey = fields[1]
        try:
            target = check_target(self._delivery_type, fields[0], msgkey)
        except ResultError as error:
            raise _UnreadableError(error.message) from None
        digest = self._digest(target, msgkey)
        return Record(number, target, msgkey, digest, self._override(fields) if self._places else None)

    def _override(self, fields: list[str]) -> str:
        """Return the message's own content as JSON; values are the fields from the third on."""
        values = {}
        for pair in fields[2:]:
            name, equals, value = pair.partition("=")
            if not equals:
                raise _UnreadableError(sentences.NO_PLACEHOLDER % {"field": repr(pair[:50])})
            values[name] = value
        try:
            override = self._format % tuple(
                [
                    percent_encode(values[name]) if encoded else _quoted(values[name])[1:-1]
                    for name, encoded in self._places
                ]
            )
        except KeyError as missing:
            raise _UnreadableError(sentences.NO_VALUE % {"name": repr(missing.args[0])}) from None
        if any(not "".join([values[name] for name in names]).strip() for names in self._not_all_blank):
            raise _UnreadableError(sentences.NOTHING_LEFT)
        if len(override) > self._surely_fits:
            try:
                limits.check_payload(self._content | json.loads(override), self._options)
            except ResultError as error:
                raise _UnreadableError(error.message) from None
        return override


def _override_format(content: dict[str, Any], known: tuple[str, ...] | None) -> tuple[list[tuple[str, bool]], str]:
    """Compile the content fields that have placeholders into one %-format of JSON.

    Returns:
        The placeholders' names in order, each with whether its value is percent-encoded (which leaves JSON nothing to
        escape); and the format, which takes the values as JSON text without quotes.
    """
    places: list[tuple[str, bool]] = []
    members: list[str] = []
    for field_name, pattern_of in (("title", text_pattern), ("content", text_pattern), ("url", url_pattern)):
        pattern = pattern_of(content[field_name], known)
        if pattern.names:
            places += zip(pattern.names, pattern.encoded, strict=True)
            texts = [_quoted(text)[1:-1].replace("%", "%%") for text in pattern.texts]
            members.append(f'"{field_name}":"{"%s".join(texts)}"')
    return places, "{" + ",".join(members) + "}"


class _UnreadableError(Exception):
    """A line cannot become a message; the text says why."""


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise _UnreadableError(sentences.QUOTES % {"reason": error}) from None
