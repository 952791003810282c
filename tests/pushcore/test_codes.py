"""Code tables are complete, and codes stand nowhere else."""

from __future__ import annotations

import pytest

from pushcore.channels import Channel
from pushcore.codes import statuses
from pushcore.codes.results import ResultCode, ResultError


def test_every_result_code_and_name_is_unique() -> None:
    assert len({entry.code for entry in ResultCode}) == len(ResultCode) == 52


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("SUCCESS", "100"),
        ("SIGNATURE_MISMATCH", "-1"),
        ("NEED_DELIVERYTOKEN", "3001"),
        ("APPID_WRONG", "3007"),
        ("NEED_USERID", "3012"),
        ("SINGLE_PUSH_TARGET_TOO_MUCH", "3029"),
        ("BADGE_ADD_NUM_NEED_BADGE_CLASS", "3059"),
        ("SYSTEM_ERROR", "9000"),
    ],
)
def test_a_result_code_has_the_documented_number(name: str, code: str) -> None:
    assert ResultCode[name].code == code


def test_an_error_names_code_name_and_detail() -> None:
    error = ResultError(ResultCode.INVALID_PARAM, "silent is one of 0, 1")
    assert str(error) == "3028 INVALID_PARAM: illegal parameter: silent is one of 0, 1"


def test_every_channel_has_its_status_codes() -> None:
    counted = {channel: sum(1 for key in statuses.STATUSES if key[0] == channel) for channel, _ in statuses.STATUSES}
    assert counted == {
        "common": 9, "apns": 16, "huawei": 22, "xiaomi": 36, "oppo": 12, "vivo": 18, "fcm": 7, "webpush": 7,
    }  # fmt: skip


def test_a_code_means_what_its_channel_says() -> None:
    assert statuses.lookup(10000, Channel.OPPO.label).label == "Invalid RegistrationId"
    assert statuses.lookup(10000, Channel.VIVO.label).label == "permission check failed"


def test_common_codes_hold_on_every_channel_and_unknown_ones_stay_readable() -> None:
    assert statuses.lookup(2, "huawei").name == "Acked"
    assert statuses.lookup(424242, "huawei").meaning == "status 424242 of channel huawei"
