"""The messages of a file: a block of lines becomes messages with their claims, and faults."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from pushcore.audience import aliases
from pushcore.file_push import blocks, sentences
from pushcore.file_push.records import MAX_RECORD, Fault, Lines, ParsedLines, Reader, Record
from pushcore.loading import pace
from pushcore.loading.messages import rows_of
from pushcore.loading.source import Source, TakenError
from pushcore.models import FileChunk, FileFault, FileImport, PushTask
from pushcore.models.pushes import DeliveryType
from pushcore.push.idempotency import claim_digests
from pushcore.push.targets import ResolvedTarget, Target, of_other_platforms, resolve
from pushcore.storage import clock, ids

log = structlog.get_logger(__name__)

MAX_FAULTS = 1000

# A message to be inserted: its id, its record, and the device it goes to, if any.
_RecordMessage = tuple[int, Record, ResolvedTarget | None]


@dataclass(frozen=True, slots=True)
class FileBlock:
    """Some lines of a file: the messages they become, and what is wrong with the others."""

    lines: Lines
    records: Sequence[Record]
    faults: Sequence[Fault]
    messages: Sequence[_RecordMessage]
    rows: bytes

    @property
    def targets(self) -> int:
        """The lines."""
        return self.lines.last - self.lines.first + 1


class FileSource(Source[Lines, FileBlock]):
    """The messages of a file's push."""

    load: FileImport

    def __init__(self, file: FileImport) -> None:
        self.task = PushTask.objects.get(pk=file.pk)
        self.load = file
        # Every occurrence of a schedule pushes the same msgkeys; within one of them each counts once.
        scope = f"{self.task.workspace_id}/{self.task.pk}" if file.scheduled else self.task.workspace_id
        options = {name: value for name, value in self.task.options.items() if name != "androidChannel"}
        self._reader = Reader(scope, self.task.content, self.task.delivery_type, options, file.variables)

    def read(self) -> Iterator[Lines]:
        """Read on from the committed position, in blocks of whole lines; where there is a pace, one of few lines."""
        read = blocks.lines_of(self.load)
        if at_most := pace.block_size(self.load):
            return (blocks.first_of(lines, at_most) for lines in itertools.islice(read, 1))
        return read

    def prepare(self, read: Lines) -> FileBlock:
        """Parse lines, and resolve their targets."""
        task, parsed = self.task, self._reader.read(read)
        if task.delivery_type == DeliveryType.USER:
            users = aliases.users_of(task.workspace, [record.target for record in parsed.records])
            if users:
                self._reader.rename(parsed, users)
        messages = _messages_of(task, parsed)
        return FileBlock(read, parsed.records, parsed.faults, messages, rows_of(task, messages))

    def claim(self, block: FileBlock, now: datetime) -> FileBlock:
        """Claim every record's target and msgkey; those that were claimed before become faults."""
        taken = claim_digests([record.digest for record in block.records], task_id=self.task.pk, now=now)
        if not taken:
            return block
        repeated = [_fault(record, sentences.USED) for record in block.records if record.digest in taken]
        messages = [message for message in block.messages if message[1].digest not in taken]
        return replace(
            block,
            records=[record for record in block.records if record.digest not in taken],
            faults=[*block.faults, *repeated],
            messages=messages,
            rows=rows_of(self.task, messages),
        )

    def advance(self, block: FileBlock) -> None:
        """Move the position over the block's lines, and keep its faults."""
        file = self.load
        accepted, rejected = file.accepted + len(block.records), file.rejected + len(block.faults)
        moved = FileImport.objects.filter(pk=file.pk, position=block.lines.start).update(
            position=block.lines.end, line=block.lines.last, accepted=accepted, rejected=rejected
        )
        if not moved:
            raise TakenError(f"file {file.pk} is read by another worker")
        _keep_faults(file, sorted(block.faults))
        file.accepted, file.rejected = accepted, rejected

    def finish(self) -> None:
        """Note that the whole file is loaded, and delete its bytes."""
        file = self.load
        FileImport.objects.filter(pk=file.pk).update(finished_at=clock.now())
        FileChunk.objects.filter(file_id=file.pk).delete()
        log.info("file read", task=file.pk, accepted=file.accepted, rejected=file.rejected)


def _fault(record: Record, reason: str) -> Fault:
    """Make the fault of a record that was read well and becomes no message."""
    return Fault(record.line, reason, f"{record.target},{record.msgkey}"[:MAX_RECORD])


def _messages_of(task: PushTask, parsed: ParsedLines) -> list[_RecordMessage]:
    """Make a message for each device of each record's target, or one without a device if there is none.

    Records of devices of another platform, which would never get theirs, become faults.
    """
    targets = list({record.target for record in parsed.records})
    resolved = resolve(task.workspace, DeliveryType(task.delivery_type), targets) if targets else {}
    _refuse_other_platforms(task, parsed, {target for target in targets if target not in resolved})
    wanted = [(record, device) for record in parsed.records for device in resolved.get(record.target) or (None,)]
    message_ids = ids.new_ids(len(wanted)) if wanted else []
    return [(message_id, *pair) for message_id, pair in zip(message_ids, wanted, strict=True)]


def _refuse_other_platforms(task: PushTask, parsed: ParsedLines, unmet: Collection[str]) -> None:
    found = of_other_platforms(Target(task.workspace_id, task.delivery_type, target) for target in unmet)
    if not found:
        return
    others = {target.name for target in found}
    refused = [record for record in parsed.records if record.target in others]
    parsed.records = [record for record in parsed.records if record.target not in others]
    parsed.faults += [_fault(record, sentences.OTHER_PLATFORM) for record in refused]


def _keep_faults(file: FileImport, faults: Sequence[Fault]) -> None:
    """Keep the first faults of a file, of which `file` has not counted these yet."""
    room = max(0, MAX_FAULTS - file.rejected)
    FileFault.objects.bulk_create(
        [FileFault(file=file, line=fault.line, reason=fault.reason, record=fault.record) for fault in faults[:room]]
    )
