"""The Django app of SMS."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class SmsConfig(AppConfig):
    """Plugs SMS into pushcore."""

    name = "sms"
    verbose_name = gettext_lazy("SMS")

    def ready(self) -> None:
        """Offer the SMS complement."""
        from pushcore.ports import register_sms_complement
        from sms.complement import complement

        register_sms_complement(complement)
