"""Console: its own app, and Django's admin with the console's site in place of the default one."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig


class ConsoleAdminConfig(SimpleAdminConfig):
    """Django's admin, serving the console's site as `admin.site`.

    Without autodiscovery: a page exists only where `console.admins` registers it, so no package can add one that knows
    nothing of app memberships.
    """

    default_site = "console.sites.ConsoleSite"


class ConsoleConfig(AppConfig):
    """The console itself."""

    default = True
    name = "console"
    verbose_name = "Console"

    def ready(self) -> None:
        """Register pages and signal receivers; then make the labels of models translatable."""
        import console.access.audit
        import console.admins  # noqa: F401  both register themselves: signal receivers, pages
        from console.words import translate_models

        translate_models()
