"""Console: its own app, and Django's admin with the console's site in place of the default one."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.translation import gettext_lazy


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
    verbose_name = gettext_lazy("Console")

    def ready(self) -> None:
        """Register pages and signal receivers."""
        import console.access.audit
        import console.admins  # noqa: F401  both register themselves: signal receivers, pages
