from datetime import timedelta

import pytest

from genai.causes import analyse
from genai.evidence.models import Evidence
from monitoring.inventory.models import Resource

BUSY = [{"pid": 7, "name": "mysqld", "cpu": 180.0, "memory": 40.0}, {"pid": 9, "name": "sshd", "cpu": 0.5, "memory": 0.1}]


@pytest.fixture
def machine(site):
    Resource.objects.filter(pk=site.host.pk).update(facts={"processes": BUSY, "cores": 2})
    return site


def test_of_a_machine_without_a_past_the_busiest_processes_are_told(machine):
    alert = machine.fire(machine.host, "HostCpuBusy", 2, evidence={"expr": "rate(node_cpu_seconds_total[2m]) > 0.9"})
    found = analyse.analyse(f"alert:{alert.pk}")
    best = found.hypotheses[0]
    assert best["title"] == "mysqld (process 7) keeps the processor of node-7 busy"
    assert 0.3 < best["score"] < 0.7
    fact, guess = best["statements"]
    assert fact["evidence"]
    assert "mysqld (process 7) 180\u00a0%" in fact["text"]
    assert guess["guess"]


def test_what_the_machine_uses_in_all_stands_beside_it(machine):
    for mode in ("user", "idle"):
        machine.write(machine.host, "node_cpu_seconds_total", 0.9, counter=True, labels={"cpu": "0", "mode": mode}, hours=0.2)
    alert = machine.fire(machine.host, "HostCpuBusy", 2)
    fact = analyse.analyse(f"alert:{alert.pk}").hypotheses[0]["statements"][0]
    kept = Evidence.objects.get(pk__in=fact["evidence"], kind="series")
    assert kept.title == "Busy processor time of node-7"
    assert kept.reference["query"] == 'sum(rate(node_cpu_seconds_total{instance="node-7", mode!="idle"}[5m]))'
    assert 0.85 < kept.found["max"] < 1.0


def test_processes_of_one_name_are_told_together(machine):
    many = [{"pid": pid, "name": "python", "cpu": 23.0} for pid in range(5)]
    Resource.objects.filter(pk=machine.host.pk).update(facts={"processes": many, "cores": 2})
    alert = machine.fire(machine.host, "HostCpuBusy", 2)
    best = analyse.analyse(f"alert:{alert.pk}").hypotheses[0]
    assert best["title"] == "python (5 processes) keeps the processor of node-7 busy"
    assert "115\u00a0% of a core" in best["why"]


def test_a_trouble_that_is_over_is_not_explained_by_what_runs_now(machine):
    alert = machine.fire(machine.host, "HostCpuBusy", 120, evidence={"expr": "rate(node_cpu_seconds_total[2m]) > 0.9"})
    assert analyse.analyse(f"alert:{alert.pk}", end=machine.now - timedelta(minutes=60)).hypotheses == []


def test_of_a_young_machine_the_minutes_before_the_trouble_are_its_past(machine):
    machine.write(machine.host, "node_disk_written_bytes_total", 1e6, 9e7, minutes=6, counter=True, labels={"device": "sda"}, hours=0.5)
    machine.write(machine.host, "node_load1", 1.0, 9.0, minutes=5, noise=0.05, hours=0.5)
    alert = machine.fire(machine.host, "LoadHigh", 4, evidence={"expr": "node_load1 > 4"})
    titles = [one["title"] for one in analyse.analyse(f"alert:{alert.pk}").hypotheses]
    assert "Disk writes (sda) rose on node-7" in titles
    assert any("mysqld" in title for title in titles)


def test_facts_of_any_shape_do_no_harm(machine):
    Resource.objects.filter(pk=machine.host.pk).update(facts={"processes": [{"cpu": "much"}, {"name": 5, "cpu": 90}, 3], "cores": "two"})
    alert = machine.fire(machine.host, "HostCpuBusy", 2)
    assert "5 (process ?)" in analyse.analyse(f"alert:{alert.pk}").hypotheses[0]["title"]
