from datetime import timedelta

import pytest
from django.utils import timezone

from monitoring.alerts.models import Alert, AlertTransition
from monitoring.alerts.observations import Observation, fingerprint, observe
from monitoring.store import StoreUnavailable, writer
from monitoring.store.batch import Batch
from remediation import conditions, execute
from remediation.conditions import Reading
from remediation.models import Execution
from remediation.plan import Check
from remediation.providers.base import PROVIDERS
from remediation.tests import stage

pytestmark = pytest.mark.django_db
USED = "disk_used_percent < 80"


@pytest.fixture(autouse=True)
def world(monkeypatch):
    monkeypatch.setitem(PROVIDERS, stage.KIND, stage.DOTTED)
    return stage.anew()


def put(value, ago=0.0, metric="disk_used_percent", **labels):
    at = timezone.now() - timedelta(seconds=ago)
    writer.write(Batch.of([(metric, labels or {"host": "web-1"}, round(at.timestamp() * 1000), value)]))


def look(query, not_before=None):
    return conditions.look(Check(query=query, name="disk"), timezone.now(), not_before)


def firing(name="DiskFull", **labels):
    labels = {"alertname": name, "host": "web-1", "severity": "high", **labels}
    observe([Observation(fingerprint("rule", labels), "firing", name, labels=labels, severity="high")])
    return Alert.objects.get(name=name, fingerprint=fingerprint("rule", labels))


# -- conditions -------------------------------------------------------------------------------------------------------------
def test_a_comparison_holds_where_it_answers_something():
    put(71.5)
    assert look(USED) == Reading(True, "disk: 71.5, must be < 80", 71.5, "< 80")


def test_a_comparison_that_answers_nothing_tells_what_it_is_now():
    put(92.0)
    assert look(USED) == Reading(False, "disk: 92, must be < 80", 92.0, "< 80")


def test_without_data_it_cannot_be_told():
    assert look(USED) == Reading(None, "disk: no data, must be < 80", None, "< 80")


def test_a_comparison_with_bool_holds_where_it_is_not_0():
    put(92.0)
    assert look("disk_used_percent < bool 80").holds is False
    put(70.0, host="web-2")
    assert look("disk_used_percent < bool 80").holds is True


def test_a_value_of_0_that_is_compared_holds():
    put(0.0)
    assert look("disk_used_percent == 0").holds is True
    assert look("disk_used_percent").holds is False


@pytest.mark.parametrize(
    ("query", "holds"), [("absent(nothing_here)", True), ("vector(1)", True), ("vector(0)", False), ("1 > bool 2", False)]
)
def test_expressions_without_series(query, holds):
    assert look(query).holds is holds


def test_what_is_there_is_not_absent():
    put(1.0)
    assert look("absent(disk_used_percent)").holds is False


def test_a_query_that_is_none_cannot_be_told_and_says_why():
    reading = look("sum(")
    assert reading.holds is None
    assert len(reading.words) > len("disk: ")


def test_what_was_measured_before_the_action_does_not_count():
    put(71.5, ago=30)
    assert look(USED, timezone.now() - timedelta(seconds=10)).holds is None
    assert look(USED, timezone.now() - timedelta(seconds=60)).holds is True


# -- cases ------------------------------------------------------------------------------------------------------------------
def verifying(*checks, **columns):
    """A case whose steps are done, and whose criteria have been looked at once."""
    execution = stage.approved(stage.plan(stage.action("scale"), success=checks), **columns)
    stage.advance.advance(execution.pk)
    execution.refresh_from_db()
    return execution


def test_it_succeeds_when_its_criterion_has_held_long_enough(world):
    put(92.0, ago=5)
    execution = verifying(Check(query=USED, hold=20, within=300))
    assert execution.state == "verifying"
    assert execution.checks[0]["before"] == 92.0
    stage.pass_time(execution)
    put(60.0)
    stage.advance.advance(execution.pk)
    execution.refresh_from_db()
    assert (execution.state, execution.checks[0]["holds"], execution.checks[0]["held"]) == ("verifying", True, False)
    stage.drive(execution)
    assert (execution.state, execution.verification) == ("succeeded", "held")
    assert execution.outcome == "Verified: disk_used_percent < 80: 60, must be < 80."


