"""A person's inbox is heard by that person only, whatever their role."""

import pytest
from asgiref.sync import sync_to_async

from monitoring.live import publish, topics
from monitoring.live.tests.conftest import ORIGIN, bearer, cookie

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_inbox_has_one_owner_and_other_topics_none():
    assert topics.owner_of("inbox:17") == 17
    assert topics.owner_of("fleet") is None
    assert topics.owner_of("resource:17") is None
    for wrong in ("inbox:", "inbox:0", "inbox:1x", "inbox:1:2", "inbox:*", "inbox:-1"):
        assert topics.permission_of(wrong) is None


async def test_nobody_hears_anothers_inbox(open_browser, operator, admin, client_of):
    browser = await open_browser(cookie(await sync_to_async(client_of)(admin)), ORIGIN)
    said = await browser.subscribe(f"inbox:{admin.pk}", f"inbox:{operator.pk}", "inbox:0")
    assert said["topics"] == [f"inbox:{admin.pk}"]
    assert said["denied"] == [f"inbox:{operator.pk}", "inbox:0"]
    publish.publish_many([(f"inbox:{operator.pk}", {"n": 1}), (f"inbox:{admin.pk}", {"n": 2})])
    assert (await browser.says("event"))["data"] == {"n": 2}


async def test_a_token_hears_its_owners_inbox_as_far_as_its_scopes_go(open_browser, viewer, operator, token_of):
    reads = await open_browser(bearer(await sync_to_async(token_of)(viewer, "monitoring:read")))
    said = await reads.subscribe(f"inbox:{viewer.pk}", f"inbox:{operator.pk}")
    assert said["topics"] == [f"inbox:{viewer.pk}"]
    writes = await open_browser(bearer(await sync_to_async(token_of)(operator, "metrics:write")))
    assert (await writes.subscribe(f"inbox:{operator.pk}"))["topics"] == []
