"""A device shows a user's messages while it is the user's, and never another's."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import jwt
import pytest

from conformance.agent import AgentError
from conformance.conftest import Backend, Devices
from conformance.fault_proxy import PUBLISH, FaultProxy
from tests.e2e.database import Database


def a_user() -> str:
    return f"user-{uuid.uuid4().hex}"


def test_a_bound_user_gets_messages_and_an_unbound_one_does_not(devices: Devices, backend: Backend) -> None:
    agent, user = devices.connected(), a_user()
    agent.do("bind", userId=user)
    bound = backend.push(user=user)
    agent.wait_for_message(bound.msgkey)
    agent.do("unbind")
    backend.push(user=user)
    last = backend.push(agent)
    agent.wait_for_message(last.msgkey)
    assert agent.msgkeys() == [bound.msgkey, last.msgkey]


def test_messages_of_the_former_user_that_wait_for_the_handler_are_not_shown_to_the_next(
    devices: Devices, backend: Backend, proxy: FaultProxy
) -> None:
    agent, ann, bob = devices.connected(), a_user(), a_user()
    agent.do("bind", userId=ann)
    answered = proxy.received(PUBLISH)
    agent.do("handler", mode="hold")
    shown = backend.push(user=ann)
    backend.push(user=ann)
    for_all = backend.push(agent)
    agent.wait_for_message(shown.msgkey)
    proxy.wait(lambda: proxy.received(PUBLISH) == answered + 3, "all messages")
    agent.do("bind", userId=bob)
    agent.do("release")
    agent.wait_for_message(for_all.msgkey)
    last = backend.push(user=bob)
    agent.wait_for_message(last.msgkey)
    assert agent.msgkeys() == [shown.msgkey, for_all.msgkey, last.msgkey]


def test_messages_of_the_former_user_that_wait_in_the_service_are_not_shown_to_the_next(
    devices: Devices, backend: Backend, proxy: FaultProxy
) -> None:
    agent, ann, bob = devices.connected(), a_user(), a_user()
    agent.do("bind", userId=ann)
    proxy.disappear()
    agent.next_state("waiting")
    backend.push(user=ann)
    binding = agent.ask("bind", userId=bob)
    assert not agent.has_answered(binding)
    proxy.reappear()
    agent.answer(binding)
    last = backend.push(user=bob)
    agent.wait_for_message(last.msgkey)
    assert agent.msgkeys() == [last.msgkey]


def test_a_bind_without_a_connection_survives_a_restart(devices: Devices, backend: Backend, proxy: FaultProxy) -> None:
    killed, user = devices.connected(), a_user()
    proxy.disappear()
    killed.next_state("waiting")
    killed.ask("bind", userId=user)
    assert killed.do("token")  # what was asked before is in the store when this is answered
    killed.kill()
    proxy.reappear()
    agent = devices.connected()
    agent.do("withdraw")  # its answer comes after the bind's
    pushed = backend.push(user=user)
    agent.wait_for_message(pushed.msgkey)


def test_a_program_may_bind_its_user_at_each_start(devices: Devices, backend: Backend, proxy: FaultProxy) -> None:
    user = a_user()
    for _ in range(2):
        agent = devices.agent()
        agent.do("bind", userId=user)
        agent.wait_for_message(backend.push(user=user).msgkey)
        agent.leave()


@pytest.fixture
def proofs_needed(database: Database) -> Iterator[None]:
    """Let the workspace believe only binds with a proof."""
    change = "UPDATE pushcore_workspace SET client_bind = %s RETURNING id"
    database.query(change, "signed")
    yield
    database.query(change, "open")


@pytest.mark.usefixtures("proofs_needed")
def test_a_bind_carries_the_backends_proof_where_one_is_needed(devices: Devices, backend: Backend) -> None:
    agent, user, demo = devices.connected(), a_user(), backend.demo
    with pytest.raises(AgentError):
        agent.do("bind", userId=user)
    claims = {"userId": user, "adToken": agent.do("token"), "exp": int(time.time()) + 300}
    proof = jwt.encode(claims, demo["access_key_secret"], headers={"kid": demo["access_key_id"]})
    agent.do("bind", userId=user, proof=proof)
    agent.wait_for_message(backend.push(user=user).msgkey)
