"""Kubernetes with its real client, in front of an API server that keeps to the contract."""

import uuid

import pytest

from aiops.plugin_forms import config_form
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Ask
from remediation.providers.kubernetes import Kubernetes
from remediation.providers.kubernetes_acts import RESTARTED
from remediation.providers.tests.cluster import TOKEN, cluster

pytestmark = pytest.mark.once


@pytest.fixture
def server():
    with cluster() as found:
        yield found


def kubernetes(server, token=TOKEN, **config):
    return Kubernetes({"server": server.address, **config}, {"token": token})


def ask(verb, **params):
    given = {"namespace": "shop", "name": "api", **params}
    return Ask(key=str(uuid.uuid4()), verb=verb, params=given, target="api", reason="a test")


# -- restart -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["deployment", "statefulset", "daemonset"])
def test_a_restart_is_followed_until_every_pod_is_new_and_ready(server, kind):
    made, provider, asked = server.workload(kind), kubernetes(server), ask("restart", kind=kind)
    begun = provider.run(asked)
    assert begun.state == RUNNING
    assert RESTARTED in made["spec"]["template"]["metadata"]["annotations"]
    server.roll(made, ready=1)
    on = provider.poll(asked, begun.handle, begun.cursor)
    assert (on.state, on.detail) == (RUNNING, "1 of 3 pods are new, 1 are ready.")
    server.roll(made)
    assert provider.poll(asked, on.handle, on.cursor).state == SUCCEEDED


def test_a_status_of_before_the_restart_is_not_taken_for_its_end(server):
    made, provider, asked = server.workload(), kubernetes(server), ask("restart")
    begun = provider.run(asked)
    assert made["status"]["observedGeneration"] < made["metadata"]["generation"]
    assert provider.poll(asked, begun.handle, begun.cursor).state == RUNNING


def test_what_was_said_already_is_not_said_again(server):
    server.workload()
    provider, asked = kubernetes(server), ask("restart")
    begun = provider.run(asked)
    assert [len(answer.lines) for answer in (begun, provider.poll(asked, begun.handle, begun.cursor))] == [1, 0]


def test_a_roll_out_that_came_to_a_stop_is_a_failure(server):
    made, provider, asked = server.workload(), kubernetes(server), ask("restart")
    begun = provider.run(asked)
    server.roll(made, ready=1)
    said = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "has timed out progressing"}
    made["status"]["conditions"] = [said]
    answer = provider.poll(asked, begun.handle, begun.cursor)
    assert (answer.state, "has timed out" in answer.detail) == (FAILED, True)


@pytest.mark.parametrize(
    ("kind", "spec", "fault"),
    [("deployment", {"paused": True}, "is paused"), ("daemonset", {"updateStrategy": {"type": "OnDelete"}}, "only when they are deleted")],
)
def test_a_restart_that_would_never_come_is_refused(server, kind, spec, fault):
    server.workload(kind, **spec)
    with pytest.raises(ActionError, match=fault):
        kubernetes(server).dry_run(ask("restart", kind=kind))


def test_a_rehearsal_asks_the_cluster_and_changes_nothing(server):
    made = server.workload()
    preview = kubernetes(server).dry_run(ask("restart"))
    assert preview.diff.startswith(f"-{RESTARTED}: never\n+{RESTARTED}: 2")
    assert [one["method"] for one in server.asked if one["rehearsed"]] == ["PATCH"]
    assert made["metadata"]["generation"] == 1


# -- once ----------------------------------------------------------------------------------------------------------------
def test_asked_twice_with_one_key_it_is_done_once(server):
    server.workload()
    provider, asked = kubernetes(server), ask("restart")
    provider.run(asked)
    provider.run(asked)
    assert len(server.changes) == 1


