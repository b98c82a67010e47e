"""Rule files on the page: looked at first, then imported; written again. And a collection as the community writes them."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts import rule_files, rule_import
from monitoring.alerts.models import AlertRule, RuleGroup
from monitoring.query.stored import run_instant
from monitoring.store import writer
from monitoring.store.batch import Batch

pytestmark = pytest.mark.django_db
COLLECTION = sorted((Path(__file__).parent / "data" / "collection").glob("*.yml"))
TEXT = """groups:
  - name: web
    interval: 30s
    rules:
      - alert: Slow
        expr: latency > 1
        for: 5m
        labels: {severity: page}
      - alert: Broken
        expr: sum(
"""


def test_nothing_is_stored_before_one_has_looked(client_of, operator):
    answer = client_of(operator).post("/rules/import/", {"file": "web.yml", "text": TEXT})
    text = answer.content.decode()
    assert "What would happen" in text
    assert "Import 1 rule" in text
    assert [(note.line, refused) for note, refused in answer.context["lines"]] == [(10, True), (8, False)]
    assert not RuleGroup.objects.filter(file="web.yml").exists()
    assert not AuditEntry.objects.filter(action="rules.imported").exists()


def test_it_is_imported_and_what_is_not_used_stays_to_be_read(client_of, operator):
    client = client_of(operator)
    answer = client.post("/rules/import/", {"file": "web.yml", "text": TEXT, "apply": "1"})
    assert "What was imported" in answer.content.decode()
    rule = AlertRule.objects.get(group__file="web.yml")
    assert (rule.name, rule.severity, rule.group.interval) == ("Slow", "critical", 30)
    assert AuditEntry.objects.get(action="rules.imported").actor == "operator"
    good = TEXT[: TEXT.index("      - alert: Broken")].replace("page", "critical")
    plan = client.post("/rules/import/", {"file": "web.yml", "text": good}).context["plan"]
    assert (plan.report.same, plan.report.added, plan.replaces) == (1, 0, True)
    assert client.post("/rules/import/", {"file": "web.yml", "text": good, "apply": "1"})["Location"] == "/rules/"


def test_an_upload_brings_its_name(client_of, operator):
    upload = SimpleUploadedFile("node.rules", b"\xef\xbb\xbf" + TEXT.encode())
    plan = client_of(operator).post("/rules/import/", {"upload": upload, "file": "", "text": ""}).context["plan"]
    assert plan.report.file == "node.rules"
    assert plan.report.added == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"file": "a.yml", "text": ""}, "Choose a file"),
        ({"file": "", "text": TEXT}, "has a name"),
        ({"file": "pack:hosts", "text": TEXT}, "does not begin with pack:"),
        ({"file": "a.yml", "text": "a: [1"}, "not YAML"),
        ({"file": "a.yml", "text": "just words"}, "no groups"),
        ({"file": "a" * 201, "text": TEXT}, "200 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(client_of, operator, given, words):
    answer = client_of(operator).post("/rules/import/", given)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not RuleGroup.objects.filter(source="file").exists()


def test_an_upload_that_is_no_text_is_refused(client_of, operator):
    answer = client_of(operator).post("/rules/import/", {"upload": SimpleUploadedFile("a.yml", b"\xff\xfe\x00")})
    assert answer.status_code == 422
    assert "UTF-8" in answer.content.decode()


def test_a_viewer_may_not_import(client_of, viewer):
    assert client_of(viewer).get("/rules/import/").status_code == 403
    assert client_of(viewer).post("/rules/import/", {"file": "a.yml", "text": TEXT, "apply": "1"}).status_code == 403


# -- export ----------------------------------------------------------------------------------------------------------------
@pytest.fixture
def two(db):
    AlertRule.objects.all().delete()
    groups = [RuleGroup.objects.create(name="web", file=file, source="file" if file else "ui") for file in ("", "x.yml")]
    return [
        AlertRule.objects.create(group=group, name=name, key=name, expr="up == 0") for group, name in zip(groups, ("A", "B"), strict=True)
    ]


def test_the_chosen_rules_are_written_as_a_file(client_of, viewer, two):
    answer = client_of(viewer).get(f"/rules/export/?rule={two[1].pk}")
    assert "attachment" in answer["Content-Disposition"]
    assert [rule.name for rule in rule_files.read(answer.content.decode()).rules] == ["B"]


def test_the_filtered_rules_are_written_with_each_group_once(client_of, viewer, two):
    read = rule_files.read(client_of(viewer).get("/rules/export/?kind=alert").content.decode())
    assert [group.group.name for group in read.groups] == ["web", "web (2)"]
    assert not read.refused
    assert [rule.name for rule in rule_files.read(client_of(viewer).get("/rules/export/?owner=file").content.decode()).rules] == ["B"]


def test_the_ticked_rules_are_written(client_of, operator, two):
    answer = client_of(operator).post("/rules/export/", {"rule": [two[0].pk]})
    assert [rule.name for rule in rule_files.read(answer.content.decode()).rules] == ["A"]


@pytest.mark.parametrize("address", ["?rule=x", "?rule=999999", "?q=nothing", "?days=3"])
def test_nothing_to_export_is_said(client_of, viewer, two, address):
    assert client_of(viewer).get(f"/rules/export/{address}").status_code == 400


# -- the collection ----------------------------------------------------------------------------------------------------------
def test_a_collection_of_hundreds_of_rules_is_taken_with_a_report(db):
    out = StringIO()
    call_command("import_rules", *map(str, COLLECTION), stdout=out)
    told = out.getvalue()
    rules = AlertRule.objects.filter(group__source="file")
    assert rules.count() >= 350
    assert rules.filter(kind="record").count() >= 10
    assert rules.filter(keep_firing_for__gt=0).exists()
    assert told.count(": not used: ") == 19
    for part in (
        "mistakes/BracketMissing: not used: expr:",
        "mistakes/BadFor: not used: for: 'ten minutes' is not a duration",
        "mistakes/BadTemplateFunction: not used: annotations.summary: there is no function humanise (character 13)",
        "mistakes: not used: a second group of the name mistakes",
        "node.disk: note: limit of a group is not known here",
        "severity warning is taken as medium",
    ):
        assert part in told, part


def test_of_the_collection_only_the_mistakes_are_refused(db):
    for path in COLLECTION:
        found = rule_files.read(path.read_text(), path.name)
        assert found.rules, path.name
        assert bool(found.refused) == (path.name == "mistakes.yml"), (path.name, found.refused)


def test_the_collection_is_the_same_after_a_round_trip(db):
    for path in COLLECTION:
        found = rule_files.read(path.read_text(), path.name)
        again = rule_files.read(rule_files.written((group.group, group.rules) for group in found.groups), path.name)
        assert not again.refused
        for one, two in zip(found.rules, again.rules, strict=True):
            for name in ("name", "key", "kind", "expr", "for_seconds", "keep_firing_for", "severity", "labels", "runbook_url"):
                assert getattr(one, name) == getattr(two, name), (path.name, one.name, name)


# -- shipped rules ---------------------------------------------------------------------------------------------------------
def test_other_shipped_rules_come_with_the_next_start(db, settings, tmp_path):
    settings.DATA_DIR, settings.RULE_PACKS = tmp_path, True
    rule_import.install_packs()
    AlertRule.objects.filter(name="HostCpuBusy").update(expr="up == 7", enabled=False)
    assert rule_import.refresh_packs()
    rule = AlertRule.objects.get(name="HostCpuBusy")
    assert "node_cpu_seconds_total" in rule.expr
    assert not rule.enabled  # the operators' to say
    assert not rule_import.refresh_packs()


def test_a_collector_that_lacks_its_hardware_is_no_failing_one(db):
    rule_import.install_packs()
    now = int(timezone.now().timestamp() * 1000)
    writer.write(Batch.of([("node_scrape_collector_success", {"collector": name, "instance": "a"}, now, 0.0) for name in ("hwmon", "cpu")]))
    found = run_instant(AlertRule.objects.get(name="CollectorFailing").expr, now)
    assert [labels["collector"] for labels in found.labels] == ["cpu"]
