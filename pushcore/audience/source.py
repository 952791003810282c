"""The messages of an audience push: one for each device that meets its condition, a page of devices at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import structlog

from pushcore.audience.resolve import FoundDevice, Page, Part
from pushcore.audience.walks import condition_of
from pushcore.loading import pace
from pushcore.loading.messages import NewMessage, rows_of
from pushcore.loading.source import Source, TakenError
from pushcore.models import AudienceWalk, PushTask
from pushcore.storage import clock, ids

log = structlog.get_logger(__name__)


class _Entry(NamedTuple):
    """A device by its Ad-token."""

    target: str
    msgkey: str
    override: str | None = None


def messages_to(
    found: Sequence[FoundDevice], msgkey: str, override_of: Callable[[FoundDevice], str | None] = lambda _: None
) -> list[NewMessage]:
    """Make a message for each device. `override_of` returns what of the content is a device's own, as JSON."""
    message_ids = ids.new_ids(len(found)) if found else []
    return [
        (message_id, _Entry(device.ad_token, msgkey, override_of(device)), device.target)
        for message_id, device in zip(message_ids, found, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class PageBlock:
    """A page of devices, and the messages of those that meet the condition."""

    page: Page
    messages: Sequence[NewMessage]
    rows: bytes

    @property
    def targets(self) -> int:
        """The devices that meet the condition."""
        return len(self.messages)


class AudienceSource(Source[Page, PageBlock]):
    """The messages of an audience push. A device is looked at once, and gets the push if it meets the condition then.

    Idempotency keys are claimed when the push is accepted: its messages need none of their own.
    """

    load: AudienceWalk

    def __init__(self, walk: AudienceWalk) -> None:
        self.task = PushTask.objects.get(pk=walk.pk)
        self.load = walk
        self._walk = condition_of(walk).walk(walk.workspace_id, self.part())

    def part(self) -> Part | None:
        """Return which of the devices are walked; None for all."""
        return None

    def override_of(self, device: FoundDevice) -> str | None:
        """Return what of the content is a device's own, as JSON."""
        return None

    def read(self) -> Iterator[Page]:
        """Go on after the last device of the committed page."""
        return self._walk.pages(self.load.position, self.load.last_device_id)

    def prepare(self, read: Page) -> PageBlock:
        """Find the devices of a page that meet the condition."""
        at_most = pace.block_size(self.load)
        found = self._walk.find(read, at_most)
        if at_most and len(found) == at_most:  # the others of the page are looked at with the next block
            read = read._replace(end=found[-1].device_id)
        messages = messages_to(found, self.load.msgkey, self.override_of)
        return PageBlock(read, messages, rows_of(self.task, messages))

    def claim(self, block: PageBlock, now: datetime) -> PageBlock:
        """Return the block: its push has the claim."""
        return block

    def advance(self, block: PageBlock) -> None:
        """Move the position to the page's last device."""
        walk, page = self.load, block.page
        found = walk.found + len(block.messages)
        open_walk = AudienceWalk.objects.filter(pk=walk.pk, phase=walk.phase, position=page.after)
        if not open_walk.update(position=page.end, found=found):
            raise TakenError(f"audience {walk.pk} is walked by another worker")
        walk.found = found

    def finish(self) -> None:
        """Note that all devices were looked at, or that the push was revoked."""
        walk = self.load
        AudienceWalk.objects.filter(pk=walk.pk).update(finished_at=clock.now())
        log.info("audience walked", task=walk.pk, found=walk.found)
