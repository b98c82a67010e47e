"""Terraform, in the cloud and here: the plan is made first, people see it, and exactly that plan is applied."""

import json
import os
import stat
import sys
import time
from pathlib import Path

import pytest

from remediation.providers import command_jobs as jobs
from remediation.providers import terraform_cloud
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Ask
from remediation.providers.terraform import Terraform, TerraformForm
from remediation.providers.terraform_cloud import TerraformCloud
from remediation.providers.terraform_plan import changed, hcl, summary
from remediation.providers.tests.api_stub import Said, serving

pytestmark = pytest.mark.once
KEY = "0c1f4f0e-5d4b-4f5e-9d5c-1f2e3d4c5b6a"
CHANGES = [
    {"address": "vm.a", "change": {"actions": ["create"], "before": None, "after": {"size": 4}}},
    {
        "address": "vm.b",
        "change": {
            "actions": ["update"],
            "before": {"size": 2, "password": "old-secret", "name": "b"},
            "after": {"size": 4, "password": "new-secret", "name": "b"},
            "after_unknown": {"ip": True},
            "after_sensitive": {"password": True},
        },
    },
    {"address": "vm.c", "change": {"actions": ["delete", "create"], "before": {}, "after": {}}},
    {"address": "vm.d", "change": {"actions": ["no-op"]}},
]


def ask(key=KEY, **params):
    return Ask(key, "apply", params, "network", timeout=30.0, reason="Pool is full", case="c-7")


# -- what plans say -------------------------------------------------------------------------------------------------------
def test_a_plan_is_summed_up_and_shown_without_what_is_sensitive():
    assert summary(CHANGES) == "1 to add, 1 to change, 1 to replace"
    assert summary([]) == "Nothing to change"
    assert changed(CHANGES).splitlines() == [
        "+ vm.a  (create)",
        "  vm.b  (update)",
        "+   ip = (known after apply)",
        "-   password = (hidden)",
        "+   password = (hidden)",
        "-   size = 2",
        "+   size = 4",
        "  vm.c  (replace)",
    ]


def test_a_value_is_never_evaluated():
    assert hcl('${file("/etc/passwd")}') == '"$${file(\\"/etc/passwd\\")}"'
    assert hcl({"a": [1, "%{if true}"]}) == '{"a": [1, "%%{if true}"]}'


# -- the cloud ------------------------------------------------------------------------------------------------------------
class Workspaces:
    """Runs of one workspace. A run walks on by one status each time it is looked at."""

    def __init__(self):
        self.runs, self.planning = {}, ["pending", "planning"]
        self.end, self.applying = "planned", ["applying", "applied"]

    def __call__(self, asked):
        if asked.headers.get("authorization") == "Bearer t0ken-of-ours":
            if asked.headers.get("content-type") != "application/vnd.api+json":
                return Said(415, {"errors": [{"status": "415", "title": "unsupported media type"}]})
            return self.answer(asked, asked.path.removeprefix("/api/v2/").split("/"))
        if asked.path == "/store/plan.json" and "authorization" not in asked.headers:
            return Said(200, {"resource_changes": CHANGES})
        return Said(401, {"errors": [{"status": "401", "title": "unauthorized"}]})

    def answer(self, asked, path):
        match [asked.method, *path]:
            case ["GET", "account", "details"]:
                return Said(200, {"data": {"attributes": {"username": "robot"}}})
            case ["GET", "organizations", "acme"]:
                return Said(200, {"data": {"id": "acme"}})
            case ["GET", "organizations", "acme", "workspaces", "network"]:
                return Said(200, {"data": {"id": "ws-1"}})
            case ["POST", "runs"]:
                data = asked.body["data"]
                run = {"id": f"run-{len(self.runs) + 1}", "asked": data, "ahead": [*self.planning, self.end], "status": "pending"}
                self.runs[run["id"]] = run
                return Said(201, {"data": self.shown(run)})
            case ["GET", "runs", run_id] if run_id in self.runs:
                run = self.runs[run_id]
                run["status"] = run["ahead"].pop(0) if run["ahead"] else run["status"]
                return Said(200, {"data": self.shown(run)})
            case ["POST", "runs", run_id, "actions", verb]:
                return self.act(self.runs[run_id], verb)
            case ["GET", "plans", "plan-1", "json-output"]:
                return Said(307, None, {"Location": f"http://{asked.headers['host']}/store/plan.json"})
        return Said(404, {"errors": [{"status": "404", "title": "not found"}]})

    def shown(self, run):
        waits = run["status"] == "planned"
        actions = {"is-confirmable": waits, "is-discardable": waits, "is-cancelable": run["status"] in ("planning", "applying")}
        plan = {"plan": {"data": {"id": "plan-1"}}}
        return {"id": run["id"], "attributes": {"status": run["status"], "actions": actions}, "relationships": plan}

    def act(self, run, verb):
        allowed = self.shown(run)["attributes"]["actions"]
        if not allowed[{"apply": "is-confirmable", "discard": "is-discardable", "cancel": "is-cancelable"}[verb]]:
            return Said(409, {"errors": [{"status": "409", "title": "transition not allowed"}]})
        run["ahead"] = list(self.applying) if verb == "apply" else []
        run["status"] = {"apply": "confirmed", "discard": "discarded", "cancel": "canceled"}[verb]
        return Said(202)


