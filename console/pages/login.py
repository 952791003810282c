"""Logging in, in two steps: name and password, then a code from those who have set up a second factor.

Who does not know the password is never told who has one.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.auth import REDIRECT_FIELD_NAME, load_backend
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminTextInputWidget

from console.access import audit, second_factor

# Session key: whose password was right, until when (Unix seconds) a code is awaited, and what ends that earlier.
PROVEN = "console.login.proven"
PROVEN_SECONDS = 300


class Login(LoginView):
    """Log in by name and password, or lead to the page that asks for a code."""

    authentication_form = AuthenticationForm
    template_name = "console/login.html"

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in; a user with a second factor is remembered for the next step instead."""
        user = form.get_user()
        if not second_factor.is_set_up(user.pk):
            return super().form_valid(form)
        self.request.session[PROVEN] = {
            "user": user.pk,
            "backend": user.backend,
            "hash": user.get_session_auth_hash(),
            "until": time.time() + PROVEN_SECONDS,
        }
        query = urlencode({REDIRECT_FIELD_NAME: self.get_success_url()})
        return HttpResponseRedirect(f"{reverse('admin:login_code')}?{query}")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the admin site's context, which the console's base template needs."""
        return super().get_context_data(**kwargs) | site.each_context(self.request) | {"title": _("Log in")}


class CodeForm(forms.Form):
    """Ask for a code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        label=_("Authentication code"),
        max_length=32,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "spellcheck": "false", "autofocus": ""}
        ),
        help_text=_("Of your authenticator app, or a recovery code."),
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request, self._user = request, user

    def clean_code(self) -> str:
        """Refuse a wrong code, and write it down in the audit log."""
        code: str = self.cleaned_data["code"]
        if not second_factor.passes(self._user.pk, code):
            audit.record_failed_code(self._request, self._user)
            raise ValidationError(_("The authentication code is wrong, used before, or tried too often."))
        return code

    def get_user(self) -> User:
        """Return who logs in."""
        return self._user


class LoginCode(LoginView):
    """Log in by a code, right after the password was proven."""

    template_name = "console/login_code.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Lead back to the first step unless a code is awaited."""
        user = _proven_user(request)
        if user is None:
            messages.warning(request, gettext("Log in again: that took too long."))
            return HttpResponseRedirect(reverse("admin:login"))
        self.user = user
        return super().dispatch(request, *args, **kwargs)

    def get_form_class(self) -> Any:
        """Ask for a code."""
        return CodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        """Tell the form who logs in."""
        return super().get_form_kwargs() | {"user": self.user}

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in; nothing is awaited any more."""
        del self.request.session[PROVEN]
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the admin site's context, which the console's base template needs."""
        context = super().get_context_data(**kwargs) | site.each_context(self.request)
        return context | {"title": _("Authentication code"), "logs_in": self.user.get_username()}


def _proven_user(request: HttpRequest) -> User | None:
    """Return whose code is awaited; None if that took too long, or the password or the right to log in has changed."""
    proven = request.session.get(PROVEN) or {}
    if time.time() > proven.get("until", 0):
        return None
    user = load_backend(proven["backend"]).get_user(proven["user"])  # None: not active any more
    if user is None or not user.is_staff or not constant_time_compare(proven["hash"], user.get_session_auth_hash()):
        return None
    user.backend = proven["backend"]
    return user
