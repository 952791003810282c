"""The providers of SMS that there are."""

from __future__ import annotations

from sms.base.contract import ProviderDescription
from sms.providers.alibaba.provider import PROVIDER as ALIBABA
from sms.providers.generic.provider import PROVIDER as GENERIC
from sms.providers.twilio.provider import PROVIDER as TWILIO

PROVIDERS: dict[str, ProviderDescription] = {provider.name: provider for provider in (ALIBABA, TWILIO, GENERIC)}
