"""Texts of the admin theme, django-unfold, which comes without catalogs: marked for the console's."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

TEXTS = (
    _("Choose file to upload"),
    _("Expand row"),
    _("Apply Filters"),
    _("Light"),
    _("Dark"),
    _("System"),
    _("Select value"),
    _("Go back"),
    _("More actions"),
    _("Type to search"),
    _("True"),
    _("False"),
    _("No results found"),
    _("This page yielded into no results. Create a new item or reset your filters."),
)
