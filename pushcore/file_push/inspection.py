"""Summarise a kept file for whoever decides about its push; nothing is written or sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pushcore.file_push.blocks import lines_of
from pushcore.file_push.records import Fault, Reader, Record
from pushcore.models import FileImport

SHOWN_RECORDS = 10
SHOWN_FAULTS = 50
# Records whose devices may be looked up to estimate the audience.
SAMPLED_RECORDS = 1000


class RecordPreview(NamedTuple):
    """A record as its target would see it."""

    line: int
    target: str
    msgkey: str
    title: str
    body: str


@dataclass(slots=True)
class Inspection:
    """Counts of a whole file, with its first records (shown, and as they are) and its first faulty lines.

    A record that repeats one of a distant line, or of an earlier push, counts as good here; it is refused when the file
    is loaded.
    """

    records: int = 0
    faults: int = 0
    first_records: list[RecordPreview] = field(default_factory=list)
    first_faults: list[Fault] = field(default_factory=list)
    sample: list[Record] = field(default_factory=list)


def inspect(
    file: FileImport, content: Mapping[str, Any], delivery_type: int, variables: Sequence[str] | None = None
) -> Inspection:
    """Read the whole file.

    Args:
        file: The kept file.
        content: The content of the task it would become, with placeholders.
        delivery_type: The delivery type of that task.
        variables: The names of the placeholders (`Template.variables`).
    """
    inspection, reader = Inspection(), Reader(file.workspace_id, dict(content), delivery_type, variables=variables)
    for lines in lines_of(file):
        block = reader.read(lines)
        wanted = SHOWN_RECORDS - len(inspection.first_records)
        inspection.first_records += [_shown(record, content) for record in block.records[:wanted]]
        inspection.first_faults += block.faults[: SHOWN_FAULTS - len(inspection.first_faults)]
        inspection.sample += block.records[: SAMPLED_RECORDS - len(inspection.sample)]
        inspection.records += len(block.records)
        inspection.faults += len(block.faults)
    return inspection


def _shown(record: Record, content: Mapping[str, Any]) -> RecordPreview:
    merged = {**content, **(json.loads(record.override) if record.override else {})}
    return RecordPreview(record.line, record.target, record.msgkey, merged["title"], merged["content"])
