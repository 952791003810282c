"""Django's fields with a default or a validator of ours.

Both work in Python alone; the database knows neither. Migrations see the plain field of Django, so that they name no
function of ours, which may be moved or changed after a release while the migration may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy

from pushcore.channels import Channel, third_channels
from pushcore.security import crypto
from pushcore.storage import clock

if TYPE_CHECKING:
    # Generic for the type checker only.
    CharField = models.CharField[str, str]
    SmallIntegerField = models.SmallIntegerField[Any, Any]  # nullable or not
    TextField = models.TextField[str, str]
    DateTimeField = models.DateTimeField[datetime, datetime]
else:
    from django.db.models import CharField, DateTimeField, SmallIntegerField, TextField


class _PlainInMigrations:
    """Deconstruct a field as the class of Django it derives from, without its default."""

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        name, _path, args, kwargs = super().deconstruct()  # type: ignore[misc]
        kwargs.pop("default", None)
        plain = next(base for base in type(self).__mro__ if base.__module__.startswith("django."))
        return name, f"django.db.models.{plain.__name__}", args, kwargs


class RandomCharField(_PlainInMigrations, CharField):
    """A text that nobody guesses, made when the object is created without one.

    Args:
        make: Makes the text (`pushcore.security.crypto.new_token` and its like).
    """

    def __init__(self, *args: Any, make: Callable[[], str] | None = None, **kwargs: Any) -> None:
        if make is not None:
            kwargs["default"] = make
        super().__init__(*args, **kwargs)


class ChannelField(_PlainInMigrations, SmallIntegerField):
    """A channel (`pushcore.channels`), chosen from those that are registered.

    Args:
        third_party: Leave the self-built channel out.
    """

    def __init__(self, *args: Any, third_party: bool = False, **kwargs: Any) -> None:
        self._third_party = third_party
        super().__init__(*args, **{"choices": self._offered} | kwargs)

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """Deconstruct without the choices: migrations do not change with the vendors."""
        name, path, args, kwargs = super().deconstruct()
        kwargs.pop("choices", None)
        return name, path, args, kwargs

    def _offered(self) -> list[tuple[int, Any]]:
        channels = third_channels() if self._third_party else list(Channel)
        return [(int(channel), gettext_lazy(channel.label)) for channel in channels]


class CreationTimeField(_PlainInMigrations, DateTimeField):
    """When the object was created, by the database's clock (`pushcore.storage.clock`)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"default": clock.now} | kwargs)


def validate_rsa_public_key(value: str) -> None:
    """Validate an RSA public key for Django.

    Raises:
        ValidationError: It is no RSA public key in PEM of 2048 bits or more.
    """
    try:
        crypto.load_rsa_public_key(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class RsaPublicKeyField(_PlainInMigrations, TextField):
    """An RSA public key in PEM, validated in forms."""

    default_validators = [validate_rsa_public_key]
