"""The topology of an incident: what hangs on what, what is affected, and what stays shown although nothing is wrong with it."""

import pytest
from django.urls import reverse

from monitoring.incidents.arrange import add
from monitoring.incidents.lifecycle import open_by_hand
from monitoring.incidents.surroundings import surroundings
from monitoring.inventory import topology

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident(operator):
    return open_by_hand("Slow", "high", operator)


@pytest.fixture
def affect(incident, operator, fire):
    """Alerts about resources, all part of the incident."""

    def add_to(*resources, **fields):
        for minute, resource in enumerate(resources):
            add(incident.pk, [fire(f"Bad {resource.name}", minute, resource, **fields).pk], operator)
        incident.refresh_from_db()

    return add_to


def told(incident):
    return [(line.level, line.name, line.relation, line.about is not None) for line in surroundings(incident).lines]


def test_what_others_need_stands_above_them(incident, affect, resource):
    host, shop, mail = resource("db-1"), resource("shop", "service"), resource("mail", "service")
    topology.note([(shop.pk, host.pk), (mail.pk, host.pk)])
    affect(shop, mail, host)
    assert told(incident) == [(0, "db-1", "", True), (1, "mail", "needs db-1", True), (1, "shop", "needs db-1", True)]


def test_a_common_ground_is_shown_although_nothing_is_wrong_with_it(incident, affect, resource):
    hyper = resource("hyper-1")
    disk, net = resource("disk", parent=hyper), resource("net", parent=hyper)
    shop, mail = resource("shop", parent=disk), resource("mail", parent=net)
    affect(shop, mail)
    assert told(incident) == [
        (0, "hyper-1", "", False),
        (1, "disk", "runs on hyper-1", False),
        (2, "shop", "runs on disk", True),
        (1, "net", "runs on hyper-1", False),
        (2, "mail", "runs on net", True),
    ]


def test_places_and_what_one_alone_needs_are_left_out(incident, affect, resource):
    site = resource("fra", "site")
    shop, cache, idle = resource("shop", "service", site), resource("cache", "service"), resource("idle", "service")
    topology.note([(shop.pk, idle.pk), (shop.pk, cache.pk)])
    affect(shop, cache)
    assert told(incident) == [(0, "cache", "", True), (1, "shop", "needs cache", True)]


def test_over_others_and_besides(incident, affect, resource):
    base, middle, top, other = resource("base"), resource("middle"), resource("top"), resource("other")
    topology.note([(top.pk, middle.pk), (middle.pk, base.pk), (top.pk, other.pk)])
    affect(top, base, other)
    lines = {line.name: line for line in surroundings(incident).lines}
    assert lines["top"].relation == "needs other"
    assert lines["base"].relation == ""
    topology.note([(top.pk, base.pk)])
    lines = {line.name: line for line in surroundings(incident).lines}
    assert (lines["top"].relation, lines["top"].also) == ("needs base", ["other"])


def test_resources_that_need_each_other_go_round_no_circle(incident, affect, resource):
    one, two, three = (resource(name) for name in ("one", "two", "three"))
    topology.note([(one.pk, two.pk), (two.pk, three.pk), (three.pk, one.pk)])
    affect(one, two, three)
    assert sorted(name for _, name, _, _ in told(incident)) == ["one", "three", "two"]
    assert [level for level, *_ in told(incident)] == [0, 1, 2]


def test_alerts_are_counted_the_worst_is_shown_and_the_rest_is_said(incident, affect, resource, fire, end, operator):
    host = resource("db-1")
    affect(host, severity="low")
    over = fire("Other", 5, host, severity="critical")
    add(incident.pk, [over.pk, fire("Nowhere", 6).pk], operator)
    end(over, minute=10)
    found = surroundings(incident)
    (line,) = found.lines
    assert (line.about.alerts, line.about.firing, line.about.severity) == (2, 1, "critical")
    assert (found.affected, found.hidden, found.elsewhere) == (1, 0, 1)


def test_the_tab_shows_it_in_a_fixed_number_of_statements(
    incident, affect, resource, client_of, viewer, operator, admin, stranger, django_assert_max_num_queries
):
    empty = client_of(viewer).get(reverse("incident", args=[incident.pk]), {"tab": "topology"})
    assert "No resource is known to be affected" in empty.content.decode()
    base = resource("db-1")
    affect(base, *(resource(f"vm-{number}", "vm", base) for number in range(12)))
    client = client_of(viewer)
    with django_assert_max_num_queries(40):
        page = client.get(reverse("incident", args=[incident.pk]), {"tab": "topology"}).content.decode()
    assert page.count("runs on db-1") == 12
    assert 'class="row-flex level-1"' in page
    for person, status in ((operator, 200), (admin, 200), (stranger, 302)):
        assert client_of(person).get(reverse("incident", args=[incident.pk]), {"tab": "topology"}).status_code == status
