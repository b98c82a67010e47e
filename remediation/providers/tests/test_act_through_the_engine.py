"""Whole cases through the real providers: what is approved is done once, proved, or taken back."""

import os
import time

import pytest

from aiops import http
from monitoring.notifications.tests.peers import serving
from remediation import schedule
from remediation.models import LogLine, Provider
from remediation.plan import PlanStep
from remediation.providers.command import Command
from remediation.providers.tests.cloud import INSTANCE, TENANCY, USER, cloud, fingerprint, pem
from remediation.providers.tests.cluster import TOKEN, cluster
from remediation.tests import stage

pytestmark = pytest.mark.django_db
NEVER = (stage.check("vector(1) > 2", within=0.5),)


@pytest.fixture
def scratch(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"
    folder = tmp_path / "scratch"
    folder.mkdir()
    for name in ("a.log", "b.log", "keep.db"):
        (folder / name).write_text("x" * 1000)
        os.utime(folder / name, (time.time() - 7200, time.time() - 7200))
    Provider.objects.create(name="this machine", kind="command", config={"directories": str(folder)})
    return folder


def clean(folder, **more):
    params = {"directory": str(folder), "older_than": "3600", "pattern": "*.log"}
    return stage.plan(stage.action("clean_directory", provider="this machine", params=params), **more)


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def said(execution):
    return "\n".join(LogLine.objects.filter(step__execution=execution).order_by("id").values_list("text", flat=True))


def test_a_disk_is_cleaned_up_and_the_metric_proves_it(scratch):
    execution = stage.drive(stage.approved(clean(scratch, success=(stage.check(),))))
    assert (execution.state, execution.verification) == ("succeeded", "held")
    assert names(scratch) == ["keep.db"]
    assert "deleted a.log" in said(execution)


def test_a_clean_up_that_does_not_help_is_escalated(scratch):
    execution = stage.drive(stage.approved(clean(scratch, success=NEVER)))
    assert execution.escalated_at is not None


def test_a_dry_run_names_the_files_and_deletes_none(scratch):
    execution = stage.drive(stage.approved(clean(scratch), dry_run=True))
    assert "a.log" in said(execution)
    assert len(names(scratch)) == 3


def test_secrets_in_what_a_program_says_are_hidden_before_they_are_stored(scratch):
    program = "it = /bin/echo password=hunter2-and-more Authorization: Bearer abcdef0123456789"
    Provider.objects.filter(kind="command").update(config={"programs": program})
    execution = stage.drive(stage.approved(stage.plan(stage.action("run", provider="this machine", params={"program": "it"}))))
    assert execution.state == "succeeded"
    assert "hunter2" not in said(execution)
    assert "abcdef0123456789" not in said(execution)
    assert "password=" in said(execution)


class Killed(BaseException):
    """Of our process."""


def test_a_command_that_was_begun_before_we_died_is_found_again_and_not_begun_again(scratch, monkeypatch, tmp_path):
    log = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho once >> {log}\n")
    program.chmod(0o755)
    Provider.objects.filter(kind="command").update(config={"programs": f"it = {program}"})
    execution = stage.approved(stage.plan(stage.action("run", provider="this machine", params={"program": "it", "args": []})))
    with monkeypatch.context() as patch:
        patch.setattr(Command, "_answer", lambda *args, **more: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            stage.drive(execution)
    schedule.free_leases()
    execution = stage.drive(execution)
    assert (execution.state, log.read_text()) == ("succeeded", "once\n")


def test_a_deployment_is_scaled_and_scaled_back_when_that_does_not_help():
    with cluster() as server:
        made = server.workload()
        Provider.objects.create(name="shop", kind="kubernetes", config={"server": server.address}, secrets={"token": TOKEN})
        rolled = server.change
        server.change = lambda found, patch: (rolled(found, patch), found is made and server.roll(made))
        params = {"namespace": "shop", "name": "api", "kind": "deployment", "replicas": "5"}
        step: PlanStep = stage.action("scale", provider="shop", params=params)
        execution = stage.drive(stage.approved(stage.plan(step, success=NEVER)))
        assert stage.story(execution)[-3:] == ["failed", "rolling_back", "rolled_back"]
        assert [one["body"]["spec"] for one in server.changes] == [{"replicas": 5}, {"replicas": 3}]


def test_an_instance_is_stopped_once():
    with cloud() as server:
        config = {"region": "r", "tenancy": TENANCY, "identity": USER, "fingerprint": fingerprint(), "endpoint": server.address}
        Provider.objects.create(name="cloud", kind="oci", config=config, secrets={"private_key": pem()})
        step = stage.action("instance_action", provider="cloud", params={"instance": INSTANCE, "action": "STOP"})
        execution = stage.approved(stage.plan(step))
        stage.drive(execution, turns=2)
        server.instances[INSTANCE] = "STOPPED"
        assert stage.drive(execution).state == "succeeded"
        assert server.acted == ["STOP"]


def test_a_webhook_that_is_busy_is_asked_again_with_the_same_id(settings):
    settings.ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    http._breakers.clear()
    with serving() as peer:
        peer.answers = [(429, "busy", {"Retry-After": "1"}), (200, '{"job": 1}')]
        Provider.objects.create(name="hook", kind="webhook", secrets={"url": f"{peer.address}/x", "secret": "s"})
        step = stage.action("post", provider="hook", params={"action": "drain"})
        execution = stage.drive(stage.approved(stage.plan(step)))
        assert execution.state == "succeeded"
        assert len({body["event_id"] for body in peer.bodies}) == 1
        assert len(peer.bodies) == 2
