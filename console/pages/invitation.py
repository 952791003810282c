"""The page behind an invitation's link, where an invited user sets a password, once."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetConfirmView
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget

from console.access import audit, invitations
from console.models import AuditEntry


class FirstPasswordForm(SetPasswordForm):
    """Django's form for setting a password, with the console's widgets."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class Invitation(PasswordResetConfirmView):
    """Set the first password of an invited user.

    Django's view moves the token from the address into the session before it shows the form, so that no Referer header
    can leak it.
    """

    form_class = FirstPasswordForm
    template_name = "console/invitation.html"
    token_generator = invitations.tokens
    success_url = reverse_lazy("admin:login")
    title = _("Set your password")

    def get_user(self, uidb64: str) -> User | None:
        """Return the link's user; None, which makes the link invalid, if that account may not be invited."""
        user = super().get_user(uidb64)
        return user if user is not None and invitations.may_be_invited(user) else None

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        """Set the password and record it in the audit log in one transaction."""
        with transaction.atomic():
            answer = super().form_valid(form)
            audit.record_for(
                self.request, self.user, AuditEntry.Action.CHANGE, self.user, {"what": "Set a password by invitation."}
            )
        messages.success(self.request, _("Your password is set: log in with it."))
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the admin site's context, which the console's base template needs."""
        return site.each_context(self.request) | super().get_context_data(**kwargs)
