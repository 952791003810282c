"""The file of a multiple push: its bytes, how far it has been read, and what was wrong with its lines."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.loads import TaskLoad


class FileImport(TaskLoad):
    """A file of targets, kept in the database so that a worker on any host can continue it.

    Its push task exists from `accepted_at` on, when the whole file has come. `position` (bytes) and `line`, of its
    `lines`, are how far it is read. A schedule's file is never accepted itself: each occurrence pushes a copy of it
    (`scheduled`).
    """

    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField(default=0)
    # The template's, when the push was accepted (`Template.variables`).
    variables = models.JSONField(null=True, default=None)
    # The copy that an occurrence of a schedule pushes: its msgkeys count for this task alone.
    scheduled = models.BooleanField(default=False)
    lines = models.BigIntegerField(default=0)
    line = models.BigIntegerField(default=0)
    accepted = models.BigIntegerField(_("records accepted"), default=0)
    rejected = models.BigIntegerField(_("records rejected"), default=0)

    class Meta:
        verbose_name = _("file of a multiple push")
        indexes = [
            models.Index(fields=["id"], condition=models.Q(finished_at__isnull=True), name="pushcore_import_open")
        ]

    @property
    def targets(self) -> int:
        """How many lines it has."""
        return self.lines


class FileChunk(models.Model):
    """A chunk of a file, all but the last of one size (`pushcore.file_push.blocks.CHUNK`); gone when it is read."""

    file = models.ForeignKey(FileImport, on_delete=models.CASCADE, related_name="chunks", db_index=False)
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="pushcore_chunk_unique")]

    def __str__(self) -> str:
        return f"{self.file_id}/{self.number}"


class FileFault(models.Model):
    """A line that became no message, and why. Only the first of a file are kept."""

    file = models.ForeignKey(FileImport, on_delete=models.CASCADE, related_name="faults", db_index=False)
    line = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    record = models.CharField(max_length=250)

    class Meta:
        ordering = ["line"]
        constraints = [models.UniqueConstraint(fields=["file", "line"], name="pushcore_fault_unique")]

    def __str__(self) -> str:
        return f"{self.file_id}:{self.line} {self.reason}"
