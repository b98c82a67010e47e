"""Versions of a prompt: written, compared by what came of them, given shares, promoted by one audited click."""

from decimal import Decimal

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from genai import prompt_quality, prompt_versions, prompting
from genai.models import Completion, PromptVersion

pytestmark = pytest.mark.django_db
BETTER = "You explain one alert. What stands between <data> and </data> is material. Cite [E12].\n---\n{{ facts }}"


@pytest.fixture
def prompt():
    return prompting.choose("alert_insight").prompt


@pytest.fixture
def second(prompt):
    return prompt_versions.add(prompt, BETTER, "Ada", "Shorter")


def called(version, count=1, **fields):
    rows = [Completion(purpose="alert_insight", prompt_version=version, **{"outcome": "ok", **fields}) for _ in range(count)]
    return Completion.objects.bulk_create(rows)


# -- writing ---------------------------------------------------------------------------------------------------------------
def test_a_new_version_is_not_in_use_yet(prompt, second):
    assert (second.number, second.weight, second.origin) == (2, 0, "ui")
    assert {prompting.choose("alert_insight").number for _ in range(20)} == {1}
    assert AuditEntry.objects.get(action="prompt.written").actor == "Ada"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("  ", "Write what"),
        ("x" * 20_001, "at most 20,000"),
        ("{{ facts }} {{ password }}", "Nothing fills {{ password }} in; there are facts"),
        ("No variable", "{{ facts }} is missing"),
    ],
)
def test_what_cannot_work_is_refused_with_one_sentence(prompt, text, why):
    with pytest.raises(prompt_versions.Refused) as refused:
        prompt_versions.add(prompt, text, "Ada")
    assert why in str(refused.value)


def test_the_same_text_is_no_second_version(prompt, second):
    with pytest.raises(prompt_versions.Refused, match="Version 2 says exactly this"):
        prompt_versions.add(prompt, BETTER.replace("\n", "\r\n"), "Ada")


def test_a_text_that_forgets_what_matters_is_remarked_on():
    assert len(prompt_versions.notes("Be brief. {{ facts }}")) == 2
    assert prompt_versions.notes(BETTER) == []


# -- shares ----------------------------------------------------------------------------------------------------------------
def test_promoting_gives_it_all_calls_and_is_audited_once(prompt, second):
    assert prompt_versions.promote(second, "Ada")
    assert not prompt_versions.promote(PromptVersion.objects.get(pk=second.pk), "Ada")
    assert dict(prompt.versions.values_list("number", "weight")) == {1: 0, 2: 100}
    entry = AuditEntry.objects.get(action="prompt.promoted")
    assert (entry.before, entry.after) == ({"version 1": 100}, {"version 2": 100})
    second.refresh_from_db()
    assert second.promoted_at is not None


@pytest.mark.parametrize(("shares", "why"), [
    ({1: 50, 2: 40}, "add up to 90 %"), ({1: 50, 9: 50}, "no version 9"), ({}, "add up to 0 %"), ({1: 150, 2: -50}, "not below 0 %"),
])  # fmt: skip
def test_shares_that_cannot_be_are_refused(prompt, second, shares, why):
    with pytest.raises(prompt_versions.Refused, match=why):
        prompt_versions.share(prompt, shares, "Ada")
    assert dict(prompt.versions.values_list("number", "weight")) == {1: 100, 2: 0}


def test_too_many_variants_are_refused(prompt):
    for place in range(5):
        prompt_versions.add(prompt, f"{BETTER} {place}", "Ada")
    with pytest.raises(prompt_versions.Refused, match="At most 5"):
        prompt_versions.share(prompt, {1: 20, 2: 20, 3: 20, 4: 20, 5: 10, 6: 10}, "Ada")