def test_a_break_begins_the_time_it_has_to_hold_anew(world):
    execution = verifying(Check(query=USED, hold=1000, within=300))
    stage.pass_time(execution)
    put(60.0, ago=0.001)
    stage.advance.advance(execution.pk)
    execution.refresh_from_db()
    assert execution.checks[0]["since"]
    stage.pass_time(execution)
    put(95.0)
    stage.advance.advance(execution.pk)
    execution.refresh_from_db()
    assert (execution.checks[0]["since"], execution.checks[0]["now"]) == ("", 95.0)


def test_what_does_not_help_is_rolled_back_and_people_are_told(world):
    put(95.0)
    execution = stage.drive(verifying(Check(query="vector(0)", name="room", within=30)))
    assert stage.story(execution)[-4:] == ["verifying", "failed", "rolling_back", "rolled_back"]
    assert execution.verification == "not_held"
    assert execution.outcome == "It did not help: not within 30 s: room: 0. What was done was rolled back."
    assert Alert.objects.get(source="remediation").name == "RemediationFailed"


def test_without_data_it_is_done_and_not_verifiable(world):
    alert = firing()
    execution = stage.drive(verifying(Check(query=USED, within=30), alert=alert))
    assert (execution.state, execution.verification) == ("succeeded", "not_verifiable")
    alert.refresh_from_db()
    assert alert.state == "firing"


def test_of_several_criteria_each_has_to_hold_at_some_time(world):
    execution = stage.drive(verifying(Check(query="vector(1)", hold=5), Check(query="vector(0)", name="other", within=60)))
    assert execution.verification == "not_held"
    assert "other" in execution.outcome


def test_success_resolves_the_alert_and_names_the_case(world):
    alert = firing()
    execution = stage.drive(verifying(Check(query="vector(1)"), alert=alert))
    alert.refresh_from_db()
    assert (execution.state, alert.state) == ("succeeded", "resolved")
    note = AlertTransition.objects.filter(alert=alert, after="resolved").get().reason
    assert note.startswith(f"{execution.number} Mend web-1: verified")


def test_a_store_that_does_not_answer_is_asked_again(world, monkeypatch):
    faults = [StoreUnavailable("away") for _ in range(6)]
    query = conditions.stored.run_instant

    def run_instant(*args, **more):
        if faults:
            raise faults.pop()
        return query(*args, **more)

    monkeypatch.setattr(conditions.stored, "run_instant", run_instant)
    execution = stage.drive(verifying(Check(query="vector(1)")))
    assert (execution.state, faults) == ("succeeded", [])


def test_an_alert_that_is_over_before_the_case_begins_cancels_it(world):
    alert = firing()
    execution = stage.approved(alert=alert)
    observe([Observation(alert.fingerprint, "resolved")])
    stage.drive(execution)
    assert (execution.state, execution.outcome) == ("cancelled", "Cancelled: DiskFull is over: there is nothing to mend.")
    assert world.asked == []


# -- escalation -------------------------------------------------------------------------------------------------------------
def failed(world, **columns):
    world.answers["run restart"] = [stage.ActionError("no", permanent=True)]
    return stage.drive(stage.approved(**columns))


def test_an_escalation_is_an_alert_about_the_same_thing(world):
    alert = firing(mountpoint="/var")
    execution = failed(world, alert=alert)
    raised = Alert.objects.get(source="remediation")
    assert (raised.state, raised.severity, raised.name) == ("firing", "high", "RemediationFailed")
    assert raised.labels["mountpoint"] == "/var"
    assert raised.labels["run"] == execution.number
    assert "A person has to look" in raised.annotations["summary"]


def test_it_ends_with_the_alert_it_was_about(world):
    from remediation import escalate

    alert = firing()
    failed(world, alert=alert)
    assert escalate.end_needless() == 0
    observe([Observation(alert.fingerprint, "resolved")])
    assert escalate.end_needless() == 1
    assert Alert.objects.get(source="remediation").state == "resolved"


