"""What became of each variant of an A/B test, and whether the best one is better than chance makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pushcore.ab_tests import significance
from pushcore.ab_tests.plan import TestPlan
from pushcore.models import AbTest, PushTask
from pushcore.ports import CoreIndex, analysis


@dataclass(frozen=True)
class VariantResult:
    """The numbers of a variant in the test group, or of the rest (whose `name` is empty).

    Attributes:
        share: Of the audience, in percent.
        index: Its numbers; its open rate is another one here.
    """

    name: str
    share: int
    index: CoreIndex

    @property
    def delivered(self) -> int:
        """How many messages a device has taken, or the service of its vendor, which may not tell what arrived."""
        return max(self.index.succeeded, self.index.opened)

    @property
    def rate(self) -> float:
        """Opened of delivered, as a part of one."""
        return self.index.opened / self.delivered if self.delivered else 0.0

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Between which bounds the open rate is with 95 % confidence, as parts of one."""
        return significance.wilson_interval(self.index.opened, self.delivered)


@dataclass(frozen=True)
class Comparison:
    """The best variant and the second.

    Attributes:
        chance: How likely chance alone makes a difference as large as theirs.
    """

    best: VariantResult
    second: VariantResult
    chance: float

    @property
    def is_significant(self) -> bool:
        """Whether chance alone hardly makes such a difference."""
        return self.chance < significance.LEVEL

    @property
    def is_tie(self) -> bool:
        """Whether there is no difference."""
        return self.best.rate == self.second.rate


@dataclass(frozen=True)
class TestResults:
    """The numbers of an A/B test now."""

    __test__ = False

    variants: Sequence[VariantResult]
    rest: VariantResult | None

    @classmethod
    def of(cls, task: PushTask, test: AbTest) -> TestResults:
        """Count them from the rows of the task's messages and events."""
        return cls.from_buckets(TestPlan.kept_in(test), analysis().index_by_bucket(task))

    @classmethod
    def from_buckets(cls, plan: TestPlan, by_bucket: Mapping[int, CoreIndex]) -> TestResults:
        """Add up the numbers of buckets."""
        sums = {variant.name: [0] * len(CoreIndex.__dataclass_fields__) for variant in plan.variants}
        of_rest = [0] * len(CoreIndex.__dataclass_fields__)
        for bucket, index in by_bucket.items():
            variant = plan.variant_in(bucket)
            total = sums[variant.name] if variant else of_rest
            for place, name in enumerate(CoreIndex.__dataclass_fields__):
                total[place] += getattr(index, name)
        rest = 100 - plan.tested_share
        return cls(
            [VariantResult(variant.name, variant.share, CoreIndex(*sums[variant.name])) for variant in plan.variants],
            VariantResult("", rest, CoreIndex(*of_rest)) if rest else None,
        )

    @cached_property
    def comparison(self) -> Comparison:
        """The variants with the best and the second open rate; of equal ones the first."""
        best, second = sorted(self.variants, key=lambda variant: -variant.rate)[:2]
        chance = significance.chance_of_difference(
            (best.index.opened, best.delivered), (second.index.opened, second.delivered)
        )
        return Comparison(best, second, chance)
