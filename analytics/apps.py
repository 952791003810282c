"""Usage analysis."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class AnalyticsConfig(AppConfig):
    """Usage analysis as a Django app."""

    name = "analytics"
    verbose_name = gettext_lazy("Usage analysis")

    def ready(self) -> None:
        """Offer pushcore the sink of events, the count of broadcasts and the queries (`pushcore.ports`)."""
        from analytics import api_queries
        from analytics.changes import note_broadcasts
        from analytics.dead_tokens import define_function
        from analytics.intake import take
        from pushcore.ports import register_analysis, register_broadcast_counter, register_event_sink

        register_event_sink(take)
        register_broadcast_counter(note_broadcasts)
        register_analysis(api_queries)
        post_migrate.connect(define_function, sender=self)
