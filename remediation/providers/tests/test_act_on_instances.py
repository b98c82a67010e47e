"""Oracle Cloud with its real SDK, in front of a server that checks its signatures and its retry tokens."""

import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from aiops.plugin_forms import config_form
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Ask
from remediation.providers.oci import STEADY, Oci
from remediation.providers.tests.cloud import INSTANCE, TENANCY, USER, cloud, fingerprint, pem

pytestmark = pytest.mark.once


@pytest.fixture
def server():
    with cloud() as found:
        yield found


def oci(server, key=None, **config):
    given = {"region": "us-ashburn-1", "tenancy": TENANCY, "identity": USER, "fingerprint": fingerprint(), "endpoint": server.address}
    return Oci({**given, **config}, {"private_key": key or pem()})


def ask(action="SOFTRESET", instance=INSTANCE):
    return Ask(key=str(uuid.uuid4()), verb="instance_action", params={"instance": instance, "action": action}, target="web-1")


def test_a_signed_action_is_accepted_and_followed_to_its_state(server):
    provider, asked = oci(server), ask("SOFTSTOP")
    begun = provider.run(asked)
    assert (begun.state, begun.detail) == (RUNNING, "SOFTSTOP was accepted; web-1 is STOPPING.")
    on = provider.poll(asked, begun.handle, begun.cursor)
    assert on.state == RUNNING
    server.instances[INSTANCE] = "STOPPED"
    answer = provider.poll(asked, on.handle, on.cursor)
    assert (answer.state, answer.facts["lifecycle_state"]) == (SUCCEEDED, "STOPPED")


def test_a_reset_ends_when_it_runs_again(server):
    provider, asked = oci(server), ask()
    begun = provider.run(asked)
    server.instances[INSTANCE] = "STARTING"
    on = provider.poll(asked, begun.handle, begun.cursor)
    server.instances[INSTANCE] = "RUNNING"
    answer = provider.poll(asked, on.handle, on.cursor)
    assert (on.state, answer.state) == (RUNNING, SUCCEEDED)
    assert [line.text for line in [*on.lines, *answer.lines]] == ["web-1 is STARTING.", "web-1 is RUNNING."]


def test_a_reset_that_never_leaves_its_state_is_believed_after_some_looks(server):
    provider, asked = oci(server), ask()
    answer, states = provider.run(asked), []
    for _ in range(STEADY):
        answer = provider.poll(asked, answer.handle, answer.cursor)
        states.append(answer.state)
    assert states == [RUNNING] * (STEADY - 1) + [SUCCEEDED]


def test_one_key_acts_once_however_often_it_is_asked(server):
    provider, asked = oci(server), ask()
    provider.run(asked)
    assert provider.resume(asked) is None  # its state does not tell, so it is asked again
    provider.run(asked)
    assert server.acted == ["SOFTRESET"]


@pytest.mark.parametrize(("state", "found"), [("RUNNING", None), ("STOPPING", RUNNING), ("STOPPED", SUCCEEDED)])
def test_after_a_crash_the_state_of_the_instance_tells(server, state, found):
    server.instances[INSTANCE] = state
    answer = oci(server).resume(ask("SOFTSTOP"))
    assert (answer and answer.state) == found
    assert server.acted == []


def test_an_answer_that_was_lost_is_asked_for_again_and_nothing_is_done_twice(server):
    server.lost = True
    provider, asked = oci(server), ask("STOP")
    with pytest.raises(ActionError, match="cannot be reached") as caught:
        provider.run(asked)
    assert (caught.value.permanent, caught.value.unclear) == (False, False)
    assert provider.run(asked).state == RUNNING
    assert server.acted == ["STOP"]


def test_an_instance_in_another_state_is_refused_by_the_cloud(server):
    server.instances[INSTANCE] = "STOPPED"
    with pytest.raises(ActionError, match="409 IncorrectState") as caught:
        oci(server).run(ask("SOFTRESET"))
    assert caught.value.permanent
    with pytest.raises(ActionError, match="SOFTRESET needs it RUNNING"):
        oci(server).dry_run(ask("SOFTRESET"))


def test_a_dry_run_looks_and_does_nothing(server):
    preview = oci(server).dry_run(ask("STOP"))
    assert (preview.sentence, preview.diff) == ("Would STOP web-1 (VM.Standard.E4.Flex)", "-RUNNING\n+STOPPED")
    assert server.acted == []


def test_what_is_so_already_needs_nothing(server):
    assert not oci(server).dry_run(ask("START")).changes


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [(429, "TooManyRequests", False), (500, "InternalError", False), (503, "x", False), (400, "InvalidParameter", True)],
)
def test_each_refusal_says_whether_to_ask_again(server, status, code, permanent):
    server.fails = [(status, code, {"Retry-After": "12"})]
    with pytest.raises(ActionError, match=code) as caught:
        oci(server).run(ask())
    assert (caught.value.permanent, caught.value.unclear, caught.value.retry_after) == (permanent, False, 12)
    assert len(server.asked) == 1


def test_another_key_is_not_known_there(server):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(ActionError, match="does not know our key") as caught:
        oci(server, pem(other)).run(ask())
    assert caught.value.permanent
    assert server.acted == []


def test_an_instance_that_vanished_is_said(server):
    provider, asked = oci(server), ask()
    begun = provider.run(asked)
    server.instances.clear()
    with pytest.raises(ActionError, match="does not exist or we may not touch it"):
        provider.poll(asked, begun.handle, begun.cursor)


def test_one_that_is_terminated_meanwhile_is_a_failure(server):
    provider, asked = oci(server), ask()
    begun = provider.run(asked)
    server.instances[INSTANCE] = "TERMINATED"
    assert provider.poll(asked, begun.handle, begun.cursor).state == FAILED


def test_another_compartment_is_left_alone(server):
    with pytest.raises(ActionError, match="another compartment"):
        oci(server, compartment="ocid1.compartment.oc1..zzzz").run(ask())
    assert server.acted == []


@pytest.mark.parametrize(
    ("action", "instance", "fault"), [("TERMINATE", INSTANCE, "no action 'TERMINATE'"), ("STOP", "../users", "not the OCID")]
)
def test_what_is_no_action_or_no_instance_never_reaches_the_cloud(server, action, instance, fault):
    with pytest.raises(ActionError, match=fault):
        oci(server).run(ask(action, instance))
    assert server.asked == []


def test_a_cloud_that_is_not_there_may_come_back(server):
    with pytest.raises(ActionError, match="cannot be reached") as caught:
        oci(server, endpoint="http://127.0.0.1:1").run(ask())
    assert not caught.value.permanent


def test_the_check_signs_in(server):
    assert oci(server).check() == "signed in to us-ashburn-1"


def test_a_key_that_is_none_is_said_without_repeating_it(server):
    with pytest.raises(ActionError, match="cannot be used") as caught:
        oci(server, "not a key at all").check()
    assert "not a key at all" not in str(caught.value)


def test_the_form_wants_an_identity_or_the_instances_own():
    assert set(config_form(Oci, data={"region": "r"}).errors) == {"tenancy", "identity", "fingerprint", "private_key"}
    assert config_form(Oci, data={"region": "r", "instance_principal": "on"}).is_valid()
    whole = {"region": "r", "tenancy": TENANCY, "identity": USER, "fingerprint": fingerprint(), "private_key": pem()}
    assert config_form(Oci, data=whole).is_valid()
