"""`make run` where other machines reach it: the demo's openings are closed, and what is open is listed."""

from __future__ import annotations

import psutil
import pytest

from mps_project.configuration import CommonConfiguration
from mps_project.launcher import exposure
from pushcore import demo
from pushcore.models import Workspace
from tests.support.devices import PahoDevice
from tests.support.stack import Stack


@pytest.mark.parametrize(
    ("address", "exposed"),
    [("127.0.0.1", False), ("127.0.0.2", False), ("::1", False), ("localhost", False), ("0.0.0.0", True),
     ("::", True), ("192.168.1.5", True), ("203.0.113.9", True), ("fe80::1", True)],
)  # fmt: skip
def test_only_loopback_counts_as_local(address: str, exposed: bool) -> None:
    assert exposure.is_exposed(address) == exposed


def test_everything_open_is_named() -> None:
    given = {"MPS_HTTP_PORT": "8123", "MPS_RECEIPT_ALLOW_PRIVATE": "1", "MPS_VENDOR_ALLOW_PRIVATE": "1",
                       "MPS_DEBUG": "1", "MPS_MQTT_PORT": "2883"}  # fmt: skip
    listed = "\n".join(exposure.list_exposed(CommonConfiguration.model_validate(given)))
    for named in ("8123", "2883", "/metrics", "MPS_RECEIPT_ALLOW_PRIVATE", "MPS_VENDOR_ALLOW_PRIVATE", "MPS_DEBUG",
                  "MPS_ALLOWED_HOSTS"):  # fmt: skip
        assert named in listed
    closed = {"MPS_ALLOWED_HOSTS": "push.example.com"}
    assert "MPS_" not in "\n".join(exposure.list_exposed(CommonConfiguration.model_validate(closed)))


@pytest.mark.django_db
@pytest.mark.parametrize(("before", "after"), [("open", "signed"), ("server", "server"), ("signed", "signed")])
def test_an_open_demo_is_closed_and_changed_settings_stay(before: str, after: str) -> None:
    kept = demo.ensure_demo()
    Workspace.objects.update(client_bind=before)
    demo.ensure_demo(kept, open_binding=False)
    assert Workspace.objects.get().client_bind == after
    demo.ensure_demo(kept)
    assert Workspace.objects.get().client_bind == after


@pytest.mark.xdist_group("run")
def test_a_run_that_others_reach_binds_nobody_unproven_and_sends_no_private_receipts(open_stack: Stack) -> None:
    device = PahoDevice(open_stack.demo).connect()
    assert device.request("mps/bind", {"userId": "somebody-else"})["code"] != "100"
    device.disconnect()
    for name in ("web", "worker"):
        assert psutil.Process(open_stack.pids[name]).environ().get("MPS_RECEIPT_ALLOW_PRIVATE", "0") == "0"
    assert "warning: MPS_BIND=0.0.0.0 lets other machines in. Open to them:" in open_stack.output
    assert "any device may bind any user" not in open_stack.output


@pytest.mark.xdist_group("stack")
def test_a_run_on_this_machine_alone_warns_of_nothing(stack: Stack) -> None:
    assert "lets other machines in" not in stack.output