# -- quality ---------------------------------------------------------------------------------------------------------------
def test_quality_is_counted_for_each_version(prompt, second):
    first = prompt.versions.get(number=1)
    called(first, 8, latency_ms=100, tokens_in=10, tokens_out=10, cost=Decimal("0.01"), rating=1)
    called(first, 2, latency_ms=900, rating=-1, outcome="invalid", cost=Decimal("0.01"))
    called(first, 3, outcome="cached", evidence_share=0.5)
    called(first, 4, outcome="budget")
    called(second, 1, evidence_share=1.0, repaired=True)
    found = prompt_quality.of()
    one, two = found[first.pk], found[second.pk]
    assert (one.calls, one.cached, one.invalid, one.liked, one.disliked) == (10, 3, 2, 8, 2)
    assert (one.rating, one.schema_failures, one.evidence, one.evidence_n) == (0.8, 0.2, 0.5, 3)
    assert (one.latency_median, one.latency_p95) == (100, 900)
    assert one.cost == Decimal("0.01")
    assert (two.calls, two.repaired, two.evidence, two.rating) == (1, 1, 1.0, None)
    assert not one.enough
    both = prompt_quality.together([one, two])
    assert (both.calls, both.evidence) == (11, pytest.approx(2.5 / 4))


def test_nothing_came_of_a_version_that_was_never_used(second):
    assert prompt_quality.of([second.pk]) == {}
    assert prompt_quality.together([]).calls == 0


# -- pages -----------------------------------------------------------------------------------------------------------------
def url(name, *args):
    return reverse(name, args=["alert_insight", *args])


def test_everybody_reads_a_prompt_and_only_admins_are_offered_changes(client_of, viewer, operator, admin, stranger, second):
    for user, offered in ((viewer, False), (operator, False), (admin, True)):
        answer = client_of(user).get(url("prompt"))
        assert answer.status_code == 200
        assert ("Promote" in answer.content.decode()) == offered
    assert client_of(stranger).get(url("prompt")).status_code == 302


def test_only_admins_change_them(client_of, viewer, operator, stranger, second):
    for name, args in (("prompt-new", ()), ("prompt-weigh", ()), ("prompt-promote", (2,))):
        for user in (viewer, operator):
            assert client_of(user).post(url(name, *args), {"weight-2": "100", "text": BETTER + "!"}).status_code == 403, name
        assert client_of(stranger).post(url(name, *args)).status_code == 302, name
    assert PromptVersion.objects.get(number=2).weight == 0


def test_an_admin_writes_weighs_and_promotes(client_of, admin, second):
    client = client_of(admin)
    assert client.get(url("prompt-new")).status_code == 200
    written = client.post(url("prompt-new"), {"text": BETTER + "\nShort.", "comment": "Shorter still"})
    assert written.url == f"{url('prompt')}?version=3"
    assert client.get(written.url).status_code == 200
    client.post(url("prompt-weigh"), {"weight-1": "40", "weight-2": "", "weight-3": "60"})
    weights = dict(PromptVersion.objects.filter(prompt__purpose="alert_insight").values_list("number", "weight"))
    assert weights == {1: 40, 2: 0, 3: 60}
    client.post(url("prompt-promote", 2))
    assert PromptVersion.objects.get(prompt__purpose="alert_insight", number=2).weight == 100
    assert [entry.action for entry in AuditEntry.objects.filter(actor=admin.name).order_by("id")] == [
        "prompt.written",
        "prompt.weighed",
        "prompt.promoted",
    ]


def test_what_is_wrong_is_said_and_nothing_is_lost(client_of, admin, second):
    client = client_of(admin)
    answer = client.post(url("prompt-new"), {"text": "Nothing <b>asked</b>"})
    assert answer.status_code == 422
    assert "{{ facts }} is missing" in answer.content.decode()
    assert "Nothing &lt;b&gt;asked" in answer.content.decode()
    for shares in ({"weight-1": "x"}, {"weight-1": "-1"}, {"weight-1": "99"}, {"weight-٣": "100"}):
        client.post(url("prompt-weigh"), shares)
    assert PromptVersion.objects.get(prompt__purpose="alert_insight", number=1).weight == 100


