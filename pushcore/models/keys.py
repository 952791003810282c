"""Keys: access keys of the RPC API, RSA keys of the REST API and of receipts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from pushcore.models.apps import App, Workspace
from pushcore.models.fields import RsaPublicKeyField
from pushcore.security import crypto


class AccessKey(models.Model):
    """An AccessKey ID and its secret. Belongs to one app and is valid in the workspaces it is granted."""

    access_key_id = models.CharField(_("AccessKey ID"), max_length=64, unique=True)
    secret_sealed = models.TextField(_("secret sealed"), editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="access_keys", verbose_name=_("app"))
    workspaces = models.ManyToManyField(Workspace, related_name="access_keys", blank=True, verbose_name=_("workspaces"))
    name = models.CharField(_("name"), max_length=200, blank=True, help_text=_("What it is for."))
    enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)
    last_used_at = models.DateTimeField(_("last used at"), null=True, editable=False)

    class Meta:
        verbose_name = _("access key")
        verbose_name_plural = _("access keys")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.access_key_id

    @property
    def secret(self) -> str:
        """The secret in plain text, for verifying signatures only."""
        return crypto.decrypt(self.secret_sealed)


class RsaKey(models.Model):
    """An RSA key of a workspace. Several may be active at once, so that keys can be rotated without an outage."""

    class Purpose(models.TextChoices):
        API = "api", _("the backend signs REST calls with it; we hold the public half")
        CALLBACK = "callback", _("we sign receipts with it; the backend verifies with the public half")

    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="rsa_keys", verbose_name=_("workspace")
    )
    purpose = models.CharField(_("purpose"), max_length=8, choices=Purpose.choices)
    public_pem = RsaPublicKeyField(_("public key"))
    private_sealed = models.TextField(_("private sealed"), blank=True, editable=False)
    active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True, editable=False)

    class Meta:
        verbose_name = _("RSA key")
        verbose_name_plural = _("RSA keys")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.workspace} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def private_pem(self) -> str:
        """The private half as PEM in plain text (callback keys only)."""
        return crypto.decrypt(self.private_sealed)
