"""Message template: content with placeholders, in versions."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import Workspace
from pushcore.models.fields import CreationTimeField


class TemplateContent(models.Model):
    """What a version of a template says: texts with placeholders (`#name#` in title, body, URL) and how they look."""

    class Style(models.IntegerChoices):
        DEFAULT = 0, _("default (short text)")
        BIG_TEXT = 1, _("big text")
        RICH = 2, _("rich text")

    class Action(models.IntegerChoices):
        WEB_URL = 0, _("open web URL")
        INTENT_ACTIVITY = 1, _("open intent activity")

    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    description = models.CharField(_("description"), max_length=200)
    silent = models.BooleanField(_("silent push"), default=False)
    style = models.SmallIntegerField(_("display style"), choices=Style.choices, default=Style.DEFAULT)
    title = models.CharField(_("title"), max_length=200)
    body = models.CharField(_("body"), max_length=200)
    action = models.SmallIntegerField(_("action upon click"), choices=Action.choices, default=Action.WEB_URL)
    uri = models.CharField(_("URL"), max_length=2048, blank=True)
    icon = models.JSONField(_("icon URLs by channel"), default=dict, blank=True)
    image = models.JSONField(_("large image URLs by channel"), default=dict, blank=True)
    # The names of its placeholders; null: whatever looks like a name (`pushcore.push.placeholders`).
    variables = models.JSONField(_("variables"), null=True, default=None, editable=False)
    # Of pushes by it that name none.
    message_category = models.CharField(_("message category"), max_length=64, blank=True, default="")
    saved_at = CreationTimeField(_("saved at"), editable=False)
    saved_by = models.CharField(_("saved by"), max_length=150, blank=True, editable=False)

    class Meta:
        abstract = True


class Template(TemplateContent):
    """A template as it stands: its newest version, which template, multiple and broadcast pushes use by its name."""

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="templates", verbose_name=_("workspace")
    )
    name = models.CharField(_("name"), max_length=200)
    created_at = CreationTimeField(_("created at"), editable=False)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="pushcore_template_unique")]
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class FormerVersion(TemplateContent):
    """A version of a template before the newest. No push uses it; it can be restored."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="former_versions", db_index=False)

    class Meta:
        verbose_name = _("former version")
        verbose_name_plural = _("former versions")
        constraints = [
            models.UniqueConstraint(fields=["template", "version"], name="pushcore_former_version_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.template_id} version {self.version}"
