"""From this machine's own figures to ranked causes with links, without a language model."""

import re
import time

import pytest
from django.urls import reverse
from django.utils import timezone

from genai.causes import tasks
from genai.causes.models import Analysis
from genai.models import ModelProvider
from monitoring.alerts.lifecycle import Observation, fingerprint, observe
from monitoring.inventory.models import Resource
from monitoring.sources import polling
from monitoring.sources.models import Source


@pytest.fixture
def here(db):
    """This machine, as its own source reports it; its figures are read twice, since pace needs two."""
    Source.objects.filter(kind="local_host").delete()
    source = Source.objects.create(name="here", kind="local_host", interval=5)
    for _ in range(2):
        polling._store(source, polling._fetch(source))
        time.sleep(0.3)
    (found,) = Resource.objects.filter(kind="host")
    return found


def test_an_alert_on_this_machine_shows_ranked_causes_with_evidence_links(here, client_of, viewer):
    assert not ModelProvider.objects.exists()
    busy = {**here.facts, "processes": [{"pid": 7, "name": "stress", "cpu": 95.0, "memory": 1.0}]}
    Resource.objects.filter(pk=here.pk).update(facts=busy)  # something is at work, whatever runs beside this test
    labels = {"alertname": "HostCpuBusy", "instance": here.name}
    seen = Observation(fingerprint("test", labels), "firing", name="HostCpuBusy", labels=labels, source="test", resource=here.pk)
    (alert,) = observe([seen], timezone.now())
    client = client_of(viewer)
    part = reverse("causes-of-alert", args=[alert.pk])
    assert part in client.get(reverse("alert", args=[alert.pk])).text
    client.get(part)
    assert tasks.explain(Analysis.objects.get().pk)
    card = client.get(part).text
    assert "stress (process 7) keeps the processor of" in card
    links = set(re.findall(r'href="(/evidence/\d+)"', card))
    assert len(links) >= 2  # the machine, and its processor time
    targets = [client.get(link).url for link in links]
    assert any(target.startswith("/explore/?q=sum%28rate%28node_cpu_seconds_total") for target in targets)
    assert all(client.get(target).status_code == 200 for target in targets)
