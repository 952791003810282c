"""The messages of an A/B test: those of the test group, then the decision, then those of the rest.

The audience is walked twice by the same condition. Each device is part of one walk by its bucket, whatever it meets
meanwhile: so it gets the push once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NoReturn

import structlog

from pushcore.ab_tests import decision
from pushcore.ab_tests.plan import BUCKETS, TestPlan, bucket_of
from pushcore.audience.resolve import FoundDevice, Part
from pushcore.audience.source import AudienceSource
from pushcore.loading.source import Source
from pushcore.models import AbTest, AudienceWalk, PushTask
from pushcore.storage import clock

log = structlog.get_logger(__name__)


def source_of(walk: AudienceWalk) -> Source[Any, Any]:
    """Return what is to be done next of a push with variants."""
    return _SOURCES[AudienceWalk.Phase(walk.phase)](walk)


class GroupSource(AudienceSource):
    """The messages of a part of the audience, each with its variant's content."""

    def __init__(self, walk: AudienceWalk) -> None:
        self.test = walk.ab_test
        self.plan = TestPlan.kept_in(self.test)
        self._override = _override_texts(self.plan)
        super().__init__(walk)
        # Its messages' copy: that of the task itself ends with the rest's validity, whenever it is decided.
        begun = self.test.decided_at or self.task.created_at
        self.task.expire_at = begun + timedelta(seconds=self.test.expired_seconds)


class TestGroupSource(GroupSource):
    """The messages of the test group."""

    __test__ = False

    def part(self) -> Part:
        """Return the buckets of the variants."""
        return Part(self.load.pk, 0, self.plan.tested_share)

    def override_of(self, device: FoundDevice) -> str | None:
        """Return what is the device's variant's own."""
        variant = self.plan.variant_in(bucket_of(self.load.pk, device.device_id))
        return self._override[variant.name] if variant else None

    def finish(self) -> None:
        """Wait for the decision; where all of the audience is tested, note that all have the push."""
        test, now = self.test, clock.now()
        AbTest.objects.filter(pk=test.pk, tested_at__isnull=True).update(tested_at=now)
        testing = AudienceWalk.objects.filter(pk=test.pk, phase=AudienceWalk.Phase.TEST)
        if not test.winner_by:
            testing.update(finished_at=now)
            return
        decides_at = None
        if test.test_seconds is not None:
            decides_at = min(now + timedelta(seconds=test.test_seconds), test.decide_by)
        if testing.update(phase=AudienceWalk.Phase.DECISION, not_before=decides_at or test.decide_by):
            AbTest.objects.filter(pk=test.pk).update(decides_at=decides_at)
        log.info("A/B test has its messages", task=test.pk, found=self.load.found)

    def abandon(self) -> None:
        """Note that the rest shall get nothing either."""
        super().finish()


class RestSource(GroupSource):
    """The messages of the rest: the winner's content, valid from the decision on."""

    def part(self) -> Part:
        """Return the buckets that no variant has."""
        return Part(self.load.pk, self.plan.tested_share, BUCKETS)

    def override_of(self, device: FoundDevice) -> str | None:
        """Return what is the winner's own."""
        return self._override[self.test.winner]


class DecidingSource(Source[NoReturn, NoReturn]):
    """Has no messages: at its end the winner is decided."""

    load: AudienceWalk

    def __init__(self, walk: AudienceWalk) -> None:
        self.task = PushTask.objects.get(pk=walk.pk)
        self.load = walk

    def read(self) -> Iterator[NoReturn]:
        """Read nothing."""
        return iter(())

    def prepare(self, read: NoReturn) -> NoReturn:
        """Never called, as nothing is read."""
        raise NotImplementedError

    def claim(self, block: NoReturn, now: object) -> NoReturn:
        """Never called, as nothing is read."""
        raise NotImplementedError

    def advance(self, block: NoReturn) -> None:
        """Never called, as nothing is read."""
        raise NotImplementedError

    def finish(self) -> None:
        """Decide, or note that somebody has to, or that nobody has."""
        decision.decide_due(self.load)


def _override_texts(plan: TestPlan) -> Mapping[str, str | None]:
    """Return the overrides of variants as messages keep them; None where a variant is the push as it is."""
    return {
        variant.name: json.dumps(variant.override, ensure_ascii=False) if variant.override else None
        for variant in plan.variants
    }


_SOURCES: Mapping[AudienceWalk.Phase, Callable[[AudienceWalk], Source[Any, Any]]] = {
    AudienceWalk.Phase.TEST: TestGroupSource,
    AudienceWalk.Phase.DECISION: DecidingSource,
    AudienceWalk.Phase.REST: RestSource,
}
