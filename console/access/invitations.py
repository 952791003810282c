"""Invitations: a link with which somebody sets the first (or next) password of an account, once and for a few days.

The link carries no secret that is kept anywhere: Django's tokens are signed over what the account looks like now, so
one ends when the password is set, when the account is invited again, or after `PASSWORD_RESET_TIMEOUT`.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode


class InvitationTokens(PasswordResetTokenGenerator):
    """Tokens of invitation links; one for a reset of a password does not fit."""

    # Part of what is signed: a new value would end all links that have been sent.
    key_salt = "console.invitations"


tokens = InvitationTokens()


def invite(user: User) -> None:
    """End the user's present password, and the sessions and invitations made with it: the next link is the way in."""
    user.set_unusable_password()
    user.save(update_fields=["password"])


def link(request: HttpRequest, user: User) -> str:
    """Return the address to send to the user, on the host this request came to."""
    number = urlsafe_base64_encode(force_bytes(user.pk))
    return request.build_absolute_uri(reverse("admin:invitation", args=[number, tokens.make_token(user)]))


def may_be_invited(user: User) -> bool:
    """Tell whether a password would let the user into the console."""
    return bool(user.is_active and user.is_staff)
