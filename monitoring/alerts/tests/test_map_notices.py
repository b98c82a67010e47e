"""The page that finds another system's fields and writes the address for its webhook."""

import pytest

pytestmark = pytest.mark.django_db
BODY = '{"data": {"events": [{"what": {"title": "Disk full", "level": "warn"}, "uid": "4711", "phase": "gone", "host": "db-1"}]}}'
PATHS = {"items": "data.events", "name": "what.title", "severity": "what.level", "key": "uid", "state": "phase", "resolved": "gone,over"}


@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_every_role_may_try(request, role, client_of):
    client = client_of(request.getfixturevalue(role))
    assert client.get("/alerts/mapping/").status_code == 200
    assert client.post("/alerts/mapping/", {"body": '{"name": "x"}'}).status_code == 200


def test_a_stranger_is_sent_to_sign_in(stranger, client_of):
    assert client_of(stranger).get("/alerts/mapping/")["Location"].startswith("/accounts/login/")


def test_what_was_found_is_shown_with_the_finished_address(client_of, viewer):
    answer = client_of(viewer).post("/alerts/mapping/", {"body": BODY, **PATHS, "source": "zabbix"})
    [row] = answer.context["found"]
    assert (row["name"], row["firing"], row["severity"], row["word"], row["key"]) == ("Disk full", False, "medium", "warn", "4711")
    assert row["labels"] == {"host": "db-1"}
    address = answer.context["address"]
    assert "/webhooks/alerts?" in address
    for part in ("items=data.events", "name=what.title", "resolved=gone,over", "source=zabbix"):
        assert part in address


def test_the_address_works_as_it_is_written(client_of, viewer, operator, token_of):
    address = client_of(viewer).post("/alerts/mapping/", {"body": BODY, **PATHS}).context["address"]
    headers = {"Authorization": f"Bearer {token_of(operator, 'metrics:write')}"}
    answer = client_of(viewer).post(address[address.index("/webhooks") :], BODY, content_type="application/json", headers=headers)
    assert answer.json() == {"accepted": 1}


def test_usual_names_need_no_mapping(client_of, viewer):
    [row] = (
        client_of(viewer).post("/alerts/mapping/", {"body": '[{"title": "Down", "priority": "P1", "message": "gone"}]'}).context["found"]
    )
    assert (row["name"], row["severity"], row["summary"], row["firing"]) == ("Down", "critical", "gone", True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"body": ""}, "Paste a body"),
        ({"body": "{"}, "not JSON"),
        ({"body": "{}"}, "has no name"),
        ({"body": "[1]"}, "not an object"),
        ({"body": BODY, "items": "nowhere"}, "no list at"),
        ({"body": BODY, **PATHS, "source": "a b"}, "source is a word"),
        ({"body": " " * 1 + "x" * (256 * 1024 + 1)}, "256 KiB"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(client_of, viewer, given, words):
    answer = client_of(viewer).post("/alerts/mapping/", given)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_nothing_of_a_body_is_markup(client_of, viewer):
    text = client_of(viewer).post("/alerts/mapping/", {"body": '{"name": "<script>alert(1)</script>"}'}).content.decode()
    assert "<script>alert(1)" not in text
