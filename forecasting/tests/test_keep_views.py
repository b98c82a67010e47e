"""Views of the lists of this room: kept, listed, opened again."""

import pytest

from accounts.models import AuditEntry
from monitoring.dashboards.models import SavedView

pytestmark = pytest.mark.django_db


def keep(client, page, state, **more):
    given = {"name": "Mine", "state": state, **more}
    return client.post(f"/explore/views/of/{page}/", given, headers={"accept": "application/json"})


@pytest.mark.parametrize(
    ("page", "state", "address"),
    [
        ("forecasts", "?tab=all&q=db&watch=3&sort=-now&page=2&row=7", "/forecasts/?tab=all&q=db&watch=3&sort=-now"),
        ("anomalies", "?least=30&state=open&range=now-7d&open=4&page=2", "/anomalies/?least=30&state=open&range=now-7d"),
        ("analysis", "?track=3&track=4&of=3&theme=x", "/analysis/?track=3&track=4&of=3"),
    ],
)
def test_a_list_keeps_what_it_shows_and_not_where_one_was_in_it(viewer, client_of, page, state, address):
    client = client_of(viewer)
    assert "Mine" in keep(client, page, state).content.decode()
    assert SavedView.objects.get().address == address
    assert AuditEntry.objects.filter(action=f"{page}.view_saved").count() == 1
    assert client.get(address).status_code == 200
    assert f"{page.capitalize()}</td>" in client.get("/explore/views/").content.decode()


@pytest.mark.parametrize("page", ["forecasts", "anomalies", "analysis"])
def test_each_list_opens_its_own_menu(viewer, operator, stranger, client_of, page):
    assert f'data-url="/explore/views/of/{page}/"' in client_of(viewer).get(f"/{page}/").content.decode()
    assert keep(client_of(operator), page, "?q=db", shared="on").status_code == 200
    assert "Mine" in client_of(viewer).get(f"/explore/views/of/{page}/").content.decode()
    assert keep(client_of(viewer), page, "?q=db", shared="on").status_code == 403
    assert keep(client_of(viewer), page, "?page=3").status_code == 400
    assert keep(client_of(stranger), page, "?q=db").status_code == 302
