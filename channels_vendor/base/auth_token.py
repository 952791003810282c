"""The credential of OPPO and vivo: an auth token for a signed app key, valid for a day."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import Any

from channels_vendor.base import sentences
from channels_vendor.base.contract import CannotAuthorise
from channels_vendor.base.http_adapter import HttpAdapter
from channels_vendor.base.outcomes import Action
from pushcore.http.calls import HttpAnswer

# A day; the vendor counts from its own clock.
LIFE_SECONDS = 86_400 - 600
OK = "0"


class AuthTokenAdapter(HttpAdapter):
    """An adapter that asks for an auth token with the signed app key.

    Attributes:
        code_field: The member of the answer with the vendor's code.
        message_field: The member that explains the code.
    """

    code_field = "code"
    message_field = "message"

    @abstractmethod
    def request_auth_token(self) -> HttpAnswer:
        """Ask for an auth token."""

    @abstractmethod
    def auth_token_in(self, found: dict[str, Any]) -> str:
        """Return the token in an answer with the code `OK`."""

    def fetch_credential(self) -> tuple[str, float]:
        """Get an auth token.

        Raises:
            CannotAuthorise: The vendor gave none.
        """
        answer = self.request_auth_token()
        try:
            found = json.loads(answer.body) if not answer.error else {}
            code = str(found[self.code_field])
            if code == OK:
                return self.auth_token_in(found), LIFE_SECONDS
        except (ValueError, KeyError, TypeError):
            raise CannotAuthorise(
                sentences.NO_AUTH_TOKEN % {"reason": answer.error or answer.status}, permanent=False
            ) from None
        permanent = self.rule_of(code, answer).action in (Action.DISABLE_ACCOUNT, Action.REJECT)
        said = sentences.NO_AUTH_TOKEN % {"reason": f"{code} {found.get(self.message_field, '')}"}
        raise CannotAuthorise(said[:200], permanent=permanent)
