"""The list of rules: what each does, how noisy it is, switched one by one and together."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.alerts import lifecycle, rule_noise, silencing
from monitoring.alerts.lifecycle import Observation, observe
from monitoring.alerts.models import Alert, AlertRule, RuleGroup, Silence

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(db):
    """rule("Down", severity=…): rules of one group."""
    AlertRule.objects.all().delete()
    RuleGroup.objects.all().delete()

    def make(name="Down", group="Rules", **fields):
        source = fields.pop("source", "ui")
        found, _ = RuleGroup.objects.get_or_create(
            name=group, file=f"{source}:{group}" if source != "ui" else "", defaults={"source": source}
        )
        return AlertRule.objects.create(group=found, name=name, key=fields.pop("key", name), expr=fields.pop("expr", "up == 0"), **fields)

    return make


def seen(rule, state="firing", number=1, **fields):
    labels = {"alertname": rule.name, "n": str(number)}
    return Observation(
        lifecycle.fingerprint(str(rule.pk), labels), state, name=rule.name, labels=labels, source="rule", rule=rule.pk, **fields
    )


def fires(rule, ago=timedelta(minutes=5), number=1, **fields):
    now = timezone.now() - ago
    observe([seen(rule, number=number, **fields)], now)
    return Alert.objects.get(fingerprint=seen(rule, number=number).fingerprint)


def page(client, address="/rules/"):
    answer = client.get(address)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def names(answer):
    return [row.rule.name for row in answer.context["page"].object_list]


# -- who -------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_read(request, role, client_of, rule):
    one = rule()
    client = client_of(request.getfixturevalue(role))
    for address in ("/rules/", f"/rules/{one.pk}/", f"/rules/{one.pk}/counted/?of=acks&days=30", "/rules/export/"):
        assert client.get(address).status_code == 200, address


def test_a_stranger_is_sent_to_sign_in(stranger, client_of, rule):
    one = rule()
    client = client_of(stranger)
    for address in ("/rules/", f"/rules/{one.pk}/", "/rules/new/", "/rules/import/", "/rules/export/", f"/rules/{one.pk}/counted/"):
        assert client.get(address)["Location"].startswith("/accounts/login/")
    for address in ("/rules/switch/", "/rules/preview/", "/rules/backtest/", f"/rules/{one.pk}/delete/", "/rules/new/"):
        assert client.post(address)["Location"].startswith("/accounts/login/")


def test_a_viewer_sees_no_switches_and_may_not_use_them(viewer, client_of, rule):
    one = rule()
    client = client_of(viewer)
    text = page(client)
    assert "Enable" not in text
    assert "New rule" not in text
    assert client.post("/rules/switch/", {"rule": one.pk, "to": "off"}).status_code == 403
    assert AlertRule.objects.get().enabled


# -- search, facets, order ---------------------------------------------------------------------------------------------------
def test_words_are_looked_for_in_name_group_expression_and_labels(client_of, viewer, rule):
    rule("DiskFull", expr="node_disk > 1")
    rule("Slow", group="Web", labels={"team": "shop"})
    client = client_of(viewer)
    for words, found in (
        ("disk", ["DiskFull"]),
        ("node_disk full", ["DiskFull"]),
        ("web", ["Slow"]),
        ("team:shop", ["Slow"]),
        ("nope", []),
    ):
        assert names(client.get("/rules/", {"q": words})) == found


def test_facets_filter_and_count(client_of, viewer, rule):
    rule("A", severity="critical")
    rule("B", enabled=False)
    rule("C", kind="record", key="C")
    rule("D", source="pack", group="Hosts", last_error="no")
    client = client_of(viewer)
    assert names(client.get("/rules/?state=off")) == ["B"]
    assert names(client.get("/rules/?kind=record")) == ["C"]
    assert names(client.get("/rules/?owner=pack")) == ["D"]
    assert names(client.get("/rules/?state=failing")) == ["D"]
    assert names(client.get("/rules/?severity=critical&severity=medium&kind=alert")) == ["D", "A", "B"]
    facets = {facet.name: {value.value: value.count for value in facet.all} for facet in client.get("/rules/").context["facets"]}
    assert facets["state"] == {"failing": 1, "waiting": 2, "off": 1}
    assert facets["owner"] == {"ui": 3, "pack": 1}
    assert facets["group"] == {"Rules": 3, "Hosts": 1}


def test_a_shipped_rule_is_badged(client_of, operator, rule):
    rule("D", source="pack", group="Hosts", locked=True)
    assert "Shipped: owned by code" in page(client_of(operator))


def test_rules_are_sorted_by_what_they_did(client_of, viewer, rule):
    rule("Slow", last_duration_ms=900, last_evaluated=timezone.now())
    rule("Fast", last_duration_ms=1, last_evaluated=timezone.now())
    client = client_of(viewer)
    assert names(client.get("/rules/?sort=-took")) == ["Slow", "Fast"]
    assert names(client.get("/rules/?sort=took")) == ["Fast", "Slow"]
    assert names(client.get("/rules/?sort=name")) == ["Fast", "Slow"]


@pytest.mark.parametrize("query", ["sort=colour", "days=8", "days=x", "q=%00", "q=" + "a" * 201])
def test_what_cannot_be_asked_is_refused_with_a_sentence(client_of, viewer, rule, query):
    assert client_of(viewer).get(f"/rules/?{query}").status_code == 400


def test_without_a_rule_the_page_says_what_to_do(client_of, operator, rule):
    assert "No rules yet" in page(client_of(operator))


def test_500_rules_take_as_many_statements_as_one(client_of, viewer, rule, django_assert_max_num_queries):
    first = rule("R0")
    fires(first)
    client = client_of(viewer)
    with django_assert_max_num_queries(7):
        page(client)
    AlertRule.objects.bulk_create(AlertRule(group=first.group, name=f"R{n}", key=f"R{n}", expr="up == 0") for n in range(1, 500))
    for one in AlertRule.objects.all()[:20]:
        fires(one)
    with django_assert_max_num_queries(7):
        assert "1–50 of 500" in page(client)


# -- switching -------------------------------------------------------------------------------------------------------------
def test_rules_are_switched_together_and_once_audited(client_of, operator, rule):
    one, two, shipped = rule("A"), rule("B", enabled=False), rule("C", source="pack", group="Hosts", locked=True)
    answer = client_of(operator).post("/rules/switch/", {"rule": [one.pk, two.pk, shipped.pk], "to": "off", "next": "/rules/?state=off"})
    assert answer["Location"] == "/rules/?state=off"
    assert not AlertRule.objects.filter(enabled=True).exists()
    entry = AuditEntry.objects.get(action="rules.disabled")
    assert (entry.actor, entry.after["count"], entry.after["enabled"]) == ("operator", 2, False)


def test_one_rule_is_switched_by_its_own_button(client_of, operator, rule):
    one, other = rule("A"), rule("B")
    client_of(operator).post("/rules/switch/", {"rule": [other.pk], "one": f"{one.pk}:off"})
    assert list(AlertRule.objects.filter(enabled=False)) == [one]


@pytest.mark.parametrize(
    "given", [{"to": "off"}, {"rule": "1", "to": "sideways"}, {"rule": "x", "to": "on"}, {"one": "1"}, {"rule": "9" * 30, "to": "on"}]
)
def test_a_switch_that_cannot_be_is_refused(client_of, operator, rule, given):
    assert client_of(operator).post("/rules/switch/", given).status_code == 400


def test_switching_never_leads_to_another_site(client_of, operator, rule):
    answer = client_of(operator).post("/rules/switch/", {"rule": rule().pk, "to": "off", "next": "//evil.example.org/"})
    assert answer["Location"] == "/rules/"


# -- noise -----------------------------------------------------------------------------------------------------------------
def test_every_number_of_the_noise_has_its_rows(client_of, operator, rule):
    one = rule()
    alert = fires(one, timedelta(minutes=50))
    observe([seen(one, "resolved")], timezone.now() - timedelta(minutes=45))
    observe([seen(one)], timezone.now() - timedelta(minutes=40))  # came back
    lifecycle.acknowledge([alert.pk], operator)
    lifecycle.comment([alert.pk], operator, "known")
    now = timezone.now()
    silence = Silence(
        matchers=[{"name": "alertname", "op": "=", "value": "Down"}], reason="quiet", starts_at=now, ends_at=now + timedelta(hours=1)
    )
    silencing.create(silence, operator)
    silencing.end(silence, operator)
    found = rule_noise.of_rules(7)[one.pk]
    assert found == rule_noise.Noise(fires=2, acks=1, actions=1, duplicates=1, real=1)
    client = client_of(operator)
    for name, _measure, count in found.cells:
        answer = client.get(f"/rules/{one.pk}/counted/?of={name}")
        assert answer.context["page"].paginator.count == count, name
        assert f"/rules/{one.pk}/counted/?of={name}&amp;days=7" in page(client)


def test_what_is_older_counts_over_30_days_only(client_of, viewer, rule):
    one = rule()
    fires(one, timedelta(days=20))
    assert one.pk not in rule_noise.of_rules(7)
    assert rule_noise.of_rules(30)[one.pk].fires == 1
    assert client_of(viewer).get(f"/rules/{one.pk}/counted/?days=30").context["page"].paginator.count == 1


def test_what_was_counted_is_not_read_again(rule, django_assert_num_queries):
    one = rule()
    for number in range(20):
        fires(one, number=number)
    assert rule_noise.of_rules(7)[one.pk].fires == 20
    with django_assert_num_queries(1):
        assert rule_noise.of_rules(30)[one.pk].fires == 20
    for number in range(20, 50):
        fires(one, number=number)
    with django_assert_num_queries(3):
        assert rule_noise.of_rules(7)[one.pk].fires == 50


def test_a_database_that_was_put_back_is_read_anew(rule):
    one = rule()
    fires(one)
    fires(one, number=2)
    assert rule_noise.of_rules(7)[one.pk].fires == 2
    Alert.objects.all().delete()
    assert rule_noise.of_rules(7) == {}
    fires(one, number=3)
    assert rule_noise.of_rules(7)[one.pk].fires == 1


def test_a_rule_that_speaks_often_and_is_never_heeded_is_noisy(client_of, operator, rule):
    loud, heeded = rule("Loud"), rule("Heeded")
    for number in range(6):
        fires(loud, number=number)
        lifecycle.acknowledge([fires(heeded, number=number).pk], operator)
    noise = rule_noise.of_rules(7)
    assert noise[loud.pk].noisy
    assert not noise[heeded.pk].noisy
    assert names(client_of(operator).get("/rules/?noise=noisy")) == ["Loud"]


def test_a_number_that_is_not_counted_is_refused(client_of, viewer, rule):
    one = rule()
    assert client_of(viewer).get(f"/rules/{one.pk}/counted/?of=stars").status_code == 400
    assert client_of(viewer).get("/rules/999999/counted/").status_code == 404


def test_a_number_beyond_all_rows_is_not_found(client_of, operator, rule):
    client, far = client_of(operator), "9" * 40
    for address in (f"/rules/{far}/", f"/rules/{far}/counted/", f"/silences/{far}/", f"/silences/{far}/edit/"):
        assert client.get(address).status_code == 404, address
    assert client.post(f"/silences/{far}/end/").status_code == 404


@pytest.mark.parametrize("field", ["name", "group", "expr", "for", "interval", "summary", "label_value", "runbook_url", "severity", "kind"])
def test_a_nul_character_is_a_fault_and_no_breakdown(client_of, operator, rule, field):
    given = {"name": "A", "kind": "alert", "group": "G", "interval": "15s", "expr": "up == 0", "label_name": "a", "label_value": "b"}
    client = client_of(operator)
    assert client.post("/rules/new/", given | {field: "a\0b"}).status_code == 422
    assert client.post("/rules/preview/", given | {field: "a\0b"}).status_code == 200
    assert client.post("/rules/backtest/", given | {field: "a\0b"}).status_code == 200