def test_after_a_crash_the_object_tells_that_it_was_done(server):
    made, provider, asked = server.workload(), kubernetes(server), ask("scale", replicas=5)
    assert provider.resume(asked) is None
    provider.run(asked)
    server.roll(made)
    found = kubernetes(server).resume(asked)
    assert (found.state, found.undo) == (SUCCEEDED, {"from": 3, "to": 5})
    assert provider.resume(ask("scale", replicas=5)) is None


def test_somebody_who_was_quicker_is_read_again(server):
    made = server.workload()
    server.before_patch = lambda found: server.change(found, {"spec": {"replicas": 4}})
    answer = kubernetes(server).run(ask("scale", replicas=6))
    assert (made["spec"]["replicas"], answer.undo) == (6, {"from": 4, "to": 6})
    assert len(server.changes) == 2


def test_one_who_is_always_quicker_leaves_it_for_later(server):
    server.workload()
    server.fails = [(409, "the object has been modified")] * 3
    with pytest.raises(ActionError, match="409") as caught:
        kubernetes(server).run(ask("restart"))
    assert (caught.value.permanent, caught.value.unclear) == (False, False)


# -- scale and back ------------------------------------------------------------------------------------------------------
def test_it_scales_and_takes_it_back(server):
    made, provider, asked = server.workload(), kubernetes(server), ask("scale", replicas=5)
    begun = provider.run(asked)
    server.roll(made)
    assert provider.poll(asked, begun.handle, begun.cursor).detail == "deployment shop/api is as wanted: 5 of 5 pods are ready."
    back = ask("scale", replicas=5)
    undone = provider.rollback(back, begun.undo)
    assert made["spec"]["replicas"] == 3
    server.roll(made)
    assert provider.poll(back, undone.handle, undone.cursor).state == SUCCEEDED


def test_what_somebody_else_has_set_since_is_not_taken_back(server):
    made, provider = server.workload(), kubernetes(server)
    begun = provider.run(ask("scale", replicas=5))
    server.change(made, {"spec": {"replicas": 9}})
    with pytest.raises(ActionError, match="changed since"):
        provider.rollback(ask("scale", replicas=5), begun.undo)
    assert made["spec"]["replicas"] == 9


def test_somebody_who_scales_elsewhere_meanwhile_is_named_as_the_end(server):
    made, provider, asked = server.workload(), kubernetes(server), ask("scale", replicas=5)
    begun = provider.run(asked)
    server.change(made, {"spec": {"replicas": 2}})
    assert provider.poll(asked, begun.handle, begun.cursor).state == FAILED


@pytest.mark.parametrize(
    ("replicas", "fault"), [(0, "not between 1 and 50"), (51, "not between"), ("many", "whole number"), (None, "whole number")]
)
def test_a_scale_beyond_the_limits_is_refused(server, replicas, fault):
    server.workload()
    with pytest.raises(ActionError, match=fault):
        kubernetes(server, least_replicas=1, most_replicas=50).run(ask("scale", replicas=replicas))
    assert server.changes == []


def test_the_same_number_as_before_changes_nothing(server):
    server.workload()
    assert not kubernetes(server).dry_run(ask("scale", replicas=3)).changes


# -- nodes ---------------------------------------------------------------------------------------------------------------
def test_a_node_is_cordoned_and_back(server):
    made, provider, asked = server.add("node", "n1", {}), kubernetes(server), ask("cordon", name="n1")
    begun = provider.run(asked)
    assert (begun.state, made["spec"]["unschedulable"]) == (SUCCEEDED, True)
    assert provider.rollback(ask("cordon", name="n1"), begun.undo).state == SUCCEEDED
    assert made["spec"]["unschedulable"] is False


def test_one_that_was_cordoned_before_stays_so_when_it_is_taken_back(server):
    made, provider = server.add("node", "n1", {"unschedulable": True}), kubernetes(server)
    begun = provider.run(ask("cordon", name="n1"))
    provider.rollback(ask("cordon", name="n1"), begun.undo)
    assert made["spec"]["unschedulable"] is True


