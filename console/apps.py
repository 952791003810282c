"""App configurations of the console and of Django's admin, which serves the console's site."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.utils.translation import gettext_lazy


class ConsoleAdminConfig(SimpleAdminConfig):
    """Django's admin, serving the console's site as `admin.site`.

    There is no autodiscovery: only `console.admins` registers pages, so that no package can add one that knows nothing
    of app memberships. The site loads it when its pages are wanted.
    """

    default_site = "console.sites.ConsoleSite"


class ConsoleConfig(AppConfig):
    """Configuration of the console's own app."""

    default = True
    name = "console"
    verbose_name = gettext_lazy("Console")

    def ready(self) -> None:
        """Import the module that registers signal receivers, and offer the writer of lists as files."""
        import console.access.audit  # noqa: F401
        from analytics import export_jobs
        from analytics.models import Export
        from console.components.exported_list import write_list

        export_jobs.register(Export.Kind.LIST, write_list)
