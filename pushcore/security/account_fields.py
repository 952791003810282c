"""What operators enter for an account at a vendor or a provider."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AccountField:
    """A value that an operator enters for an account.

    The texts, and the choices, are marked for translation (`gettext_noop`); the form translates them.

    Attributes:
        name: The key among the account's values.
        label: The form's label: what the console of the vendor or provider calls it.
        secret: It is encrypted and never shown again.
        required: An account in use needs it.
        help_text: The form's help text.
        choices: The values allowed; empty for any.
        file: It is uploaded, and kept in base64.
        multiline: It is a text of several lines, such as a key.
    """

    name: str
    label: str
    secret: bool = False
    required: bool = True
    help_text: str = ""
    choices: tuple[str, ...] = ()
    file: bool = False
    multiline: bool = False
