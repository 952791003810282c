"""Positions of periodic work."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from pushcore.storage import clock


class Watermark(models.Model):
    """A named position of periodic work, for one runner at a time (`lease`)."""

    name = models.CharField(_("name"), max_length=50, primary_key=True)
    position = models.BigIntegerField(_("position"), default=0)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return f"{self.name}: {self.position}"

    @classmethod
    def lease(cls, name: str, seconds: float, *, start: int = 0) -> Watermark | None:
        """Lease the position of some work; None while another runner has it.

        Args:
            name: The work.
            seconds: When the lease ends by itself, for a runner may die.
            start: Where work begins that has no position yet.
        """
        now = clock.now()
        cls.objects.get_or_create(name=name, defaults={"position": start})
        free = cls.objects.filter(Q(leased_until__isnull=True) | Q(leased_until__lt=now), name=name)
        if not free.update(leased_until=now + timedelta(seconds=seconds)):
            return None
        return cls.objects.get(name=name)

    def release(self, position: int) -> None:
        """End the lease, and keep the position that the work has come to."""
        Watermark.objects.filter(pk=self.pk).update(position=position, leased_until=None)