@pytest.fixture
def workspaces(monkeypatch):
    monkeypatch.setattr(terraform_cloud, "PAUSE", 0.0)
    return Workspaces()


@pytest.fixture
def api(workspaces):
    with serving(workspaces) as api:
        yield api


@pytest.fixture
def cloud(api):
    return TerraformCloud({"url": api.url, "organization": "acme"}, {"token": "t0ken-of-ours"})


def test_the_plan_is_made_shown_and_then_applied(cloud, workspaces):
    preview = cloud.dry_run(ask(workspace="network", variables={"size": 4, "note": "${bad}"}))
    assert (preview.sentence, preview.plan, preview.changes) == ("1 to add, 1 to change, 1 to replace", "run-1", True)
    assert "new-secret" not in preview.diff
    asked = workspaces.runs["run-1"]["asked"]
    assert asked["attributes"]["auto-apply"] is False
    assert asked["attributes"]["variables"] == [{"key": "note", "value": '"$${bad}"'}, {"key": "size", "value": "4"}]
    assert asked["relationships"]["workspace"]["data"]["id"] == "ws-1"
    with_plan = ask(workspace="network", plan=preview.plan)
    assert cloud.resume(with_plan) is None
    assert cloud.run(with_plan).state == RUNNING
    assert cloud.poll(with_plan, "run-1", "").detail == "Run run-1 is being applied"
    ended = cloud.poll(with_plan, "run-1", "applying")
    assert (ended.state, ended.detail, ended.facts["status"]) == (SUCCEEDED, "Run run-1 was applied", "applied")


def test_it_is_applied_once(cloud, api):
    with_plan = ask(workspace="network", plan=cloud.dry_run(ask(workspace="network")).plan)
    cloud.run(with_plan)
    assert cloud.run(with_plan).state == RUNNING
    assert cloud.resume(with_plan).state == SUCCEEDED
    assert [one.path for one in api.of("POST")].count("/api/v2/runs/run-1/actions/apply") == 1


def test_without_a_plan_nothing_is_applied(cloud, api):
    with pytest.raises(ActionError, match="there is no plan that was approved") as refused:
        cloud.run(ask(workspace="network"))
    assert refused.value.permanent
    assert api.asked == []


def test_a_plan_that_takes_long_is_applied_when_it_is_there(cloud, workspaces):
    workspaces.planning = ["planning"] * 9
    preview = cloud.dry_run(ask(workspace="network"))
    assert (preview.sentence, preview.plan) == ("The plan is still being made", "run-1")
    with pytest.raises(ActionError, match="still being made") as later:
        cloud.run(ask(workspace="network", plan="run-1"))
    assert not later.value.permanent
    assert cloud.dry_run(ask(workspace="network", plan="run-1")).changes
    assert len(workspaces.runs) == 1


@pytest.mark.parametrize(("end", "sentence"), [("errored", "the plan of run run-1 ended errored"), ("discarded", "ended discarded")])
def test_a_plan_that_failed_is_refused(cloud, workspaces, end, sentence):
    workspaces.end = end
    with pytest.raises(ActionError, match=sentence) as refused:
        cloud.dry_run(ask(workspace="network"))
    assert refused.value.permanent


def test_a_plan_without_changes_says_so(cloud, workspaces):
    workspaces.end = "planned_and_finished"
    preview = cloud.dry_run(ask(workspace="network"))
    assert not preview.changes
    assert cloud.run(ask(workspace="network", plan=preview.plan)).detail == "Run run-1 has nothing to change"