def test_it_ends_when_the_target_was_mended_since(world):
    from remediation import escalate

    failed(world)
    assert escalate.end_needless() == 0
    stage.drive(verifying(Check(query="vector(1)")))
    assert escalate.end_needless() == 1


def test_a_case_tells_its_incident(world):
    from monitoring.incidents.models import Incident, IncidentAlert, TimelineEntry

    alert = firing()
    incident = Incident.objects.create(title="Disk")
    IncidentAlert.objects.create(incident=incident, alert=alert)
    execution = failed(world, alert=alert)
    told = list(TimelineEntry.objects.filter(incident=incident, kind="action").order_by("id").values_list("text", flat=True))
    assert told[0] == f"{execution}: waiting for approval – a test proposes it"
    assert told[-1].startswith(f"{execution}: escalated")
    assert execution.incident_id == incident.pk


# -- a person wants it undone ------------------------------------------------------------------------------------------------
def test_a_person_may_have_a_success_rolled_back(world, operator):
    execution = stage.drive(verifying(Check(query="vector(1)")))
    assert execute.roll_back(execution, operator, "users complain")
    assert not execute.roll_back(execution, operator, "again")
    stage.drive(execution)
    assert (execution.state, execution.escalated_at) == ("rolled_back", None)
    assert world.done[-1][0] == "rollback scale"
    assert execution.transitions.get(after="rolling_back").actor == "operator"
    assert not Alert.objects.filter(source="remediation").exists()


def test_what_has_no_way_back_stays_as_it_is_and_says_so(world, operator):
    execution = stage.drive(stage.approved())
    execute.roll_back(execution, operator, "please")
    stage.drive(execution)
    assert execution.state == "succeeded"
    assert "nothing that can be rolled back" in execution.outcome


def test_the_runbooks_own_way_back_comes_first(world):
    world.answers["run start"] = [stage.ActionError("no", permanent=True)]
    made = stage.plan(stage.action("scale"), stage.action("start"), rollback=(stage.action("restart", step="back"),))
    execution = stage.drive(stage.approved(made))
    assert stage.steps(execution)["back"] == "succeeded"
    assert [verb for verb, _ in world.done] == ["run scale", "run restart"]


def test_an_inverse_that_a_step_names_is_run(world):
    world.answers["run start"] = [stage.ActionError("no", permanent=True)]
    back = stage.action("restart", params={"to": "before"}).action
    execution = stage.drive(stage.approved(stage.plan(stage.action("scale", undo=back), stage.action("start"))))
    assert execution.state == "rolled_back"
    assert world.params[-1] == {"to": "before"}


def test_a_rollback_that_fails_is_escalated_and_may_be_tried_again(world, operator):
    world.answers["run start"] = [stage.ActionError("no", permanent=True)]
    world.answers["rollback scale"] = [stage.ActionError("locked", permanent=True)]
    execution = stage.drive(stage.approved(stage.plan(stage.action("scale"), stage.action("start"))))
    assert execution.state == "escalated"
    assert "the rollback failed" in execution.outcome.lower()
    assert execute.roll_back(execution, operator, "it is unlocked")
    stage.drive(execution)
    assert execution.state == "rolled_back"
    assert Execution.objects.get(pk=execution.pk).steps.filter(phase="rollback").count() == 2


def test_a_rollback_whose_answer_was_lost_is_asked_again_and_not_taken_for_what_it_takes_back(world):
    world.answers["run start"] = [stage.ActionError("no", permanent=True)]
    world.answers["rollback scale"] = [stage.ActionError("cut off", unclear=True)]
    execution = stage.drive(stage.approved(stage.plan(stage.action("scale"), stage.action("start"))))
    assert execution.state == "rolled_back"
    assert world.asked[-2:] == ["rollback scale", "rollback scale"]
    assert [verb for verb, _ in world.done] == ["run scale", "rollback scale"]
