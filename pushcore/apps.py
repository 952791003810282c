"""The domain room."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PushcoreConfig(AppConfig):
    name = "pushcore"
    verbose_name = "Message push"

    def ready(self) -> None:
        post_migrate.connect(_create_partitions, sender=self)


def _create_partitions(**_: Any) -> None:
    """A freshly migrated database can take messages at once."""
    from pushcore.storage import partitions

    partitions.ensure()
