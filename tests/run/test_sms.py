"""SMS in the started service: asked for by the published package, and sent once, whatever becomes of the worker."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import requests
from alibabacloud_mpaas20201028 import models as mpaas2020

from sms.models import SmsMessage
from sms.providers.twilio.provider import signature_of
from tests.channels_vendor.simulator_server import SimulatorServer
from tests.e2e import backends
from tests.e2e.database import Database
from tests.sms.simulated import ACCOUNTS, SECRET, SimulatedTwilio
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = pytest.mark.xdist_group("run")

State = SmsMessage.State
NUMBER = "+8613800138000"


@pytest.fixture
def twilio(open_stack: Stack) -> Iterator[SimulatedTwilio]:
    """Run a simulated provider with the demo workspace's account there."""
    simulated = SimulatedTwilio()
    server = SimulatorServer([simulated], tls=False)
    values, secrets = ACCOUNTS["twilio"]
    backends.run_in_service(
        open_stack,
        "from pushcore.models import Workspace; from sms.models import SmsAccount\n"
        f"row = SmsAccount(workspace=Workspace.objects.get(workspace_id={open_stack.demo['workspace_id']!r}),"
        f" provider='twilio', public_values={values!r}, base_url={server.url!r})\n"
        f"row.set_secrets({secrets!r}); row.save()",
    )
    yield simulated
    backends.run_in_service(open_stack, "from sms.models import SmsAccount; SmsAccount.objects.all().delete()")
    server.stop()


@pytest.fixture
def database(open_stack: Stack) -> Iterator[Database]:
    database = Database(open_stack)
    yield database
    database.close()


def pushed(stack: Stack) -> str:
    """Bind a user with a phone number and push beside an SMS, by the published package. Returns the task."""
    demo, user = stack.demo, f"sms-{uuid.uuid4().hex}"
    device = PahoDevice(demo).connect()
    device.disconnect()
    client, scope = backends.client_2020(demo), {"app_id": demo["app_id"], "workspace_id": demo["workspace_id"]}
    bound = client.push_bind(
        mpaas2020.PushBindRequest(**scope, user_id=user, delivery_token=device.ad_token, os_type=1, phone_number=NUMBER)
    )
    assert bound.body.push_result.success
    answer = client.push_simple(
        mpaas2020.PushSimpleRequest(
            **scope,
            title="Sign in",
            content="Your code is 1234",
            delivery_type=3,
            expired_seconds=300,
            target_msgkey=json.dumps({user: user[:64]}),
            sms_strategy=2,
            sms_sign_name="Shop",
        )
    )
    assert answer.body.result_code == "OK", answer.body
    return str(answer.body.push_result.data)


def wait_for(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def state(database: Database, task: str) -> int:
    return int(database.query("SELECT state FROM sms_smsmessage WHERE task_id = %s", task)[0][0])


def test_an_sms_asked_for_by_the_published_package_is_sent_and_reported(
    open_stack: Stack, twilio: SimulatedTwilio, database: Database
) -> None:
    task = pushed(open_stack)
    wait_for(lambda: state(database, task) == State.SENT)
    assert (dict(twilio.sent), twilio.texts) == ({NUMBER: 1}, ["[Shop] Your code is 1234"])
    # As Twilio calls back: the address that it was told, signed.
    callback = twilio.ledger.requests[-1].form["StatusCallback"]
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    headers = {"X-Twilio-Signature": signature_of(callback, form, SECRET)}
    assert requests.post(callback, data=form, headers=headers, timeout=10).status_code == 200
    assert state(database, task) == State.DELIVERED
    assert NUMBER.removeprefix("+") not in open_stack.output


def test_a_worker_killed_while_it_asks_the_provider_sends_nothing_twice(
    open_stack: Stack, twilio: SimulatedTwilio, database: Database
) -> None:
    twilio.script.latency = 5
    task = pushed(open_stack)
    wait_for(lambda: state(database, task) == State.SENDING)
    killed = open_stack.kill("worker")
    wait_for(lambda: open_stack.pids.get("worker", killed) != killed)
    twilio.script.latency = 0
    # As if the lease had run out.
    database.query("UPDATE sms_smsmessage SET due_at = now() WHERE task_id = %s RETURNING 1", task)
    wait_for(lambda: state(database, task) == State.UNKNOWN)
    assert twilio.sent.total() <= 1
