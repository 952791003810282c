"""Usage analysis."""

from __future__ import annotations

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    verbose_name = "Usage analysis"

    def ready(self) -> None:
        from analytics import queries
        from analytics.intake import take
        from pushcore.ports import register_analysis, register_event_sink

        register_event_sink(take)
        register_analysis(queries)
