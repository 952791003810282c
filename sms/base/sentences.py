"""What may be wrong with an SMS account or a wish for an SMS: sentences in English, marked for translation."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

IS_NEEDED: Final = _("is needed")
NO_ACCOUNT: Final = _("smsStrategy: the workspace has no SMS account that is in use")
NO_TEMPLATE: Final = _("smsTemplateCode: Alibaba Cloud sends templates only")
NO_SIGNATURE: Final = _("smsSignName: the SMS account has no signature of its own")
NO_CONTENT_SID: Final = _("smsTemplateCode: Twilio's templates are content SIDs (HX and 32 hexadecimal digits)")
NO_COUNTRY_CODE: Final = _("one to three digits, without +")
NO_SENDER: Final = _("a phone number, a sender ID, or the SID of a messaging service (MG...)")
NO_ACCOUNT_SID: Final = _("AC and 32 hexadecimal digits")
NO_PLACEHOLDER: Final = _("says where the phone number goes: #phone#")
NO_JSON: Final = _("is no JSON")
NO_HEADER: Final = _("a header is a line such as Name: value")
STOPPED: Final = _("stopped at %(at)s: %(reason)s")
SWITCHED_OFF: Final = _("switched off")
UNREACHABLE: Final = _("the provider does not answer")
REFUSES: Final = _("the provider refuses the account: %(code)s")