def test_a_node_is_uncordoned(server):
    made = server.add("node", "n1", {"unschedulable": True})
    assert kubernetes(server).run(ask("uncordon", name="n1")).state == SUCCEEDED
    assert made["spec"]["unschedulable"] is False


def test_nodes_are_left_alone_where_the_provider_says_so(server):
    server.add("node", "n1", {})
    with pytest.raises(ActionError, match="nodes may not be touched"):
        kubernetes(server, nodes=False).run(ask("cordon", name="n1"))


# -- pods ----------------------------------------------------------------------------------------------------------------
def pod(server, owner="ReplicaSet", **meta):
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "api-1", "uid": "u"}] if owner else []
    return server.add("pod", "api-1-x", {"containers": [{"name": "main"}]}, ownerReferences=owners, **meta)


def remove(server):
    server.objects.pop(("pod", "shop", "api-1-x"))


def test_a_pod_is_deleted_and_followed_until_it_is_gone(server):
    pod(server)
    provider, asked = kubernetes(server), ask("delete_pod", name="api-1-x")
    begun = provider.run(asked)
    assert begun.state == RUNNING
    remove(server)
    assert provider.poll(asked, begun.handle, begun.cursor).detail == "pod shop/api-1-x is gone."


def test_a_pod_that_vanished_is_what_was_wanted(server):
    provider, asked = kubernetes(server), ask("delete_pod", name="api-1-x")
    assert not provider.dry_run(asked).changes
    assert provider.run(asked).state == SUCCEEDED
    assert provider.resume(asked).state == SUCCEEDED
    assert server.changes == []


def test_only_the_pod_that_was_seen_is_deleted_not_its_heir(server):
    made = pod(server)
    made["metadata"]["uid"] = "uid-heir"
    assert kubernetes(server).run(ask("delete_pod", name="api-1-x", uid="uid-before")).state == SUCCEEDED
    assert server.changes == []


def test_a_delete_carries_the_uid_it_is_meant_for(server):
    pod(server)
    kubernetes(server).run(ask("delete_pod", name="api-1-x", grace=30))
    assert server.changes[0]["body"] == {"gracePeriodSeconds": 30, "preconditions": {"uid": "uid-api-1-x"}}


def test_a_heir_of_the_same_name_means_the_old_one_is_gone(server):
    made = pod(server, "StatefulSet")
    provider, asked = kubernetes(server), ask("delete_pod", name="api-1-x")
    begun = provider.run(asked)
    made["metadata"].pop("deletionTimestamp")
    made["metadata"]["uid"] = "uid-heir"
    assert provider.poll(asked, begun.handle, begun.cursor).state == SUCCEEDED


def test_after_a_crash_a_pod_of_a_replica_set_that_stands_was_not_deleted(server):
    pod(server)
    assert kubernetes(server).resume(ask("delete_pod", name="api-1-x")) is None


def test_after_a_crash_one_of_a_stateful_set_may_be_either(server):
    pod(server, "StatefulSet")
    with pytest.raises(ActionError, match="nobody can tell") as caught:
        kubernetes(server).resume(ask("delete_pod", name="api-1-x"))
    assert caught.value.unclear


def test_a_rehearsal_warns_where_no_other_pod_will_come(server):
    pod(server, owner=None)
    [line] = kubernetes(server).dry_run(ask("delete_pod", name="api-1-x")).lines
    assert (line.level, "Nothing owns it" in line.text) == ("warning", True)
    assert [one["rehearsed"] for one in server.asked if one["method"] == "DELETE"] == [True]


# -- refusals ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "permanent", "unclear"),
    [(400, True, False), (422, True, False), (429, False, False), (500, False, True), (503, False, True)],
)
def test_each_refusal_says_whether_to_ask_again(server, status, permanent, unclear):
    server.workload()
    server.fails = [(status, "not now", {"Retry-After": "9"})] * 3
    with pytest.raises(ActionError, match="not now") as caught:
        kubernetes(server).run(ask("restart"))
    assert (caught.value.permanent, caught.value.unclear, caught.value.retry_after) == (permanent, unclear, 9)
    assert len(server.changes) == 1


