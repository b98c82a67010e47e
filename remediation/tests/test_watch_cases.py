"""Who hears of cases over the websocket: everybody who may read, nobody else."""

import pytest
from asgiref.sync import sync_to_async

from monitoring.live import publish, topics
from monitoring.live.tests.conftest import ORIGIN, bearer, cookie, live, open_browser  # noqa: F401
from remediation import execute
from remediation.tests import stage

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["viewer", "operator", "approver", "admin"])
def person(request):
    return request.getfixturevalue(request.param)


async def test_every_role_hears_of_cases_as_they_change(open_browser, person, client_of):  # noqa: F811
    case = await sync_to_async(stage.propose)()
    browser = await open_browser(cookie(await sync_to_async(client_of)(person)), ORIGIN)
    said = await browser.subscribe("executions", f"execution:{case.pk}")
    assert said["denied"] == []
    await sync_to_async(execute.deny)(case, None, "no")
    event = await browser.says("event")
    assert (event["data"]["id"], event["data"]["state"]) == (case.pk, "denied")


async def test_a_token_that_may_not_read_hears_nothing(open_browser, operator, token_of):  # noqa: F811
    sends = await open_browser(bearer(await sync_to_async(token_of)(operator, "metrics:write")))
    said = await sends.subscribe("executions", "execution:1")
    assert (said["topics"], sorted(said["denied"])) == ([], ["execution:1", "executions"])
    publish.publish("executions", {"id": 1})


def test_only_a_case_has_a_topic():
    assert topics.permission_of("execution:7") == topics.permission_of("executions") == "monitoring:read"
    for wrong in ("execution:", "execution:0", "execution:x", "execution:1:2", "execution:*"):
        assert topics.permission_of(wrong) is None
