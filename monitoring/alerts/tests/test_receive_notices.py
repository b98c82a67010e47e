"""Alerts that other systems send: Alertmanager (the real one, where it is installed), Grafana, any JSON."""

import gzip
import json
import shutil
import socket
import subprocess
import time
from datetime import UTC, datetime

import httpx
import pytest
from django.db import OperationalError
from django.test import Client

from monitoring.alerts import inbound
from monitoring.alerts.models import Alert
from monitoring.inventory.models import Resource

pytestmark = pytest.mark.django_db
ALERTMANAGER = "/webhooks/alertmanager"


def member(host="a", status="firing", starts="2026-11-20T12:00:00.123456789Z", **labels):
    return {
        "status": status,
        "labels": {"alertname": "DiskFull", "severity": "critical", "instance": host, **labels},
        "annotations": {"summary": f"disk of {host} is full"},
        "startsAt": starts,
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-20T13:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=up",
        "fingerprint": "0123456789abcdef",
    }


def group(*members, status="firing"):
    return {
        "receiver": "aiops", "status": status, "alerts": list(members), "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093", "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0,
    }  # fmt: skip


@pytest.fixture
def send(operator, token_of):
    client, token = Client(), token_of(operator, "metrics:write")

    def post(address, body, **more):
        data = body if isinstance(body, bytes) else json.dumps(body)
        return client.post(address, data, content_type="application/json", headers={"Authorization": f"Bearer {token}", **more})

    return post


def test_a_group_is_stored_once_however_often_it_comes(send):
    host = Resource.objects.create(kind="host", name="a")
    for _ in range(3):
        answer = send(ALERTMANAGER, group(member("a"), member("b:9100")))
        assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    a, b = Alert.objects.order_by("id")
    assert (a.state, a.source, a.severity, a.name, a.resource) == ("firing", "alertmanager", "critical", "DiskFull", host)
    assert a.started_at == datetime(2026, 11, 20, 12, 0, 0, 123000, UTC)
    assert a.evidence["generatorURL"].startswith("http://prometheus")
    assert b.labels["instance"] == "b:9100"
    assert a.transitions.count() == 1


def test_a_resolved_group_closes_its_resolved_members_only(send):
    send(ALERTMANAGER, group(member("a"), member("b")))
    send(ALERTMANAGER, group(member("a", "resolved"), member("b"), status="resolved"))
    assert dict(Alert.objects.values_list("labels__instance", "state")) == {"a": "resolved", "b": "firing"}
    assert Alert.objects.get(state="resolved").resolution == "source"


def test_two_alertmanagers_of_one_cluster_tell_of_one_alert(send):
    send(ALERTMANAGER, group(member("a")))
    send(ALERTMANAGER + "/", {**group(member("a")), "externalURL": "http://other:9093"})
    assert Alert.objects.count() == 1


def test_gzip_is_understood(send):
    body = gzip.compress(json.dumps(group(member())).encode())
    assert send(ALERTMANAGER, body, **{"Content-Encoding": "gzip"}).status_code == 200


