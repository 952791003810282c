"""Audience pushes in waves: devices are assigned to waves, and each wave is sent when its time comes.

A wave is the devices that get the push at the same moment, or from then on: one that is spread over a period is a
single wave, for its devices have to be counted first. Each device is looked at once, as in every audience push,
and becomes part of one wave by the time zone and the user that it has then (`pushcore.audience.wave_times`). So it gets
the push once, whatever zone it is in later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from django.db.models import F
from django.db.models.functions import Greatest

from pushcore.ab_tests import source as ab_tests
from pushcore.audience import wave_times
from pushcore.audience.resolve import FoundDevice, Page
from pushcore.audience.source import AudienceSource, messages_to
from pushcore.audience.walks import condition_of
from pushcore.loading import pace
from pushcore.loading.messages import NewMessage, rows_of
from pushcore.loading.source import Source, TakenError
from pushcore.models import AudienceWalk, AudienceWave, Device, PushTask
from pushcore.storage import clock

log = structlog.get_logger(__name__)


def source_of(walk: AudienceWalk) -> Source[Any, Any]:
    """Return what is to be done next of an audience push: its messages, or their waves first."""
    if walk.phase != AudienceWalk.Phase.WHOLE:
        return ab_tests.source_of(walk)
    if not walk.is_in_waves:
        return AudienceSource(walk)
    return WaveSource(walk) if walk.has_waves else AssigningSource(walk)


@dataclass(frozen=True, slots=True)
class AssignedPage:
    """A page of devices by the moments at which they get the push; it has no messages yet."""

    page: Page
    waves: Mapping[datetime, Sequence[int]]
    messages: Sequence[NewMessage] = ()
    rows: bytes = b""
    targets: int = 0


class AssigningSource(Source[Page, AssignedPage]):
    """Assigns the devices that meet the condition to waves, a page at a time."""

    load: AudienceWalk

    def __init__(self, walk: AudienceWalk) -> None:
        self.task = PushTask.objects.select_related("workspace").get(pk=walk.pk)
        self.load = walk
        self._walk = condition_of(walk).walk(walk.workspace_id)
        self._moments = wave_times.moments_of(walk, self.task.workspace)

    def read(self) -> Iterator[Page]:
        """Go on after the last device of the committed page."""
        return self._walk.pages(self.load.position, self.load.last_device_id)

    def prepare(self, read: Page) -> AssignedPage:
        """Find the devices of a page that meet the condition, and when it is the time where they are."""
        waves: dict[datetime, list[int]] = defaultdict(list)
        found = self._walk.find(read)
        moments = self._moments([(device.device_id, device.time_zone) for device in found])
        for device, at in zip(found, moments, strict=True):
            waves[at].append(device.device_id)
        return AssignedPage(read, waves)

    def claim(self, block: AssignedPage, now: datetime) -> AssignedPage:
        """Return the page: its push has the claim."""
        return block

    def advance(self, block: AssignedPage) -> None:
        """Keep the page's part of the waves, and move the position to its last device."""
        walk, page = self.load, block.page
        found = walk.found + sum(map(len, block.waves.values()))
        open_walk = AudienceWalk.objects.filter(pk=walk.pk, position=page.after)
        if not open_walk.update(position=page.end, found=found):
            raise TakenError(f"audience {walk.pk} is walked by another worker")
        AudienceWave.objects.bulk_create(
            [AudienceWave(walk=walk, at=at, devices=devices) for at, devices in sorted(block.waves.items())]
        )
        walk.found = found

    def finish(self) -> None:
        """Note that all devices are assigned, and when the first wave begins."""
        AudienceWalk.objects.filter(pk=self.load.pk).update(has_waves=True)
        log.info("audience assigned to waves", task=self.load.pk, found=self.load.found)
        _wait_for_next(self.load)

    def abandon(self) -> None:
        """Forget the waves."""
        _abandon(self.load)


class WavePart(NamedTuple):
    """Some of a wave's devices, of one row.

    Attributes:
        row_id: The row.
        start: How many of the row's devices come before these.
        devices: Their ids.
        is_last: Whether these are the row's last ones.
    """

    row_id: int
    start: int
    devices: Sequence[int]
    is_last: bool


@dataclass(frozen=True, slots=True)
class WaveBlock:
    """Some devices of a wave, and their messages."""

    part: WavePart
    messages: Sequence[NewMessage]
    rows: bytes

    @property
    def targets(self) -> int:
        """The devices, also those that are removed."""
        return len(self.part.devices)


class WaveSource(Source[WavePart, WaveBlock]):
    """The messages of the first wave that has begun. They are valid from its beginning for as long as the push says."""

    load: AudienceWalk

    def __init__(self, walk: AudienceWalk) -> None:
        self.task = PushTask.objects.get(pk=walk.pk)
        self.load = walk
        # None where a worker died, or the pace had it wait, between the end of a wave and the note of the next.
        first = walk.waves.filter(at__lte=clock.now()).order_by("at", "pk").first()
        self._at = first.at if first else None
        if self._at is not None:
            last = wave_times.last_moment_of(walk)
            # The task is valid until the last wave's messages are not; the copy here is what this wave's are made of.
            self.task.expire_at -= last - self._at

    def read(self) -> Iterator[WavePart]:
        """Read the wave's devices that have no message yet."""
        if self._at is None:
            return
        after = 0
        while row := self.load.waves.filter(at=self._at, pk__gt=after).order_by("pk").first():
            after, start = row.pk, row.position
            end = min(start + (pace.block_size(self.load) or len(row.devices)), len(row.devices))
            yield WavePart(row.pk, start, row.devices[start:end], end == len(row.devices))

    def prepare(self, read: WavePart) -> WaveBlock:
        """Find out how the devices are reached now; those that were removed meanwhile get nothing."""
        rows = Device.objects.filter(workspace=self.load.workspace_id, pk__in=read.devices).order_by("pk")
        found = [FoundDevice._make(row) for row in rows.values_list("id", *FoundDevice._fields[1:])]
        messages = messages_to(found, self.load.msgkey)
        return WaveBlock(read, messages, rows_of(self.task, messages))

    def claim(self, block: WaveBlock, now: datetime) -> WaveBlock:
        """Return the block: its push has the claim."""
        return block

    def advance(self, block: WaveBlock) -> None:
        """Note that the devices have their messages; of a row all of whose devices have theirs nothing is kept."""
        part = block.part
        untouched = AudienceWave.objects.filter(pk=part.row_id, position=part.start)
        end = part.start + len(part.devices)
        if not (untouched.delete()[0] if part.is_last else untouched.update(position=end)):
            raise TakenError(f"a wave of audience {self.load.pk} is sent by another worker")

    def finish(self) -> None:
        """Wait for the next wave; after the last one, note that there is none."""
        _wait_for_next(self.load)

    def abandon(self) -> None:
        """Forget the waves that are to come."""
        _abandon(self.load)


def _wait_for_next(walk: AudienceWalk) -> None:
    following = walk.waves.order_by("at").values_list("at", flat=True).first()
    mine = AudienceWalk.objects.filter(pk=walk.pk)
    if following is None:
        mine.update(finished_at=clock.now())
        log.info("audience walked", task=walk.pk, found=walk.found)
    else:
        # What a callback granted was for the wave before.
        mine.update(not_before=Greatest(F("not_before"), following), granted=0)


def _abandon(walk: AudienceWalk) -> None:
    walk.waves.all().delete()
    AudienceWalk.objects.filter(pk=walk.pk).update(finished_at=clock.now())
