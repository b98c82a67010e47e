"""kill -9 of a worker between a transition and its delivery, with a real SMTP server and an HTTP receiver: nothing is lost, one transition
is one notice, and what is sent twice carries the same key."""

import asyncio
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from monitoring.alerts.lifecycle import Observation, fingerprint, observe
from monitoring.notifications.models import Channel, Delivery, DeliveryAttempt, Message, Route
from monitoring.notifications.tests.worker import worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]
PATIENCE = 150  # seconds; on a busy machine a process takes long to start


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def fire(*names):
    observe([Observation(fingerprint("test", {"alertname": name}), "firing", name=name, source="test") for name in names])


@pytest.fixture
def channels(peer, mailbox):
    mail = {"host": "127.0.0.1", "port": mailbox.port, "security": "none", "recipients": "ops@example.org", "sender": "aiops@example.org"}
    where = {"url": f"{peer.address}/hook"}
    return [
        Channel.objects.create(name="hook", kind="webhook", config=where, secrets={**where, "secret": "x"}),
        Channel.objects.create(name="mail", kind="email", config=mail),
    ]


def route(channels, **fields):
    made = Route.objects.create(name="all", **{"group_wait": 0, "group_interval": 0, "repeat_interval": 0, **fields})
    made.channels.set(channels)


def forget_leases():
    """As when their time has passed."""
    Delivery.objects.exclude(lease="").update(leased_until=timezone.now() - timedelta(seconds=1))


def all_sent():
    return Delivery.objects.exists() and not Delivery.objects.exclude(status="sent").exists()


def test_killed_after_the_receiver_got_it_and_before_it_was_written_down(channels, peer, mailbox):
    release = threading.Event()
    peer.answers = [(200, lambda server: "ok" if release.wait(PATIENCE) else "")]
    taken = type(mailbox).handle_DATA

    async def held(self, server, session, envelope):
        answer = await taken(self, server, session, envelope)
        while not release.is_set():
            await asyncio.sleep(0.01)
        return answer

    mailbox.handle_DATA = held.__get__(mailbox)
    route(channels)
    fire("Disk full")
    with worker() as first:
        wait_for(lambda: peer.asked and mailbox.mails, "both receivers to be told")
        first.kill()
        first.wait()
    release.set()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"pending"}
    assert not DeliveryAttempt.objects.exists()
    forget_leases()
    with worker():
        wait_for(all_sent, "the second worker")
    assert len({one["headers"]["X-Event-Id"] for one in peer.asked}) == 1  # by its key the receiver has it once
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1
    assert (len(peer.asked), len(mailbox.mails)) == (2, 2)  # at least once
    assert Message.objects.count() == 1
    assert DeliveryAttempt.objects.filter(ok=True).count() == 2


def test_killed_before_it_sent_anything(channels, peer, mailbox):
    """The worker dies with the outbox written."""
    route(channels)
    fire("Disk full")
    from monitoring.notifications import tasks

    tasks.prepare()
    assert Delivery.objects.filter(status="pending").count() == 2
    with worker():
        wait_for(all_sent, "the worker")
    assert (len(peer.asked), len(mailbox.mails)) == (1, 1)


def test_killed_again_and_again_every_alert_is_told_and_no_transition_twice(channels, peer, mailbox):
    names = [f"Alert {number}" for number in range(24)]
    route(channels, group_by=["..."])
    fired = 0
    for moment in (0.0, 0.3, 0.05):
        with worker() as process:
            fire(*names[fired : fired + 8])
            fired += 8
            wait_for(lambda: DeliveryAttempt.objects.exists(), "the first worker to begin")
            time.sleep(moment)
            process.kill()
            process.wait()
        forget_leases()
    with worker():
        wait_for(lambda: Message.objects.count() >= len(names) and all_sent(), "the last worker")
    told = {one["title"] for one in Message.objects.values("title")}
    assert told == set(names)
    assert Message.objects.count() == len(names)
    assert len({one["headers"]["X-Event-Id"] for one in peer.asked}) == len(names)
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == len(names)


def test_two_workers_tell_nothing_twice(channels, peer, mailbox):
    names = [f"Alert {number}" for number in range(20)]
    route(channels, group_by=["..."])
    with worker(), worker():
        for place in range(0, 20, 5):
            fire(*names[place : place + 5])
            time.sleep(0.3)
        wait_for(lambda: Message.objects.count() >= len(names) and all_sent(), "both workers")
    assert len(peer.asked) == len(names)
    assert len(mailbox.mails) == len(names)
    assert DeliveryAttempt.objects.count() == 2 * len(names)
    connection.close()
