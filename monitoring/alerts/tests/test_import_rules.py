"""Prometheus' rule files in and out, and the shipped rules."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitoring.alerts import rule_files, rule_import, running
from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import Alert, AlertRule, RuleGroup

FILE = """\
groups:
  - name: node
    interval: 30s
    labels:
      team: infra
    rules:
      - record: instance:cpu:ratio
        expr: 1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))
      - alert: HighCpu
        expr: instance:cpu:ratio > 0.9
        for: 1h30m
        keep_firing_for: 5m
        labels:
          severity: warning
        annotations:
          summary: "{{ $labels.instance }} at {{ $value | humanizePercentage }}"
          runbook_url: https://example.org/cpu
      - alert: HighCpu
        expr: instance:cpu:ratio > 0.99
        labels:
          severity: page
  - name: broken
    limit: 10
    rules:
      - alert: NoExpression
      - alert: BadExpression
        expr: sum(rate(x[5m])
      - alert: BadTemplate
        expr: up == 0
        annotations:
          summary: "{{ $labels.x | humanise }}"
      - alert: BadDuration
        expr: up == 0
        for: five minutes
      - alert: Fine
        expr: up == 0
        labels: {severity: catastrophic}
      - alert: Unknown
        expr: up == 0
        wait: 5m
      - expr: up
"""


def test_a_file_is_read_with_the_line_of_everything_that_cannot_be_used():
    found = rule_files.read(FILE, "node.yml")
    assert [(group.group.name, group.group.interval, len(group.rules)) for group in found.groups] == [("node", 30, 3), ("broken", 60, 1)]
    record, high, page = found.groups[0].rules
    assert (record.kind, record.labels) == ("record", {"team": "infra"})
    assert (high.for_seconds, high.keep_firing_for, high.severity, high.labels) == (5400, 300, "medium", {"team": "infra"})
    assert (high.runbook_url, high.annotations) == (
        "https://example.org/cpu",
        {"summary": "{{ $labels.instance }} at {{ $value | humanizePercentage }}"},
    )
    assert (high.key, page.key, page.severity) == ("HighCpu", "HighCpu#2", "critical")
    told = {(one.rule, one.line): one.text for one in found.refused}
    assert "expr" in told["NoExpression", 25]
    assert "expr" in told["BadExpression", 27]
    assert "humanise" in told["BadTemplate", 31]
    assert "character 16" in told["BadTemplate", 31]
    assert "not a duration" in told["BadDuration", 34]
    assert "wait is not known" in told["Unknown", 40]
    assert len(found.refused) == 6
    notes = [one.text for one in found.notes]
    assert "severity warning is taken as medium" in notes
    assert "severity catastrophic is not known and taken as medium" in notes
    assert any("limit" in text for text in notes)


def test_what_is_exported_is_read_as_the_same():
    found = rule_files.read(FILE, "node.yml")
    text = rule_files.written((group.group, group.rules) for group in found.groups)
    again = rule_files.read(text, "node.yml")
    columns = ("name", "kind", "expr", "for_seconds", "keep_firing_for", "severity", "labels", "annotations", "runbook_url", "key")
    assert [[getattr(rule, name) for name in columns] for rule in again.rules] == [
        [getattr(rule, name) for name in columns] for rule in found.rules
    ]
    assert again.refused == []


def test_kubernetes_objects_and_several_documents_are_read():
    found = rule_files.read(
        "kind: PrometheusRule\nspec:\n  groups:\n  - name: a\n    rules: [{alert: A, expr: up == 0}]\n---\n"
        "groups: [{name: b, rules: [{alert: B, expr: up == 1}]}]\n"
    )
    assert [rule.name for rule in found.rules] == ["A", "B"]


@pytest.mark.parametrize("text", ["", "a: [", "just text", "groups: []", "- 1\n- 2", "&a [*a]" * 3, "groups: 5"])
def test_what_is_no_rule_file_is_refused_in_a_sentence(text):
    with pytest.raises(rule_files.UnreadableFile):
        rule_files.read(text)


USUAL = r"""
groups:
- name: workloads
  interval: 1m
  rules:
  - alert: PodRestartsAgainAndAgain
    annotations:
      description: 'Pod {{ $labels.namespace }}/{{ $labels.pod }} waits (reason: "BackOff").'
      runbook_url: https://runbooks.example.org/restarts
    expr: |
      max_over_time(pod_waiting_reason{reason="BackOff", job="state"}[5m]) >= 1
    for: 15m
    labels:
      severity: warning
  - alert: TooFewReplicas
    annotations: {description: "{{ printf \"%.0f\" $value }} of {{ $labels.deployment }}"}
    expr: |
      (
        replicas_wanted{job="state"}
          >
        replicas_there{job="state"}
      ) and (
        changes(replicas_updated{job="state"}[10m]) == 0
      )
    labels: {severity: warning}
  - alert: BudgetBurns
    annotations:
      description: |-
        {{ range query "sum by (code) (rate(requests_total[5m]))" }}{{ .Labels.code }}: {{ .Value | humanize }}
        {{ end -}}
        {{ with printf "sum(up{job='%s'})" $labels.job | query }}{{ . | first | value | printf "%.0f" }} up{{ end }}
    expr: sum(service:errors:rate1h) > (14.40 * 0.01000) and sum(service:errors:rate5m) > (14.40 * 0.01000)
    labels: {long: 1h, severity: critical, short: 5m}
  - alert: DiskOfArrayFailed
    expr: (array_disks{state="failed"} > 0) * on(instance) group_left (nodename) node_uname_info{nodename=~".+"}
    annotations:
      description: "Array {{ $labels.array }} has failed\n  VALUE = {{ $value }}\n  LABELS = {{ $labels }}"
  - record: 'namespace:pod_info:'
    expr: |
      topk by (cluster, pod) (1,
        max by (cluster, node, pod) (label_replace(pod_info{node!=""}, "pod", "$1", "pod", "(.*)"))
      )
  - record: quantile:request_seconds
    expr: histogram_quantile(0.99, sum by (cluster, le) (rate(request_seconds_bucket{verb=~"LIST|GET"}[5m]))) > 0
    labels: {quantile: "0.99", verb: read}
"""


def test_what_published_rules_are_made_of_is_read_whole():
    found = rule_files.read(USUAL)
    assert (found.refused, len(found.rules)) == ([], 6)


@pytest.mark.django_db
def test_importing_again_changes_in_place_and_open_alerts_stay(at):
    first = rule_import.import_text(FILE, "node.yml")
    assert (first.added, first.changed, first.removed, len(first.refused)) == (4, 0, 0, 6)
    high = AlertRule.objects.get(key="HighCpu")
    observe([Observation("f" * 32, "firing", name="HighCpu", rule=high.pk)], at(0))
    again = rule_import.import_text(FILE, "node.yml")
    assert (again.added, again.changed, again.same) == (0, 0, 4)
    changed = rule_import.import_text(FILE.replace("> 0.9\n", "> 0.8\n").replace("- alert: Fine", "- alert: Finer"), "node.yml")
    assert (changed.added, changed.changed, changed.same, changed.removed) == (1, 1, 2, 1)
    assert AlertRule.objects.get(key="HighCpu").pk == high.pk
    assert Alert.objects.get().rule_id == high.pk


@pytest.mark.django_db
def test_a_group_that_is_gone_from_its_file_goes_with_its_rules():
    rule_import.import_text(FILE, "node.yml")
    rule_import.import_text("groups: [{name: node, rules: [{alert: A, expr: up == 0}]}]", "node.yml")
    assert list(RuleGroup.objects.values_list("name", flat=True)) == ["node"]
    assert list(AlertRule.objects.values_list("name", flat=True)) == ["A"]


@pytest.mark.django_db
def test_the_command_reports_and_fails_for_an_unreadable_file(tmp_path):
    good, bad = tmp_path / "node.yml", tmp_path / "bad.yml"
    good.write_text(FILE, encoding="utf-8")
    bad.write_text("a: [", encoding="utf-8")
    out, err = StringIO(), StringIO()
    with pytest.raises(CommandError, match="1 of 3 files"):
        call_command("import_rules", str(good), str(bad), str(good), stdout=out, stderr=err)
    assert "node.yml: 4 rules added" in out.getvalue()
    assert "line 27, broken/BadExpression: not used: expr:" in out.getvalue()
    assert "not YAML" in err.getvalue()


@pytest.mark.django_db
def test_the_shipped_rules_are_whole_locked_on_and_cover_what_they_promise():
    reports = rule_import.install_packs()
    assert {report.file for report in reports} == {
        "pack:hosts", "pack:filesystems", "pack:network", "pack:gpus", "pack:exporters", "pack:own_health", "pack:no_data",
        "pack:assistant",
    }  # fmt: skip
    assert [report.refused + report.notes for report in reports] == [[]] * 8
    assert AlertRule.objects.filter(locked=False).count() == 0
    assert list(AlertRule.objects.filter(enabled=False).values_list("name", flat=True)) == ["DeadMansSwitch"]
    assert all(rule.annotations.get("summary") for rule in AlertRule.objects.all())


@pytest.mark.django_db
def test_a_shipped_rule_that_was_switched_off_stays_off():
    rule_import.install_packs()
    AlertRule.objects.filter(name="HostRestarted").update(enabled=False, expr="changed by hand")
    rule_import.install_packs()
    rule = AlertRule.objects.get(name="HostRestarted")
    assert (rule.enabled, "node_boot_time_seconds" in rule.expr) == (False, True)


@pytest.mark.django_db
def test_every_shipped_rule_can_be_evaluated():
    rule_import.install_packs()
    rules = list(AlertRule.objects.select_related("group"))
    outcomes = running.evaluate(rules, timezone.now() - timedelta(minutes=1))
    assert {one.rule.name: one.error for one in outcomes if one.error} == {}


@pytest.mark.django_db
def test_a_full_filesystem_fires_the_shipped_rule(at):
    from monitoring.alerts import schedule
    from monitoring.inventory.models import Resource
    from monitoring.store import writer
    from monitoring.store.batch import Batch

    host = Resource.objects.create(kind="host", name="ws", labels={"instance": "10.0.0.7:9100", "job": "node"})
    rule_import.install_packs()
    start = schedule.slot(60, timezone.now() - timedelta(minutes=5))
    of = {"instance": "10.0.0.7:9100", "job": "node", "device": "/dev/sda1", "mountpoint": "/srv", "fstype": "ext4"}
    rules = list(AlertRule.objects.filter(name="FilesystemFull").select_related("group"))
    for second in (0, 30, 60):
        ms = round((start + timedelta(seconds=second)).timestamp() * 1000)
        values = {"node_filesystem_avail_bytes": 1e9, "node_filesystem_size_bytes": 1e11, "node_filesystem_readonly": 0.0}
        writer.write(Batch.of((metric, of, ms, value) for metric, value in values.items()))
        running.evaluate(rules, start + timedelta(seconds=second))
    alert = Alert.objects.get()
    assert (alert.state, alert.severity, alert.resource) == ("firing", "critical", host)
    assert alert.summary == "10.0.0.7:9100: /srv is 99.0 % full"
