import pytest
from django.db import transaction

from monitoring.live import publish


@pytest.fixture
def sent(monkeypatch):
    sent = []
    monkeypatch.setattr(publish, "publish", lambda topic, payload: sent.append(topic))
    return sent


@pytest.mark.django_db(transaction=True)
def test_an_event_waits_for_the_commit(sent):
    with transaction.atomic():
        publish.publish_on_commit("fleet", {})
        assert sent == []
    assert sent == ["fleet"]


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_change_is_not_told(sent):
    with transaction.atomic():
        publish.publish_on_commit("fleet", {})
        transaction.set_rollback(True)
    assert sent == []
