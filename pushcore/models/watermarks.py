"""Positions of periodic work."""

from __future__ import annotations

from django.db import models


class Watermark(models.Model):
    """A named position of periodic work, for one runner at a time: `leased_until` is taken by a conditional UPDATE."""

    name = models.CharField(max_length=50, primary_key=True)
    position = models.BigIntegerField(default=0)
    leased_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"
