"""What needs what: said, read, taken back; what a resource hangs on."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry
from monitoring.inventory import topology
from monitoring.inventory.models import Dependency, Resource
from monitoring.inventory.topology import Topology

pytestmark = pytest.mark.django_db
ADDRESS = "/api/dependencies/"


@pytest.fixture
def chain():
    """pod on node on rack; the pod needs a database that runs on a host."""
    rack = Resource.objects.create(kind="rack", name="r1")
    node = Resource.objects.create(kind="node", name="n1", parent=rack)
    pod = Resource.objects.create(kind="pod", name="p1", parent=node)
    host = Resource.objects.create(kind="host", name="h1")
    database = Resource.objects.create(kind="database", name="d1", parent=host)
    topology.note([(pod.pk, database.pk)], "calls", "tracing")
    return pod, node, rack, database, host


def test_it_climbs_what_it_runs_on_and_what_it_needs(chain):
    pod, node, rack, database, host = chain
    above = Topology.of([pod.pk]).above(pod.pk)
    assert {pk: tuple(step) for pk, step in above.items()} == {
        node.pk: (1, True), database.pk: (1, False), rack.pk: (2, True), host.pk: (2, False),
    }  # fmt: skip
    assert Topology.of([host.pk]).above(host.pk) == {}


def test_a_circle_ends(chain):
    pod, _, rack, *_ = chain
    Resource.objects.filter(pk=rack.pk).update(parent=pod)
    assert pod.pk not in Topology.of([pod.pk]).above(pod.pk)


def test_statements_do_not_grow_with_the_resources(chain):
    pod = chain[0]
    with CaptureQueriesContext(connection) as one:
        Topology.of([pod.pk])
    others = Resource.objects.bulk_create(Resource(kind="pod", name=f"x{n}", parent=chain[1]) for n in range(50))
    with CaptureQueriesContext(connection) as many:
        Topology.of([pod.pk, *(other.pk for other in others)])
    assert len(many) == len(one) <= 12


def test_saying_it_again_confirms_it(chain):
    pod, _, _, database, _ = chain
    before = Dependency.objects.get().seen_at
    topology.note([(pod.pk, database.pk), (pod.pk, pod.pk)], "calls", "agent")
    found = Dependency.objects.get()
    assert found.source == "agent"
    assert found.seen_at > before


# -- API -----------------------------------------------------------------------------------------------------------------
def test_who_may(chain, client_of, viewer, operator, stranger):
    pod, node, *_ = chain
    body = {"from_resource": pod.pk, "to_resource": node.pk}
    assert client_of(viewer).get(ADDRESS).json()["count"] == 1
    assert client_of(stranger).get(ADDRESS).status_code == 401
    for person, status in ((viewer, 403), (stranger, 401), (operator, 201)):
        assert client_of(person).post(ADDRESS, body, content_type="application/json").status_code == status
    made = Dependency.objects.get(kind="needs")
    assert client_of(viewer).delete(f"{ADDRESS}{made.pk}/").status_code == 403
    assert client_of(operator).delete(f"{ADDRESS}{made.pk}/").status_code == 204
    assert set(AuditEntry.objects.filter(action__startswith="dependencies.").values_list("action", flat=True)) == {
        "dependencies.said",
        "dependencies.taken_back",
    }


def test_of_one_resource(chain, client_of, viewer):
    assert client_of(viewer).get(ADDRESS, {"resource": chain[3].pk}).json()["count"] == 1
    assert client_of(viewer).get(ADDRESS, {"resource": chain[1].pk}).json()["count"] == 0
    assert client_of(viewer).get(ADDRESS, {"resource": "x"}).status_code == 400


@pytest.mark.parametrize(("one", "other"), [(0, 0), (0, None), (None, 0)])
def test_what_cannot_be_is_refused(chain, client_of, operator, one, other):
    ids = [12345 if place is None else chain[place].pk for place in (one, other)]
    answer = client_of(operator).post(ADDRESS, {"from_resource": ids[0], "to_resource": ids[1]}, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]
