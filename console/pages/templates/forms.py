"""The form of a template: its name, and the fields of a push without a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from console.pages.create.explanations import explain
from console.pages.create.fields import ICONS, IMAGES, RICH_STYLE, ContentPart, text
from console.pages.templates.explanations import EXPLANATIONS, missing_values
from pushcore.codes.results import ResultError
from pushcore.models import MessageCategory, TemplateContent, Workspace
from pushcore.push import templates
from pushcore.push.template_versions import MissingValuesError
from pushcore.push.templates import TemplateDraft

MATERIALS = (("icon", ICONS), ("image", IMAGES))
# Message categories to choose among, where a template may belong to any of many workspaces.
MAX_OFFERED = 200


class TemplateForm(ContentPart):
    """The form of a new template, or of a new version of one.

    Args:
        source: The content that the form begins with. What the form does not ask for (URLs of further channels) is
            taken over from it.
        name: The name of the template that gets a new version; empty for a new one, which is asked for its own.
        workspaces: Where a new one may belong.
    """

    workspace = forms.ModelChoiceField(
        label=_("Workspace"),
        queryset=Workspace.objects.none(),
        empty_label=_("Select a workspace"),
        widget=UnfoldAdminSelectWidget(),
    )
    name = forms.CharField(
        label=_("Name"),
        widget=text(maxlength=templates.MAX_LENGTH, spellcheck="false", **{"data-counted": ""}),
        help_text=_("Letters, digits and underscores. Backends push by it, so it stays as it is."),
    )
    description = forms.CharField(
        label=_("Description"),
        widget=text(maxlength=templates.MAX_LENGTH, **{"data-counted": ""}),
        help_text=_("What it is for. Devices do not get it."),
    )
    message_category = forms.ChoiceField(
        label=_("Message category"),
        required=False,
        widget=UnfoldAdminSelectWidget(),
        help_text=_("Pushes by the template have it, unless they name another."),
    )
    variables = forms.CharField(
        label=_("Names of placeholders"),
        required=False,
        widget=text(spellcheck="false"),
        help_text=_(
            "Separated by commas. Only needed where a name has other characters than letters, digits, _, - and ., or "
            "where a text between number signs is no placeholder."
        ),
    )

    def __init__(
        self,
        *args: Any,
        source: TemplateContent | None = None,
        name: str = "",
        workspaces: QuerySet[Workspace] | None = None,
        **kwargs: Any,
    ) -> None:
        initial = (_values(source) if source else {}) | (kwargs.pop("initial", None) or {})
        super().__init__(*args, initial=initial, **kwargs)
        self._source, self._name = source, name
        choice = self.fields["workspace"]
        assert isinstance(choice, forms.ModelChoiceField)
        if name:
            del self.fields["workspace"], self.fields["name"]
            self._offer_categories(Q(workspace=getattr(source, "workspace_id", None)))
        elif workspaces is not None:
            choice.queryset = workspaces
            self._offer_categories(Q(workspace__in=workspaces.order_by()))
        else:
            del self.fields["message_category"]

    def _offer_categories(self, where: Q) -> None:
        found = MessageCategory.objects.filter(where).order_by("name").values_list("name", flat=True).distinct()
        choice = self.fields["message_category"]
        assert isinstance(choice, forms.ChoiceField)
        if names := list(found[:MAX_OFFERED]):
            choice.choices = [("", _("No category")), *((name, name) for name in names)]
        else:
            del self.fields["message_category"]

    def clean(self) -> dict[str, Any]:
        """Check the template as the service does, and show its refusal at the field."""
        given = super().clean() or {}
        if not self.errors:
            try:
                templates.check(self.draft(given))
            except ResultError as error:
                self.refuse(error)
        return given

    def refuse(self, error: ResultError) -> None:
        """Show the service's refusal at the field it concerns; above the form if there is none."""
        if isinstance(error, MissingValuesError):
            self.add_error(None, missing_values(error))
            return
        explanation = explain(error, EXPLANATIONS)
        self.add_error(explanation.field if explanation.field in self.fields else None, str(explanation.sentence))

    def draft(self, given: Mapping[str, Any]) -> TemplateDraft:
        """Return the draft of cleaned data; what is missing in it is empty."""
        names = [name.strip() for name in str(given.get("variables") or "").split(",")]
        return TemplateDraft(
            name=self._name or str(given.get("name") or ""),
            description=str(given.get("description") or ""),
            title=str(given.get("title") or ""),
            body=str(given.get("body") or ""),
            silent=int(given.get("silent") or 0),
            style=int(given.get("style") or 0),
            action=int(given.get("action") or 0),
            uri=str(given.get("url") or ""),
            icon=self._materials("icon", given),
            image=self._materials("image", given),
            variables=[name for name in names if name] or None,
            message_category=str(given.get("message_category") or ""),
        )

    def _materials(self, kind: str, given: Mapping[str, Any]) -> dict[str, str]:
        """Return the URLs by channel, with those of the source that the form does not ask for.

        Without rich text none are asked for: they stay as long as the style does.
        """
        former: dict[str, str] = getattr(self._source, kind, {})
        if int(given.get("style") or 0) != RICH_STYLE:
            kept = self._source is not None and self._source.style == int(given.get("style") or 0)
            return dict(former) if kept else {}
        asked = [name for name, *_rest in dict(MATERIALS)[kind]]
        others = {name: url for name, url in former.items() if name not in asked}
        return others | {name: given[f"{kind}_{name}"] for name in asked if given.get(f"{kind}_{name}")}


def _values(source: TemplateContent) -> dict[str, Any]:
    """Return the content of a template by the form's fields."""
    draft = templates.draft_of(source, "")
    found = templates.names_of(replace(draft, variables=None))
    declared = source.variables is not None and sorted(source.variables) != found
    return {
        "description": source.description,
        "title": source.title,
        "body": source.body,
        "silent": int(source.silent),
        "style": source.style,
        "action": source.action,
        "url": source.uri,
        "message_category": source.message_category,
        "variables": ", ".join(source.variables or ()) if declared else "",
        **{f"{kind}_{name}": url for kind, _rest in MATERIALS for name, url in getattr(source, kind).items()},
    }
