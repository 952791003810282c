"""Keys: access keys of the RPC API, RSA keys of the REST API and of receipts."""

from __future__ import annotations

from django.db import models

from pushcore.models.apps import App, Workspace
from pushcore.models.fields import RsaPublicKeyField
from pushcore.security import crypto


class AccessKey(models.Model):
    """An AccessKey ID and its secret. Belongs to one app and is valid in the workspaces it is granted."""

    access_key_id = models.CharField("AccessKey ID", max_length=64, unique=True)
    secret_sealed = models.TextField(editable=False)
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="access_keys")
    workspaces = models.ManyToManyField(Workspace, related_name="access_keys", blank=True)
    name = models.CharField(max_length=200, blank=True, help_text="What it is for.")
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "access key"
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
        API = "api", "the backend signs REST calls with it; we hold the public half"
        CALLBACK = "callback", "we sign receipts with it; the backend verifies with the public half"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="rsa_keys")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    public_pem = RsaPublicKeyField("public key")
    private_sealed = models.TextField(blank=True, editable=False)
    active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        verbose_name = "RSA key"
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.workspace} {self.purpose} {self.created_at:%Y-%m-%d}"

    @property
    def private_pem(self) -> str:
        """The private half as PEM in plain text (callback keys only)."""
        return crypto.decrypt(self.private_sealed)
