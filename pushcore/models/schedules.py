"""Scheduled pushes: a schedule and its occurrences."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace
from pushcore.models.pushes import DeliveryType, PushTask


class Schedule(models.Model):
    """A push to be sent once at a time, or repeatedly: the parent of its occurrences."""

    class Strategy(models.IntegerChoices):
        """The numbers of `strategyType`."""

        TIMED = 1, _("timed")
        CYCLIC = 2, _("cyclic")

    id = models.BigIntegerField(_("schedule ID"), primary_key=True)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="schedules", verbose_name=_("workspace")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=PushTask.Kind.choices)
    strategy = models.SmallIntegerField(_("strategy"), choices=Strategy.choices)
    delivery_type = models.SmallIntegerField(_("delivery type"), choices=DeliveryType.choices)
    name = models.CharField(_("name"), max_length=200, blank=True)
    title = models.CharField(_("title"), max_length=500)
    body = models.CharField(_("body"), max_length=500)
    template_name = models.CharField(_("template name"), max_length=200, blank=True)
    request = models.JSONField(_("request"), help_text=_("The push request, as it came."))
    file_id = models.BigIntegerField(
        _("file ID"),
        null=True,
        editable=False,
        help_text=_("The file of a multiple push, of which each occurrence pushes a copy."),
    )
    fingerprint = models.BinaryField(_("fingerprint"), max_length=32, editable=False)
    source = models.CharField(_("source"), max_length=8, choices=PushTask.Source.choices)
    author = models.CharField(_("author"), max_length=150, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")

    def __str__(self) -> str:
        return str(self.pk)


class Occurrence(models.Model):
    """One time a schedule is sent. `id` is the child's ID of a cyclic schedule, the parent's own of a timed one."""

    class Status(models.IntegerChoices):
        """What became of an occurrence; 0 and 1 are `executedStatus` of the API."""

        PENDING = 0, _("pending")
        EXECUTED = 1, _("sent")
        CANCELLED = 2, _("cancelled")
        MISSED = 3, _("missed")
        FAILED = 4, _("failed")

    id = models.BigIntegerField(_("occurrence ID"), primary_key=True)
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="occurrences", db_index=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(_("time of sending"))
    status = models.SmallIntegerField(choices=Status.choices, default=Status.PENDING)
    task_id = models.BigIntegerField(_("task ID"), null=True)
    fault = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["schedule", "at"], name="pushcore_occurrence_unique")]
        indexes = [
            models.Index(fields=["at"], condition=models.Q(status=0), name="pushcore_occurrence_due"),
            models.Index(fields=["workspace", "at"], name="pushcore_occurrence_list"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} at {self.at}"