@pytest.mark.parametrize(
    ("address", "body", "says"),
    [
        (ALERTMANAGER, b"{", "not JSON"),
        (ALERTMANAGER, [], "not a JSON object"),
        (ALERTMANAGER, {"alerts": 3}, "no list alerts"),
        (ALERTMANAGER, group({"status": "on fire"}), "alerts[0] has no status"),
        (ALERTMANAGER, group({"status": "firing", "labels": {}}), "no labels"),
        (ALERTMANAGER, group(member(starts="yesterday")), "startsAt"),
        ("/webhooks/grafana", {"a": 1}, "Grafana"),
        ("/webhooks/alerts", {"text": "x"}, "no name"),
        ("/webhooks/alerts", 5, "neither"),
        ("/webhooks/alerts?nmae=x", {"name": "x"}, "cannot be mapped"),
        ("/webhooks/alerts?items=a.b", {"name": "x"}, "no list at"),
        ("/webhooks/alerts?source=a b", {"name": "x"}, "source is a word"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(send, address, body, says):
    answer = send(address, body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert not Alert.objects.exists()


def test_strangers_viewers_and_other_methods_are_refused(viewer, token_of, send):
    client = Client()
    assert client.post(ALERTMANAGER, "{}", content_type="application/json").status_code == 401
    weak = {"Authorization": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    assert client.post(ALERTMANAGER, "{}", content_type="application/json", headers=weak).status_code == 403
    assert client.get(ALERTMANAGER).status_code == 405


def test_our_own_fault_is_503_so_that_the_sender_tries_again(send, monkeypatch):
    def locked(*args):
        raise OperationalError("database is locked")

    monkeypatch.setattr(inbound.lifecycle, "observe", locked)
    answer = send(ALERTMANAGER, group(member()))
    assert answer.status_code == 503
    assert answer["Retry-After"]


def test_grafana_of_today_and_of_old(send):
    body = {**group(member("g")), "version": "1", "orgId": 1, "title": "[FIRING:1]", "state": "alerting", "message": "m"}
    body["alerts"][0] |= {"values": {"B": 97.5, "C": 1}, "valueString": "[ var='B' ]", "panelURL": "http://grafana/d/1?viewPanel=2"}
    assert send("/webhooks/grafana", body).status_code == 200
    alert = Alert.objects.get()
    assert (alert.source, alert.value, alert.evidence["panelURL"]) == ("grafana", 97.5, "http://grafana/d/1?viewPanel=2")
    old = {
        "ruleId": 7,
        "ruleName": "CPU",
        "state": "alerting",
        "title": "[Alerting] CPU",
        "message": "hot",
        "evalMatches": [{"value": 91, "metric": "cpu"}],
    }
    send("/webhooks/grafana", old)
    assert Alert.objects.get(name="CPU").value == 91
    send("/webhooks/grafana", {**old, "state": "ok"})
    assert Alert.objects.get(name="CPU").state == "resolved"


def test_any_json_is_read_by_its_usual_names(send):
    send(
        "/webhooks/alerts",
        {"title": "Backup failed", "priority": "P1", "host": "nas", "message": "no space", "id": 17, "tags": {"team": "it"}},
    )
    alert = Alert.objects.get()
    assert (alert.name, alert.severity, alert.summary, alert.source) == ("Backup failed", "critical", "no space", "generic")
    assert alert.labels == {"alertname": "Backup failed", "severity": "critical", "host": "nas", "team": "it"}
    send("/webhooks/alerts", [{"title": "whatever it says now", "id": 17, "status": "OK"}])
    assert Alert.objects.get().state == "resolved"


def test_any_json_is_read_where_the_address_says(send):
    address = (
        "/webhooks/alerts?items=data.events&name=what.title&severity=what.level&state=phase&resolved=gone&key=uid&source=zabbix&host=on"
    )
    event = {"what": {"title": "Link down", "level": "disaster"}, "phase": "there", "uid": "x1", "on": "sw-1"}
    send(address, {"data": {"events": [event, {**event, "uid": "x2", "on": "sw-2"}]}})
    assert list(Alert.objects.order_by("id").values_list("source", "severity", "labels__host")) == [
        ("zabbix", "critical", "sw-1"),
        ("zabbix", "critical", "sw-2"),
    ]
    send(address, {"data": {"events": [{**event, "phase": "gone"}]}})
    assert dict(Alert.objects.values_list("labels__host", "state")) == {"sw-1": "resolved", "sw-2": "firing"}


def test_ten_thousand_alerts_are_all_stored(send):
    for place in range(0, 10_000, 1000):
        assert send(ALERTMANAGER, group(*(member(f"h{place + n}") for n in range(1000)))).status_code == 200
    assert Alert.objects.filter(state="firing").count() == 10_000


# -- a real one --------------------------------------------------------------------------------------------------------------
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(check, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if check():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("prometheus-alertmanager"), reason="prometheus-alertmanager is not installed")
@pytest.mark.django_db(transaction=True)
def test_a_real_alertmanager_opens_and_closes_an_alert(live_server, operator, token_of, tmp_path):
    config, port = tmp_path / "alertmanager.yml", free_port()
    config.write_text(
        "route: {receiver: aiops, group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}\n"
        "receivers:\n- name: aiops\n  webhook_configs:\n"
        f"  - url: {live_server.url}/webhooks/alertmanager\n"
        f"    http_config: {{authorization: {{credentials: {token_of(operator, 'metrics:write')}}}}}\n",
        encoding="utf-8",
    )
    command = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={tmp_path}", "--cluster.listen-address="]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: httpx.get(f"{url}/-/ready").status_code == 200)
        alert = {"labels": {"alertname": "Down", "severity": "warning", "instance": "db"}, "annotations": {"summary": "it is down"}}
        httpx.post(f"{url}/api/v2/alerts", json=[alert]).raise_for_status()
        eventually(lambda: Alert.objects.filter(name="Down", state="firing", severity="medium").exists())
        httpx.post(f"{url}/api/v2/alerts", json=[{**alert, "endsAt": datetime.now(UTC).isoformat()}]).raise_for_status()
        eventually(lambda: Alert.objects.filter(name="Down", state="resolved", resolution="source").exists())
    finally:
        process.terminate()
        process.wait(10)
