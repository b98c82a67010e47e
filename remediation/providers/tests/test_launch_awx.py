"""AWX: what a template does not ask for is an error, a job is followed to its end, and found again by its key."""

import pytest

from remediation.providers.awx import Awx, AwxForm
from remediation.providers.base import FAILED, RUNNING, SUCCEEDED, ActionError, Ask
from remediation.providers.tests.api_stub import Said, serving

pytestmark = pytest.mark.once
KEY = "0c1f4f0e-5d4b-4f5e-9d5c-1f2e3d4c5b6a"


class Controller:
    """Job templates, jobs and their output, as the API of AWX answers."""

    def __init__(self):
        self.template = {"id": 7, "name": "Restart web", "playbook": "restart.yml"}
        self.launch = {
            "ask_variables_on_launch": True,
            "ask_limit_on_launch": True,
            "survey_enabled": False,
            "variables_needed_to_start": [],
        }
        self.jobs, self.stdout, self.ignored = [], "", {}

    def __call__(self, asked):
        if asked.headers.get("authorization") != "Bearer t0ken-of-ours":
            return Said(401, {"detail": "Authentication credentials were not provided."})
        assert asked.path.endswith("/")
        path = asked.path.removeprefix("/api/v2/").strip("/").split("/")
        match path:
            case ["ping"]:
                return Said(200, {"version": "24.6.1"})
            case ["me"]:
                return Said(200, {"results": [{"username": "robot"}]})
            case ["job_templates"]:
                found = [self.template] if asked.query.get("name") == self.template["name"] else []
                return Said(200, {"count": len(found), "next": None, "results": found})
            case ["job_templates", "7"]:
                return Said(200, self.template)
            case ["job_templates", "7", "launch"] if asked.method == "GET":
                return Said(200, self.launch)
            case ["job_templates", "7", "launch"]:
                return self.begin(asked.body)
            case ["jobs"]:
                return Said(200, {"results": list(reversed(self.jobs))})
            case ["jobs", number]:
                return Said(200, self.jobs[int(number) - 1])
            case ["jobs", number, "stdout"]:
                return Said(200, self.stdout, {"Content-Type": "text/plain"})
            case ["jobs", number, "cancel"]:
                return self.stop(self.jobs[int(number) - 1])
        return None

    def begin(self, body):
        import json

        job = {
            "id": len(self.jobs) + 1,
            "status": "pending",
            "extra_vars": json.dumps(body.get("extra_vars", {})),
            "limit": body.get("limit", ""),
        }
        self.jobs.append(job)
        return Said(201, {"job": job["id"], "ignored_fields": self.ignored, "status": "pending"})

    def stop(self, job):
        if job["status"] in ("successful", "failed", "canceled"):
            return Said(405, {"detail": 'Method "POST" not allowed.'})
        job["status"] = "canceled"
        return Said(202)


@pytest.fixture
def controller():
    return Controller()


@pytest.fixture
def api(controller):
    with serving(controller) as api:
        yield api


@pytest.fixture
def awx(api):
    return Awx({"url": api.url, "path": "/api/v2"}, {"token": "t0ken-of-ours"})


def ask(**params):
    return Ask(KEY, "launch", {"template": "Restart web", **params}, "web-03", reason="CPU is high", case="c")


def test_a_check_says_version_and_who_we_are(awx):
    assert awx.check() == "AWX 24.6.1, signed in as robot"


def test_a_wrong_token_is_permanent_and_never_shown(api):
    with pytest.raises(ActionError) as refused:
        Awx({"url": api.url}, {"token": "wrong-token-123"}).check()
    assert refused.value.permanent
    assert "does not let us in (401)" in refused.value.message
    assert "wrong-token-123" not in refused.value.message


def test_a_job_is_launched_with_its_variables_and_followed_to_its_end(awx, controller):
    answer = awx.run(ask(extra_vars={"service": "nginx"}, limit="web-03"))
    assert (answer.state, answer.handle, answer.detail) == (RUNNING, "1", "Job 1 waits for capacity")
    [job] = controller.jobs
    assert job["limit"] == "web-03"
    assert '"service": "nginx"' in job["extra_vars"]
    job["status"], controller.stdout = "running", "PLAY [web]\nTASK [resta"
    running = awx.poll(ask(), "1", "")
    assert (running.state, [line.text for line in running.lines]) == (RUNNING, ["PLAY [web]"])
    job["status"], controller.stdout = "successful", "PLAY [web]\nTASK [restart]\nfatal: [web-04]: no route\nok: 1"
    ended = awx.poll(ask(), "1", running.cursor)
    assert ended.state == SUCCEEDED
    assert [(line.text, line.level) for line in ended.lines] == [
        ("TASK [restart]", "info"),
        ("fatal: [web-04]: no route", "error"),
        ("ok: 1", "info"),
    ]
    assert ended.facts["job"] == "1"


