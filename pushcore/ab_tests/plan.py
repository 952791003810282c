"""The plan of an A/B test: which device gets which variant, and until when the winner is decided. Without I/O.

Each device has a bucket, 0 to 99, by a hash of the task's id and its own. The first buckets are the first variant's, as
many as its share in percent, and so on; those that are left are the rest, which gets the winner. So a device's variant
is known without being stored. The database computes the same (`pushcore_ab_bucket`).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings

from pushcore.models import AbTest
from pushcore.push.requests import AudiencePush

BUCKETS = 100
# How long somebody has to decide, from when the push was accepted, beside the time of the test.
MANUAL = timedelta(days=7)
MIN_VARIANTS, MAX_VARIANTS = 2, 5
NAMES = "ABCDE"


def bucket_of(task_id: int, device_id: int) -> int:
    """Return the bucket of a device, as the database's `pushcore_ab_bucket` does."""
    digest = hashlib.sha256(struct.pack(">qq", task_id, device_id)).digest()
    return int.from_bytes(digest[:4], "big") % BUCKETS


class PlannedVariant(NamedTuple):
    """A variant: its share of the audience in percent, and what of the push's content is its own."""

    name: str
    share: int
    override: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TestPlan:
    """An A/B test as the push asks for it.

    Attributes:
        winner_by: What decides (`AbTest.WinnerBy`); empty where all of the audience is tested.
        test_seconds: After how many seconds the open rates decide; None where somebody does.
        require_significance: Whether somebody decides where the difference may be chance.
        expired_seconds: The validity of its messages.
    """

    __test__ = False  # no test of this code, whatever pytest takes the name for

    variants: Sequence[PlannedVariant]
    winner_by: str
    test_seconds: int | None
    require_significance: bool
    expired_seconds: int

    @classmethod
    def of(cls, request: AudiencePush, overrides: Sequence[Mapping[str, Any]]) -> TestPlan | None:
        """Return the plan of a push whose limits are checked; None of one without variants.

        Args:
            request: The push.
            overrides: What of the content is each variant's own.
        """
        if not request.variants:
            return None
        variants = [
            PlannedVariant(variant.name, variant.share, override)
            for variant, override in zip(request.variants, overrides, strict=True)
        ]
        whole = sum(variant.share for variant in variants) == BUCKETS
        return cls(
            variants,
            "" if whole else request.winner or AbTest.WinnerBy.OPENS,
            request.test_seconds,
            request.require_significance,
            request.expired_seconds,
        )

    @classmethod
    def kept_in(cls, test: AbTest) -> TestPlan:
        """Return the plan that a row keeps."""
        variants = [PlannedVariant(one["name"], one["share"], one["override"]) for one in test.variants]
        return cls(variants, test.winner_by, test.test_seconds, test.require_significance, test.expired_seconds)

    @property
    def tested_share(self) -> int:
        """How much of the audience is tested, in percent."""
        return sum(variant.share for variant in self.variants)

    def variant_in(self, bucket: int) -> PlannedVariant | None:
        """Return the variant that a bucket's devices test; None for the rest."""
        end = 0
        for variant in self.variants:
            end += variant.share
            if bucket < end:
                return variant
        return None

    def last_decision(self, accepted_at: datetime) -> datetime:
        """Return until when the winner has to be decided, of a push that was accepted at a time.

        The rest's messages are valid from then on, and a task is no older than messages may be valid.
        """
        if not self.winner_by:
            return accepted_at
        longest = timedelta(seconds=settings.MAX_EXPIRED_SECONDS - self.expired_seconds)
        return accepted_at + min(MANUAL + timedelta(seconds=self.test_seconds or 0), longest)
