"""`make run` with simulated vendors: a message goes through each of them."""

from __future__ import annotations

import re
import time

import pytest
import requests

from channels_vendor.registry import VENDORS
from tests.e2e.database import Database
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("run")


def lines_of(stack: Stack) -> dict[str, str]:
    """Return the lines printed about each vendor, once all are there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        results = dict(re.findall(r"^simulator\| (\w+) +(status .*)$", stack.output, re.MULTILINE))
        if len(results) == len(VENDORS):
            return results
        time.sleep(0.2)
    raise AssertionError(stack.output[-4000:])


def test_a_message_goes_through_each_vendor_and_its_receipt_comes_back(open_stack: Stack) -> None:
    results = lines_of(open_stack)
    assert set(results) == {channel.label for channel in VENDORS}
    for channel in VENDORS:
        how = "delivery report" if channel.reports_arrival else "as soon as accepted"
        assert re.fullmatch(rf"status 2, accepted as \S+, arrived \({how}\)", results[channel.label])
    database = Database(open_stack)
    rows = database.query("SELECT status, arrived_at IS NOT NULL FROM pushcore_message WHERE channel <> 0")
    database.close()
    assert rows == [(2, True)] * len(VENDORS)
    [url] = re.findall(r"vendors are simulated at (\S+)", open_stack.output)
    assert requests.post(f"{url}/_script/oppo", json={"latency": 0.1}, timeout=10).status_code == 200