def test_an_apply_that_fails_is_a_failure(cloud, workspaces):
    workspaces.applying = ["errored"]
    with_plan = ask(workspace="network", plan=cloud.dry_run(ask(workspace="network")).plan)
    cloud.run(with_plan)
    assert cloud.poll(with_plan, "run-1", "").state == FAILED


def test_a_plan_that_waits_is_discarded(cloud, workspaces):
    plan = cloud.dry_run(ask(workspace="network")).plan
    assert cloud.cancel(ask(plan=plan), plan).detail == "Run run-1 ended discarded"
    assert workspaces.runs["run-1"]["status"] == "discarded"


def test_a_plan_nobody_wants_is_discarded_there_and_here(cloud, workspaces, terraform, settings):
    plan = cloud.dry_run(ask(workspace="network")).plan
    cloud.discard(ask(plan=plan), plan)
    assert workspaces.runs[plan]["status"] == "discarded"
    here = terraform.dry_run(ask(directory="network", variables={"size": 4})).plan
    assert Path(settings.DATA_DIR, "plans", here).is_dir()
    terraform.discard(ask(plan=here), here)
    assert not Path(settings.DATA_DIR, "plans", here).exists()
    with pytest.raises(ActionError, match="there is no plan that was approved"):
        terraform.run(ask("later", directory="network", plan=here))


def test_a_check_says_who_we_are_and_a_wrong_token_is_never_shown(cloud, api):
    assert cloud.check() == "signed in as robot, organization acme"
    with pytest.raises(ActionError, match="does not let us in") as refused:
        TerraformCloud({"url": api.url, "organization": "acme"}, {"token": "wrong-token"}).check()
    assert "wrong-token" not in refused.value.message


@pytest.mark.parametrize(("status", "permanent", "unclear"), [(409, True, False), (429, False, False), (502, False, True)])
def test_what_a_refused_apply_means(cloud, api, status, permanent, unclear):
    plan = cloud.dry_run(ask(workspace="network")).plan
    api.instead = [Said(status, {"errors": [{"title": "transition not allowed"}]})]
    with pytest.raises(ActionError, match="transition not allowed") as refused:
        cloud.run(ask(workspace="network", plan=plan))
    assert (refused.value.permanent, refused.value.unclear) == (permanent, unclear)


# -- the program ----------------------------------------------------------------------------------------------------------
PROGRAM = """#!{python}
# Behaves as terraform does: init, plan with its exit status, show -json, apply of a saved plan, a token it repeats.
import json, os, sys, time
verb, flags = sys.argv[1], sys.argv[2:]
assert verb == "version" or os.environ["TF_IN_AUTOMATION"] == "1" and os.environ["TF_INPUT"] == "0"
if verb == "version":
    print(json.dumps({{"terraform_version": "1.11.4"}}))
elif verb == "init":
    os.makedirs(os.environ["TF_DATA_DIR"], exist_ok=True)
elif verb == "plan":
    out = next(flag[5:] for flag in flags if flag.startswith("-out="))
    given = json.load(open(next(flag[10:] for flag in flags if flag.startswith("-var-file="))))
    if given.get("broken"):
        print("Error: Unsupported argument", file=sys.stderr)
        sys.exit(1)
    json.dump({{"resource_changes": {changes} if given else []}}, open(out, "w"))
    print("Terraform will perform the following actions with", os.environ.get("CLOUD_TOKEN"))
    sys.exit(2 if given else 0)
elif verb == "show":
    print(open(flags[-1]).read())
elif verb == "apply":
    plan = json.load(open(flags[-1]))
    print("applying with", os.environ.get("CLOUD_TOKEN"), flush=True)
    open(os.path.join(os.getcwd(), "applied"), "a").write("x")
    if os.path.exists("fails"):
        print("Error: creating VM: quota exceeded")
        sys.exit(1)
    print("Apply complete! Resources: 1 added, 1 changed, 1 destroyed.")
"""
TOKEN = "cloud-token-4711"


@pytest.fixture
def directory(tmp_path):
    place = tmp_path / "network"
    place.mkdir()
    return place


@pytest.fixture
def terraform(tmp_path, directory, settings):
    settings.DATA_DIR = tmp_path / "data"
    program = tmp_path / "terraform"
    program.write_text(PROGRAM.format(python=sys.executable, changes=repr(CHANGES)))
    program.chmod(0o755)
    config = {"binary": str(program), "directories": f"network = {directory}"}
    return Terraform(config, {"environment": f"CLOUD_TOKEN={TOKEN}\n"})


