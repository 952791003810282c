"""Positions of periodic work."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Watermark(models.Model):
    """A named position of periodic work, for one runner at a time: `leased_until` is taken by a conditional UPDATE."""

    name = models.CharField(_("name"), max_length=50, primary_key=True)
    position = models.BigIntegerField(_("position"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"