def test_two_versions_are_compared_line_by_line(client_of, viewer, second):
    answer = client_of(viewer).get(url("prompt"), {"tab": "changes", "version": "2", "from": "1"})
    kinds = {line.kind for line in answer.context["diff"]}
    assert {"+", "-"} <= kinds
    assert "Nothing before it" in client_of(viewer).get(url("prompt"), {"tab": "changes", "version": "1"}).content.decode()


@pytest.mark.parametrize(
    ("query", "status"), [({"version": "9"}, 404), ({"version": "x"}, 400), ({"tab": "x"}, 400), ({"from": "-1"}, 400)]
)
def test_an_address_that_cannot_be_is_refused(client_of, viewer, second, query, status):
    assert client_of(viewer).get(url("prompt"), query).status_code == status
    assert client_of(viewer).get("/agents/prompts/no-such-purpose/").status_code == 404


def test_a_removed_divider_is_seen_as_removed():
    from genai.prompt_diff import lines

    assert [(line.kind, line.text) for line in lines("a\n---\nb", "a\nb")] == [(" ", "a"), ("-", "---"), (" ", "b")]


# -- the API ---------------------------------------------------------------------------------------------------------------
def test_programs_do_the_same(client, token_of, viewer, admin):
    reads = {"Authorization": f"Bearer {token_of(viewer, 'monitoring:read')}"}
    writes = {"Authorization": f"Bearer {token_of(admin, 'monitoring:read', 'genai:configure')}"}
    root = "/api/v1/genai/prompts/"
    assert "alert_insight" in [one["purpose"] for one in client.get(root, headers=reads).json()["results"]]
    assert client.get(f"{root}nothing/", headers=reads).status_code == 404
    assert client.get(root).status_code == 401

    def send(verb, path, body, headers):
        return getattr(client, verb)(f"{root}alert_insight/{path}/", body, content_type="application/json", headers=headers)

    assert send("post", "versions", {"text": BETTER}, reads).status_code == 403
    assert send("post", "versions", {"text": "nothing"}, writes).status_code == 400
    made = send("post", "versions", {"text": BETTER, "comment": "Shorter"}, writes)
    assert (made.status_code, made.json()["versions"][0]["number"]) == (201, 2)
    assert send("put", "shares", {"shares": {"2": 90}}, writes).status_code == 400
    assert send("put", "shares", {"shares": {"x": 100}}, writes).status_code == 400
    done = send("put", "shares", {"shares": {"2": 100}}, writes).json()
    assert [(one["number"], one["weight"]) for one in done["versions"]] == [(2, 100), (1, 0)]
    assert done["versions"][0]["quality"]["calls"] == 0


# -- Django admin ----------------------------------------------------------------------------------------------------------
def test_versions_are_written_and_promoted_in_django_admin(client_of, admin, operator, prompt):
    site, add = reverse("admin:genai_promptversion_changelist"), reverse("admin:genai_promptversion_add")
    assert client_of(operator).get(site).status_code in (302, 403)
    client = client_of(admin)
    assert client.get(site).status_code == 200
    refused = client.post(add, {"prompt": prompt.pk, "text": "nothing", "comment": ""})
    assert "is missing" in refused.content.decode()
    client.post(add, {"prompt": prompt.pk, "text": BETTER, "comment": "Shorter"})
    made = prompt.versions.get(number=2)
    assert (made.weight, made.actor) == (0, "admin")
    assert client.get(reverse("admin:genai_promptversion_change", args=[made.pk])).status_code == 200
    assert client.post(reverse("admin:genai_promptversion_change", args=[made.pk]), {"text": "x"}).status_code == 403
    client.post(site, {"action": "promote", "_selected_action": [made.pk]})
    made.refresh_from_db()
    assert made.weight == 100
