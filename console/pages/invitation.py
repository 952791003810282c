"""Where an invitation's link leads: somebody who is not logged in yet sets a password, once."""

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


class FirstPasswordForm(SetPasswordForm):
    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class Invitation(PasswordResetConfirmView):
    """Django's view takes the token out of the address before the form is shown, so that no referrer has it."""

    form_class = FirstPasswordForm
    template_name = "console/invitation.html"
    token_generator = invitations.tokens
    success_url = reverse_lazy("admin:login")
    title = _("Set your password")

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user is not None and invitations.may_be_invited(user) else None

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        with transaction.atomic():
            answer = super().form_valid(form)
            audit.record_for(self.request, self.user, "change", self.user, {"what": "Set a password by invitation."})
        messages.success(self.request, _("Your password is set: log in with it."))
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return site.each_context(self.request) | super().get_context_data(**kwargs)