def test_a_line_that_is_cut_leaves_it_open_and_the_object_tells(server):
    server.workload()
    server.fails = [(None, "")]
    provider, asked = kubernetes(server), ask("restart")
    with pytest.raises(ActionError) as caught:
        provider.run(asked)
    assert caught.value.unclear
    assert provider.resume(asked) is None


def test_a_wrong_token_says_so_and_is_not_repeated(server):
    with pytest.raises(ActionError, match="does not know our token") as caught:
        kubernetes(server, token="wrong-token").run(ask("restart"))
    assert caught.value.permanent
    assert "wrong-token" not in str(caught.value)


def test_what_our_role_does_not_allow_is_said_in_the_clusters_words(server):
    server.workload()
    server.forbidden = {"PATCH"}
    with pytest.raises(ActionError, match="cannot patch this") as caught:
        kubernetes(server).dry_run(ask("restart"))
    assert caught.value.permanent


def test_a_workload_that_vanished_is_said(server):
    with pytest.raises(ActionError, match="deployment shop/api does not exist") as caught:
        kubernetes(server).run(ask("restart"))
    assert caught.value.permanent


def test_a_cluster_that_is_not_there_may_come_back():
    gone = Kubernetes({"server": "http://127.0.0.1:1"}, {"token": "x"})
    with pytest.raises(ActionError, match="cannot be reached") as caught:
        gone.run(ask("restart"))
    assert (caught.value.permanent, caught.value.unclear) == (False, False)


@pytest.mark.parametrize("name", ["../../nodes/n1", "a/b", "", "A", "x" * 300, "{{ name }}"])
def test_a_name_that_is_none_never_reaches_the_cluster(server, name):
    with pytest.raises(ActionError, match="not the name of anything"):
        kubernetes(server).run(ask("restart", name=name))
    assert server.asked == []


@pytest.mark.parametrize(("namespaces", "namespace"), [("", "kube-system"), ("shop blog", "bank")])
def test_a_namespace_that_is_not_ours_is_refused(server, namespaces, namespace):
    with pytest.raises(ActionError, match="may not be touched"):
        kubernetes(server, namespaces=namespaces).run(ask("restart", namespace=namespace))
    assert server.asked == []


def test_a_daemon_set_is_not_scaled(server):
    with pytest.raises(ActionError, match="not to a 'daemonset'"):
        kubernetes(server).run(ask("scale", kind="daemonset", replicas=2))


# -- configuration -------------------------------------------------------------------------------------------------------
def test_the_check_says_which_version_and_what_we_may(server):
    assert kubernetes(server).check() == "Kubernetes v1.20.2: we may restart and scale, delete pods"


def test_a_kubeconfig_leads_there_too(server):
    text = KUBECONFIG.format(server=server.address, user=f"token: {TOKEN}")
    assert Kubernetes({}, {"kubeconfig": text}).check().startswith("Kubernetes v1.20.2")


KUBECONFIG = """
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
current-context: c
users:
- name: u
  user: {{{user}}}
"""


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (KUBECONFIG.format(server="http://x", user="exec: {command: /bin/sh}"), "runs a program"),
        (KUBECONFIG.format(server="http://x", user="tokenFile: /etc/shadow"), "names of files"),
        ("a: b", "no kubeconfig"),
        ("{", "not YAML"),
    ],
)
def test_a_kubeconfig_that_runs_programs_or_reads_files_is_refused(text, fault):
    form = config_form(Kubernetes, data={"kubeconfig": text})
    assert fault.casefold() in str(form.errors["kubeconfig"]).casefold()


def test_a_server_needs_a_token():
    assert "token" in config_form(Kubernetes, data={"server": "https://k8s.example.org"}).errors


def test_outside_of_a_cluster_it_says_what_is_missing():
    with pytest.raises(ActionError, match="does not run in a cluster"):
        Kubernetes({}, {}).check()
