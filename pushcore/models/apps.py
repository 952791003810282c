"""App and workspace, which own everything else."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.fields import RandomCharField
from pushcore.security import crypto


class App(models.Model):
    """An application of a customer, known to backends and devices by its `app_id`."""

    app_id = models.CharField(_("app ID"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=200)
    enabled = models.BooleanField(
        _("enabled"), default=True, help_text=_("A disabled app's API calls and devices are refused.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)

    class Meta:
        verbose_name = _("app")
        verbose_name_plural = _("apps")
        ordering = ["app_id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.app_id})"


class Workspace(models.Model):
    """An environment of an app (test, production): its devices, messages, keys and switches are its own."""

    class ClientBind(models.TextChoices):
        """Who may bind a user id to a device (see docs/architecture.md, "Who may bind")."""

        SERVER = "server", _("only the backend (PushBind)")
        SIGNED = "signed", _("the client, with a bind token signed by the backend")
        OPEN = "open", _("the client, unproven")

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="workspaces", verbose_name=_("app"))
    workspace_id = models.CharField(_("workspace ID"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    client_key = RandomCharField(
        _("client key"),
        make=crypto.new_secret,
        max_length=128,
        help_text=_("What a new device registers with. Shipped in the app, so no secret."),
    )
    former_client_key = models.CharField(
        _("former client key"),
        max_length=128,
        blank=True,
        editable=False,
        help_text=_("Good beside the present one, for apps that were built with it, until it is ended."),
    )
    former_client_key_used_at = models.DateTimeField(
        _("former client key used at"), null=True, editable=False, help_text=_("To the hour.")
    )
    client_bind = models.CharField(
        _("client bind"),
        max_length=8,
        choices=ClientBind.choices,
        default=ClientBind.SIGNED,
        help_text=_("Who may bind a user."),
    )
    push_api_enabled = models.BooleanField(
        _("push API"), default=True, help_text=_("Off: the REST API answers code 3032.")
    )
    replay_protection = models.BooleanField(
        _("replay protection"),
        default=True,
        help_text=_(
            "Require timestamp and nonce in every request of the REST API, so that each works once. Off: the "
            "plain form, in which whoever has seen a request can send it again at any time."
        ),
    )
    callback_enabled = models.BooleanField(_("callback"), default=False)
    callback_url = models.URLField(_("callback URL"), max_length=1000, blank=True)
    expiry_receipts = models.BooleanField(
        _("receipts of expiry"),
        default=False,
        help_text=_("Also post a receipt for a message that expired before it was delivered (status -3, Expired)."),
    )
    # Whether there ever was an alias (`pushcore.audience.aliases`): pushes look for none before.
    has_aliases = models.BooleanField(_("has aliases"), default=False, db_default=False, editable=False)
    # What its enabled webhook endpoints want (`pushcore.webhooks.endpoints`): what nobody wants costs nothing.
    webhook_events = ArrayField(
        models.CharField(max_length=32), verbose_name=_("webhook events"), default=list, db_default=[], editable=False
    )
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", help_text=_("For days in reports and for schedules.")
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")
        constraints = [models.UniqueConstraint(fields=["app", "workspace_id"], name="pushcore_workspace_unique")]
        ordering = ["app", "workspace_id"]

    def __str__(self) -> str:
        return f"{self.app.app_id}-{self.workspace_id}"

    def is_client_key(self, given: str) -> bool:
        """Tell whether a new device may register with this key."""
        return crypto.same_secret(given, self.client_key) or self.is_former_client_key(given)

    def is_former_client_key(self, given: str) -> bool:
        """Tell whether this is the former client key, which stays valid until it is ended."""
        return bool(self.former_client_key) and crypto.same_secret(given, self.former_client_key)
