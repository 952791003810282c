"""pushcore as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class PushcoreConfig(AppConfig):
    """The domain: apps, devices, pushes, messages and their delivery, receipts."""

    name = "pushcore"
    verbose_name = gettext_lazy("Message push")

    def ready(self) -> None:
        """Have partitions made after each migration."""
        post_migrate.connect(_create_partitions, sender=self)


def _create_partitions(**_: Any) -> None:
    """Create partitions, so that a freshly migrated database takes messages at once."""
    from pushcore.storage import partitions

    partitions.ensure()