def ended(terraform, asked):
    """Waits for the supervisor; fails by the suite's own time-out."""
    lines, cursor = [], ""
    while True:
        answer = terraform.poll(asked, asked.key, cursor)
        lines, cursor = [*lines, *answer.lines], answer.cursor
        if answer.state != RUNNING:
            return answer, [line.text for line in lines]
        time.sleep(0.02)


def test_the_program_applies_the_saved_plan_and_never_shows_its_token(terraform, directory, settings):
    preview = terraform.dry_run(ask(directory="network", variables={"size": 4}))
    assert (preview.sentence, preview.plan, preview.changes) == ("1 to add, 1 to change, 1 to replace", KEY, True)
    assert [line.text for line in preview.lines] == ["Terraform will perform the following actions with [hidden]"]
    asked = ask("a-step-of-the-case", directory="network", plan=preview.plan)
    assert terraform.resume(asked) is None
    assert terraform.run(asked).state == RUNNING
    answer, lines = ended(terraform, asked)
    assert (answer.state, answer.detail) == (SUCCEEDED, "Apply complete! Resources: 1 added, 1 changed, 1 destroyed.")
    assert "applying with [hidden]" in lines
    job = Path(settings.DATA_DIR, "actions", asked.key, "job.json")
    assert TOKEN not in job.read_text()
    assert stat.S_IMODE(os.stat(Path(settings.DATA_DIR, "plans", KEY)).st_mode) == 0o700


def test_the_program_is_asked_once_for_a_key(terraform, directory):
    asked = ask("step-one", directory="network", plan=terraform.dry_run(ask(directory="network", variables={"size": 4})).plan)
    terraform.run(asked)
    ended(terraform, asked)
    terraform.run(asked)
    assert terraform.resume(asked).state == SUCCEEDED
    assert (directory / "applied").read_text() == "x"


def test_an_apply_of_the_program_that_fails_is_a_failure(terraform, directory):
    (directory / "fails").touch()
    asked = ask("step-two", directory="network", plan=terraform.dry_run(ask(directory="network", variables={"size": 4})).plan)
    terraform.run(asked)
    answer, lines = ended(terraform, asked)
    assert (answer.state, answer.detail) == (FAILED, "terraform apply ended with 1")
    assert lines[-1] == "Error: creating VM: quota exceeded"


@pytest.mark.parametrize("plan", ["", "../../etc", "none-of-ours"])
def test_only_a_plan_that_was_made_here_is_applied(terraform, plan):
    with pytest.raises(ActionError, match="there is no plan that was approved") as refused:
        terraform.run(ask("step-three", directory="network", plan=plan))
    assert refused.value.permanent
    assert jobs.standing("step-three") == jobs.NONE


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"directory": "other"}, "other is not a directory that may be applied; those are network"),
        ({"directory": "/etc"}, "/etc is not a directory that may be applied"),
        ({}, "directory is missing"),
        ({"directory": "network", "variables": "x"}, "variables has to be an object"),
        ({"directory": "network", "variables": {"broken": 1}}, "terraform plan ended with 1: Error: Unsupported argument"),
    ],
)
def test_what_the_program_cannot_plan_is_one_sentence(terraform, params, sentence):
    with pytest.raises(ActionError, match=sentence) as refused:
        terraform.dry_run(ask(**params))
    assert refused.value.permanent


def test_nothing_to_change_is_said(terraform):
    preview = terraform.dry_run(ask(directory="network"))
    assert (preview.sentence, preview.changes) == ("Nothing to change", False)


def test_a_check_asks_the_version(terraform, tmp_path):
    assert terraform.check() == "Terraform 1.11.4"
    with pytest.raises(ActionError, match="cannot be run: No such file or directory"):
        Terraform({"binary": str(tmp_path / "none"), "directories": ""}, {}).check()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"binary": "terraform"}, "binary"),
        ({"directories": "network: /srv"}, "directories"),
        ({"directories": "network = srv"}, "directories"),
        ({"environment": "token=abc-value"}, "environment"),
        ({"environment": "TF_DATA_DIR=/tmp"}, "environment"),
    ],
)
def test_the_form_says_what_is_wrong_and_repeats_no_secret(given, field):
    form = TerraformForm({"binary": "/usr/bin/terraform", "directories": "network = /srv/network", "environment": "", **given})
    assert list(form.errors) == [field]
    assert "abc-value" not in json.dumps(form.errors)
