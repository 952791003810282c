"""Every list can be exported to Excel as it is shown: its filters, its columns, the user's language.

A short list is answered at once, a longer one is written by a worker (`analytics.export_jobs`). Of a list, only rows of
apps whose data the user may export are in the file.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import get_language, override
from django.views.decorators.http import require_POST

from analytics.models import Export
from analytics.report_files import ReportProgress
from console.access import audit
from console.access.rights import MissingRightError, Right, Scope, roles_of, scope_of
from console.components import export_answers
from console.components.listing import Listing, open_listing
from console.models import AuditEntry
from pushcore.models import App, Workspace

# Rows of a file; the newest are in it.
MAX_ROWS = 100_000
# Lists of up to this many rows are written within the request.
MAX_IMMEDIATE_ROWS = 500


class ExportedList:
    """Mixin for an admin class: its list can be exported.

    Attributes:
        is_exported: Whether it can; a class that says no says why.
        not_exported: Columns that hold buttons.
    """

    is_exported = True
    not_exported: tuple[str, ...] = ("row_actions",)
    opts: Any
    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        """Add the address that exports the list."""
        found: list[URLPattern] = super().get_urls()  # type: ignore[misc]
        if not self.is_exported:
            return found
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [path("export/", self.admin_site.admin_view(require_POST(self.export)), name=name), *found]

    def may_export(self, request: HttpRequest) -> bool:
        """Return whether the list can be exported, and the user may export from any app."""
        may_view: bool = self.has_view_permission(request)  # type: ignore[attr-defined]
        return self.is_exported and may_view and scope_of(request).may(Right.EXPORT)

    def exports(self, request: HttpRequest) -> QuerySet[Export]:
        """Return the files of this list that the user asked for, the newest first."""
        mine = Export.objects.filter(kind=Export.Kind.LIST, author=request.user.get_username())
        return mine.filter(parameters__model=self.opts.label_lower).order_by("-pk")

    def export(self, request: HttpRequest) -> HttpResponse:
        """Answer with the list of the given `query` as a file, or with the address of its progress.

        Raises:
            MissingRightError: The user may not export.
        """
        if not self.may_export(request):
            raise MissingRightError(Right.EXPORT)
        scope, query, language = scope_of(request).holding(Right.EXPORT), request.POST.get("query", ""), get_language()
        with open_listing(self, request.user, scope, query, language or "en") as listing:
            self._record_export(request, scope, query, listing.count)
            if listing.count is not None and listing.count <= MAX_IMMEDIATE_ROWS:
                file = _file_of(listing, lambda _done: None)
                return export_answers.file(HttpResponse(file), self._file_name(), Export.FileFormat.EXCEL)
            rows = min(listing.count or 0, MAX_ROWS)
        parameters = {
            "model": self.opts.label_lower,
            "file": self._file_name(),
            "query": query,
            "chosen": scope.chosen,
            "apps": None if scope.superuser else sorted(scope.app_ids()),
            "language": language,
        }
        author = request.user.get_username()
        return export_answers.later(
            Export(
                kind=Export.Kind.LIST,
                author=author,
                file_format=Export.FileFormat.EXCEL,
                parameters=parameters,
                rows=rows,
            )
        )

    def _record_export(self, request: HttpRequest, scope: Scope, query: str, rows: int | None) -> None:
        """Record the export for the workspace in view, else for the app, if there is only one."""
        about: Any = Workspace.objects.select_related("app").filter(pk=scope.only).first() if scope.only else None
        if about is None and len(scope.app_ids()) == 1:
            about = App.objects.filter(pk__in=scope.app_ids()).first()
        with override("en"):
            what = f"list: {self.opts.verbose_name_plural}"
        details = {"what": what, "filters": query} if query else {"what": what}
        audit.record(request, AuditEntry.Action.EXPORT, about, details | {"rows": "many" if rows is None else rows})

    def _file_name(self) -> str:
        return f"{self.opts.model_name}-{timezone.localdate():%Y-%m-%d}"


def write_list(export: Export, progress: ReportProgress) -> bytes:
    """Write the file of a list, as its author may see it now."""
    import console.admins  # noqa: F401 - registers the lists, which a worker has not loaded

    parameters = export.parameters
    author = get_user_model().objects.get(username=export.author, is_active=True)
    scope = scope_at_export(Scope(author.is_superuser, roles_of(author), parameters["chosen"]), parameters["apps"])
    model_admin = next(one for one in admin.site._registry.values() if one.opts.label_lower == parameters["model"])
    written = 0

    def count(done: int) -> None:
        nonlocal written
        written = done
        progress(done)

    with open_listing(model_admin, author, scope, parameters["query"], parameters["language"] or "en") as listing:
        file = _file_of(listing, count)
    Export.objects.filter(pk=export.pk).update(rows=written)
    return file


def scope_at_export(scope: Scope, app_ids: list[int] | None) -> Scope:
    """Return what of a scope may be exported now and was so when the file was asked for.

    Args:
        scope: The scope now.
        app_ids: The apps then (database ids); None for a superuser, who sees all.

    Raises:
        MissingRightError: Nothing is left, or the user is no longer a superuser.
    """
    now = scope.holding(Right.EXPORT)
    if now.superuser:
        return now
    left = {app_id: role for app_id, role in now.roles.items() if app_id in (app_ids or ())}
    if not left:
        raise MissingRightError(Right.EXPORT)
    return Scope(superuser=False, roles=left, wanted=now.wanted)


def may_fetch(export: Export, scope: Scope) -> bool:
    """Tell whether a user may still export all that a file of theirs was made from."""
    app_ids = export.parameters["apps"]
    if scope.superuser or app_ids is None:
        return scope.superuser
    return set(app_ids) <= set(scope.app_ids(Right.EXPORT))


def _file_of(listing: Listing, progress: ReportProgress) -> bytes:
    from analytics import excel  # which loads openpyxl

    return excel.write_table(listing.title, listing.columns, listing.rows(MAX_ROWS), progress)