@pytest.mark.parametrize("status", ["failed", "error", "canceled"])
def test_a_job_that_ends_badly_says_why(awx, controller, status):
    awx.run(ask())
    controller.jobs[0] |= {"status": status, "job_explanation": "Previous task\n failed"}
    answer = awx.poll(ask(), "1", "")
    assert (answer.state, answer.detail) == (FAILED, f"Job 1 ended {status}: Previous task failed")


@pytest.mark.parametrize(
    ("launch", "params", "sentence"),
    [
        ({"ask_variables_on_launch": False}, {"extra_vars": {"a": 1}}, "Restart web takes no variables: a would be dropped"),
        ({"ask_limit_on_launch": False}, {"limit": "web"}, "Restart web does not ask for limit: it would be dropped"),
        ({"variables_needed_to_start": ["region"]}, {}, "Restart web needs region"),
        ({}, {"template": "Other"}, "there is no job template named Other"),
        ({}, {"template": ""}, "template is missing"),
        ({}, {"extra_vars": "a=1"}, "extra_vars has to be an object"),
    ],
)
def test_what_would_be_dropped_or_is_missing_starts_nothing(awx, api, controller, launch, params, sentence):
    controller.launch |= launch
    for call in (awx.dry_run, awx.run):
        with pytest.raises(ActionError, match=f"^{sentence}$") as refused:
            call(ask(**params))
        assert refused.value.permanent
    assert api.of("POST") == []


def test_a_job_that_was_started_without_its_variables_is_cancelled(awx, controller):
    controller.launch |= {"ask_variables_on_launch": False, "survey_enabled": True}
    controller.ignored = {"extra_vars": {"service": "nginx"}}
    with pytest.raises(ActionError, match="dropped service: job 1 was cancelled") as refused:
        awx.run(ask(extra_vars={"service": "nginx"}))
    assert refused.value.permanent
    assert controller.jobs[0]["status"] == "canceled"


def test_a_dry_run_changes_nothing(awx, api):
    preview = awx.dry_run(ask(extra_vars={"service": "nginx"}, limit="web-03"))
    assert preview.sentence == "Would launch Restart web (restart.yml) limited to web-03"
    assert [line.text for line in preview.lines] == ["service = nginx"]
    assert api.of("POST") == []


def test_after_a_crash_the_job_is_found_by_its_key(awx, controller):
    assert awx.resume(ask()) is None
    awx.run(ask())
    controller.jobs.append({"id": 2, "status": "running", "extra_vars": "not json"})
    found = awx.resume(ask())
    assert (found.state, found.handle) == (RUNNING, "1")


def test_a_template_without_variables_leaves_it_open(awx, controller):
    controller.launch["ask_variables_on_launch"] = False
    with pytest.raises(ActionError) as refused:
        awx.resume(ask())
    assert refused.value.unclear


def test_a_job_is_cancelled_and_one_that_ended_is_left(awx, controller):
    awx.run(ask())
    assert awx.cancel(ask(), "1").detail == "Job 1 ended canceled"
    assert awx.cancel(ask(), "1").state == FAILED


@pytest.mark.parametrize(("status", "permanent", "unclear"), [(400, True, False), (429, False, False), (503, False, True)])
def test_what_a_refused_launch_means(awx, api, status, permanent, unclear):
    api.instead = [Said(status, {"variables_needed_to_start": ["'region' value missing"]}, {"Retry-After": "7"})]
    with pytest.raises(ActionError) as refused:
        awx.run(ask())
    assert (refused.value.permanent, refused.value.unclear, refused.value.retry_after) == (permanent, unclear, 7.0)
    assert "variables_needed_to_start: 'region' value missing" in refused.value.message


def test_an_answer_that_never_comes_leaves_it_open_and_the_key_tells(awx, api, controller):
    api.instead = [None]
    with pytest.raises(ActionError) as refused:
        awx.run(ask())
    assert refused.value.unclear
    assert awx.resume(ask()).handle == "1"


def test_the_form_takes_newer_controllers_paths():
    form = AwxForm({"url": "https://awx.example.org/", "token": "x", "path": "api/controller/v2/", "verify_tls": "on"})
    assert form.is_valid(), form.errors
    assert (form.cleaned_data["url"], form.cleaned_data["path"]) == ("https://awx.example.org", "/api/controller/v2")
    assert not AwxForm({"url": "ftp://awx", "token": "x"}).is_valid()
