"""The pages of incidents: who sees and changes what, what they show, what they refuse, and that they do not ask more the more there is."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from monitoring.alerts.models import Alert
from monitoring.incidents import board, causes, impact, review, similar, story
from monitoring.incidents.arrange import merge
from monitoring.incidents.correlate import correlate
from monitoring.incidents.lifecycle import edit, move, note
from monitoring.incidents.models import Incident, TimelineEntry
from monitoring.incidents.tend import tend
from monitoring.inventory import topology
from monitoring.inventory.models import ResourceChange

pytestmark = pytest.mark.django_db
TABS = ("summary", "alerts", "timeline", "similar", "review")


@pytest.fixture
def outage(fire, resource, incident_of, at):
    """A database whose disk is full, and two services that need it; the disk changed ten minutes before."""
    host, shop, mail = resource("db-1"), resource("shop", "service"), resource("mail", "service")
    topology.note([(shop.pk, host.pk), (mail.pk, host.pk)])
    ResourceChange.objects.create(
        resource=host, resource_kind="host", resource_name="db-1", kind="facts", text="postgresql 16.3 became 16.4", time=at(-10)
    )
    root = fire("DiskFull", 0, host, severity="critical", annotations={"summary": "Disk of db-1 is full"}, value=97.0)
    fire("Slow", 2, shop, labels={"service": "shop"})
    fire("Failing", 3, mail, labels={"service": "mail"})
    correlate()
    return incident_of(root)


def page(client, incident, tab="summary", **params):
    return client.get(reverse("incident", args=[incident.pk]), {"tab": tab, **params})


# -- who -----------------------------------------------------------------------------------------------------------------
def test_everybody_with_an_account_reads_and_strangers_sign_in(outage, client_of, viewer, operator, admin, stranger):
    alert = outage.root_alert_id
    for url in (
        "/incidents/",
        f"/incidents/{outage.pk}/",
        f"/incidents/of-alert/{alert}/",
        "/incidents/open/",
        f"/incidents/{outage.pk}/impact.json",
    ):
        for person in (viewer, operator, admin):
            assert client_of(person).get(url).status_code == 200, url
        answer = client_of(stranger).get(url)
        assert (answer.status_code, "/login/" in answer["Location"] or "accounts" in answer["Location"]) == (302, True), url


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("incident-act", {"verb": "resolve"}),
        ("incident-edit", {"title": "x"}),
        ("incident-note", {"text": "x"}),
        ("incident-merge", {"incident": "1"}),
        ("incident-alerts", {"what": "take_out", "alert": "1"}),
        ("incident-new", {"title": "x", "severity": "low"}),
    ],
)
def test_viewers_change_nothing(outage, client_of, viewer, stranger, name, fields):
    url = reverse(name, args=[] if name == "incident-new" else [outage.pk])
    assert client_of(viewer).post(url, fields).status_code == 403
    assert client_of(stranger).post(url, fields).status_code == 302
    assert client_of(viewer).get(url).status_code in (403, 405)
    outage.refresh_from_db()
    assert (outage.status, Incident.objects.count(), TimelineEntry.objects.filter(kind="note").count()) == ("open", 1, 0)


def test_a_viewer_sees_no_button_that_changes(outage, client_of, viewer, operator):
    for tab in TABS:
        assert b"csrfmiddlewaretoken" not in page(client_of(viewer), outage, tab).content.split(b"</header>", 1)[1].split(b"</main>")[0]
    assert b"Merge" in page(client_of(operator), outage).content


# -- the list ------------------------------------------------------------------------------------------------------------
def test_the_list_shows_what_is_open_and_finds(outage, opened, client_of, viewer):
    done = opened("Other", 1)
    Incident.objects.filter(pk=done.pk).update(status="resolved")
    client = client_of(viewer)

    def numbers(**params):
        return [row.incident.pk for row in client.get("/incidents/", params).context["page"].object_list]

    assert numbers() == [outage.pk]
    assert numbers(show="resolved") == [done.pk]
    assert set(numbers(show="all")) == {outage.pk, done.pk}
    assert numbers(q="disk") == numbers(service="shop") == numbers(severity="critical") == numbers(q=outage.number) == [outage.pk]
    assert numbers(q="nothing") == []
    row = client.get("/incidents/").context["page"].object_list[0]
    assert (row.firing, row.incident.alert_count) == (3, 3)


def test_facets_count_what_they_would_show(outage, opened, client_of, viewer):
    opened("Other", 1, severity="medium")
    facets = {
        facet.name: {value.value: value.count for value in facet.all}
        for facet in client_of(viewer).get("/incidents/?severity=critical").context["facets"]
    }
    assert facets["severity"] == {"critical": 1, "medium": 1}
    assert facets["service"] == {"shop": 1, "mail": 1}


@pytest.mark.parametrize("query", ["show=gone", "sort=colour", "status=odd", "commander=x", "q=%00"])
def test_a_list_that_cannot_be_is_refused(client_of, viewer, query):
    assert client_of(viewer).get(f"/incidents/?{query}").status_code == 400


def test_an_empty_list_says_what_comes(client_of, viewer):
    assert "No incident yet" in client_of(viewer).get("/incidents/").content.decode()


def test_statements_do_not_grow_with_the_list(opened, client_of, viewer):
    client = client_of(viewer)

    def counted():
        with CaptureQueriesContext(connection) as caught:
            client.get("/incidents/")
        return len(caught)

    opened("A", 0, labels={"instance": "a"})
    client.get("/incidents/")
    few = counted()
    for n in range(8):
        opened(f"B{n}", 1, labels={"instance": f"b{n}", "service": f"s{n}"})
    assert counted() == few


# -- the page ------------------------------------------------------------------------------------------------------------
def test_it_tells_cause_members_and_story(outage, client_of, operator):
    note(outage.pk, operator, "the disk it is")
    text = page(client_of(operator), outage).content.decode()
    for words in (
        "Disk of db-1 is full",
        "Likely causes",
        "Needs db-1, which has alerts too",
        "Root",
        "noted: the disk it is",
        "postgresql 16.3 became 16.4",
    ):
        assert words in text, words


@pytest.mark.parametrize("tab", TABS)
def test_statements_of_a_page_do_not_grow_with_its_alerts(fire, resource, incident_of, client_of, viewer, tab):
    client, host = client_of(viewer), resource("db-1")

    def counted(first, count):
        alerts = [fire(f"A{n}", n / 10, host) for n in range(first, first + count)]
        correlate()
        with CaptureQueriesContext(connection) as caught:
            assert page(client, incident_of(alerts[0]), tab).status_code == 200
        return len(caught)

    counted(0, 2)
    assert counted(10, 30) <= counted(2, 3) + 1


@pytest.mark.parametrize(
    ("address", "status"), [("999/", 404), ("{0}/?tab=odd", 400), ("{0}/?tab=timeline&show=odd", 400), ("INC-{0}/", 302)]
)
def test_addresses_that_cannot_be(outage, client_of, viewer, address, status):
    assert client_of(viewer).get(f"/incidents/{address.format(outage.pk)}").status_code == status


def test_one_that_was_merged_says_where_it_went(outage, opened, client_of, operator):
    other = opened("Other", 1)
    merge(outage.pk, [other.pk], operator)
    text = page(client_of(operator), other).content.decode()
    assert f"Merged into {outage.number}" in text
    assert "resolve-incident" not in text
    assert f"(in {other.number})" in page(client_of(operator), outage, "timeline").content.decode()


def test_what_comes_from_outside_is_text(fire, incident_of, client_of, operator):
    alert = fire("<b>A</b>", labels={"service": "<script>x"}, annotations={"summary": "<script>alert(1)</script>"})
    correlate()
    incident = incident_of(alert)
    note(incident.pk, operator, "<img src=x onerror=y>")
    for tab in TABS:
        text = page(client_of(operator), incident, tab).content.decode()
        assert "<script>alert(1)" not in text
        assert "<img src=x" not in text


# -- doing -----------------------------------------------------------------------------------------------------------------
def test_the_forms_do_what_they_say(outage, opened, client_of, operator):
    client, other = client_of(operator), opened("Other", 1)

    def post(name, **fields):
        answer = client.post(reverse(name, args=[outage.pk]), fields, follow=True)
        assert answer.status_code == 200
        outage.refresh_from_db()
        return [str(message) for message in answer.context["messages"]]

    assert post("incident-act", verb="investigate") == [f"{outage.number} is investigated."]
    assert post("incident-act", verb="acknowledge") == ["Nothing to change: it was so already."]
    assert post("incident-note", text="hm", tab="timeline") == ["Noted."]
    assert post("incident-note", text=" ") == ["A note has one to 5,000 characters."]
    assert post("incident-edit", title="Shop is down", severity="high", commander="") == ["Saved."]
    assert (outage.title, outage.severity, outage.commander) == ("Shop is down", "high", None)
    assert post("incident-merge", incident=other.pk) == [f"Merged into {outage.number}."]
    alert = Alert.objects.get(name="Other").pk
    assert post("incident-alerts", what="take_out", alert=[alert]) == ["Alerts taken out: 1."]
    assert post("incident-alerts", what="add", alert=[alert]) == ["Alerts added: 1."]
    assert post("incident-alerts", what="add") == ["Tick some alerts first."]
    assert "split off" in post("incident-alerts", what="split", alert=[alert])[0]
    assert post("incident-act", verb="resolve", note="fixed", with_alerts="on") == [f"{outage.number} is resolved."]
    assert Alert.objects.filter(state="firing").count() == 1


def test_an_incident_is_opened_by_hand(client_of, operator):
    answer = client_of(operator).post("/incidents/new/", {"title": "Odd", "severity": "low"})
    assert answer["Location"] == reverse("incident", args=[Incident.objects.get().pk])
    assert client_of(operator).post("/incidents/new/", {"title": " ", "severity": "low"})["Location"] == "/incidents/"
    assert page(client_of(operator), Incident.objects.get()).status_code == 200


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [
        ("incident-act", {"verb": "nuke"}, 400),
        ("incident-edit", {"commander": "x"}, 400),
        ("incident-merge", {"incident": "x"}, 400),
        ("incident-merge", {"incident": "9" * 400}, 400),
        ("incident-merge", {"incident": "999"}, 404),
        ("incident-alerts", {"what": "odd", "alert": "1"}, 400),
    ],
)
def test_what_cannot_be_is_refused(outage, client_of, operator, name, fields, status):
    assert client_of(operator).post(reverse(name, args=[outage.pk]), fields).status_code == status


def test_an_incident_that_is_gone_is_not_there(client_of, operator):
    for name in ("incident-act", "incident-edit", "incident-note", "incident-merge", "incident-alerts"):
        fields = {"verb": "resolve", "title": "x", "text": "x", "incident": "1", "what": "add", "alert": "1"}
        assert client_of(operator).post(reverse(name, args=[999]), fields).status_code == 404, name


# -- parts of other pages --------------------------------------------------------------------------------------------------
def test_the_page_of_an_alert_shows_its_incident(outage, fire, client_of, viewer, operator):
    member = Alert.objects.get(name="Slow")
    text = client_of(viewer).get(f"/incidents/of-alert/{member.pk}/").content.decode()
    assert outage.number in text
    assert "Needs db-1" in text
    lone = fire("Lone", severity="low")
    assert "Add to" not in client_of(viewer).get(f"/incidents/of-alert/{lone.pk}/").content.decode()
    assert f"Add to {outage.number}" in client_of(operator).get(f"/incidents/of-alert/{lone.pk}/").content.decode()
    assert client_of(viewer).get("/incidents/of-alert/999/").status_code == 404


def test_the_overview_shows_the_worst_that_are_open(outage, opened, client_of, viewer):
    opened("Mild", 5, severity="medium")
    listed = client_of(viewer).get("/incidents/open/").context["listed"]
    assert [row.incident.severity for row in listed] == ["critical", "medium"]


def test_lists_of_alerts_know_the_incident(outage):
    from monitoring.alerts import memberships

    found = memberships.of([outage.root_alert_id])[outage.root_alert_id]
    assert (found.label, found.url) == (outage.number, reverse("incident", args=[outage.pk]))


# -- what it works out -----------------------------------------------------------------------------------------------------
def test_causes_are_ranked_with_what_speaks_for_and_against(outage):
    ranked = causes.causes(outage)
    first, second = ranked.causes
    assert first.title == "Disk of db-1 is full"
    assert first.points > second.points > 0
    assert "All other alerts are about db-1" in first.why
    assert second.title == "db-1: postgresql 16.3 became 16.4"
    assert ("10" in second.evidence[0].strong, second.evidence[0].against) == (True, False)
    assert causes.causes(Incident.objects.create(title="x")).causes == []


def test_what_changed_after_the_beginning_speaks_against_itself(outage, at):
    ResourceChange.objects.update(time=at(1))
    change = next(one for one in causes.causes(outage).causes if "became" in one.title)
    assert change.evidence[0].against


def test_impact_counts_what_fires_at_each_time(outage, end, at):
    end(*Alert.objects.exclude(name="DiskFull"), minute=30)
    spec = impact.chart(outage)
    assert [one["id"] for one in spec["series"]] == ["high", "critical"]
    high = spec["series"][0]["data"]
    assert (max(high), high[0], high[-1]) == (2, 0, 0)
    assert spec["series"][1]["data"][-1] == 1
    assert "Up to 3 of its 3 alerts" in spec["sentence"]


def test_the_chart_is_answered_as_json(outage, client_of, viewer):
    found = json.loads(client_of(viewer).get(f"/incidents/{outage.pk}/impact.json").content)
    assert len(found["t"]) == len(found["series"][0]["data"])
    assert client_of(viewer).get("/incidents/999/impact.json").status_code == 404


def test_similar_ones_have_alerts_resources_and_services_in_common(outage, fire, end, opened, at):
    end(*Alert.objects.all(), minute=10)
    tend(at(20))
    tend(at(20))
    host = Alert.objects.get(name="DiskFull").resource
    again = opened("DiskFull", 50, resource=host)
    opened("Different", 51)
    (alike,) = similar.similar(again)
    assert (alike.incident, alike.shared) == (outage, "DiskFull; db-1")
    assert 0.4 < alike.score < 0.7


def test_the_story_can_be_narrowed(outage, operator, client_of):
    note(outage.pk, operator, "seen")
    move([outage.pk], "acknowledge", operator)

    def kinds(show):
        return [event["text"] for event in story.story(outage, show)]

    assert any("became" in text for text in kinds("changes"))
    assert len(kinds("people")) == 2
    assert kinds("notifications") == []
    assert len(kinds("all")) == 4
    with pytest.raises(KeyError):
        kinds("odd")


def test_the_story_tells_what_is_over_and_what_came_back(outage, fire, end, resource, at):
    slow = Alert.objects.get(name="Slow")
    end(slow, minute=10)
    fire("Slow", 12, slow.resource, labels={"service": "shop"})
    end(*Alert.objects.exclude(name="Slow"), minute=15)
    told = [event["text"] for event in story.story(outage, "alerts")]
    assert "Slow on shop is over" in told
    assert "Slow on shop is back" in told
    assert any(text.startswith("2 alerts are over: ") for text in told)


def test_a_link_of_the_story_leads_nowhere_bad(outage):
    for url in ("javascript:alert(1)", "//evil.example", "data:x"):
        row = TimelineEntry(incident=outage, kind="action", text="x", url=url)
        assert story._link(row) == ""
    assert story._link(TimelineEntry(incident=outage, kind="action", url="/x/")) == "/x/"


def test_a_review_is_markdown_that_can_do_no_harm(outage, operator, client_of):
    text = "# Head\n\n**bold** <script>alert(1)</script> [x](javascript:alert(1)) ![i](http://e/x.png)\n\n| a |\n|---|\n| b |"
    edit(outage.pk, operator, notes_md=text)
    shown = page(client_of(operator), outage, "review").content.decode()
    for words in ("<h3>Head</h3>", "<strong>bold</strong>", "<td>b</td>", "Print"):
        assert words in shown, words
    for words in ("<script>alert", 'href="javascript', "<img", 'http://e/x.png" '):
        assert words not in str(review.html(text)), words


def test_a_review_begins_with_a_draft(outage, operator, client_of, viewer):
    assert "## What happened" in page(client_of(operator), outage, "review").content.decode()
    assert "Nobody has written it yet" in page(client_of(viewer), outage, "review").content.decode()


def test_counts_of_the_open_ones(outage):
    assert board.counts() == {"open": 1}
