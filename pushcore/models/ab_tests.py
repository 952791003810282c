"""A/B tests of audience pushes."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.audience import AudienceWalk


class AbTest(models.Model):
    """The variants of an audience push, and which of them the rest of the audience gets (`pushcore.ab_tests`).

    Which variant a device gets is computed from its id and the task's (`pushcore.ab_tests.plan`): neither devices nor
    messages keep it.
    """

    class WinnerBy(models.TextChoices):
        """What decides which variant the rest gets."""

        OPENS = "opens", _("by open rate")
        MANUAL = "manual", _("by hand")

    walk = models.OneToOneField(AudienceWalk, on_delete=models.CASCADE, primary_key=True, related_name="ab_test")
    variants = models.JSONField(help_text=_("Name, share in percent and override of each."))
    # Empty where all of the audience is tested.
    winner_by = models.CharField(max_length=6, choices=WinnerBy.choices, blank=True)
    test_seconds = models.IntegerField(null=True)
    require_significance = models.BooleanField(default=False)
    # The validity of a message, for that of the rest counts from the decision.
    expired_seconds = models.IntegerField()
    # The rest gets nothing if nobody has decided by then.
    decide_by = models.DateTimeField()
    # When the last message of the test group was made.
    tested_at = models.DateTimeField(null=True)
    # When it is decided by open rate; null where somebody has to decide.
    decides_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    winner = models.CharField(max_length=1, blank=True)
    # The AccessKey ID or the operator; empty where it was decided by open rate.
    decided_by = models.CharField(max_length=150, blank=True)
    # Whether the difference was significant when it was looked at; null before.
    is_significant = models.BooleanField(null=True)

    class Meta:
        verbose_name = _("A/B test")
        verbose_name_plural = _("A/B tests")

    def __str__(self) -> str:
        return str(self.walk_id)
