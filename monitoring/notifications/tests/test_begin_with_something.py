"""What a fresh installation has, and what is swept up at night."""

from datetime import timedelta

import pytest
from django.apps import apps

from monitoring.notifications import defaults, receivers, tasks
from monitoring.notifications.models import Channel, Delivery, Message, NotificationGroup, Route

pytestmark = pytest.mark.django_db


@pytest.fixture
def migrated(settings):
    settings.NOTIFICATION_DEFAULTS = True

    def again(**changes):
        for name, value in changes.items():
            setattr(settings, name, value)
        receivers.on_migrated(sender=apps.get_app_config("monitoring"), using="default")

    return again


def test_the_bell_rings_for_everything(migrated):
    migrated()
    route = Route.objects.get()
    assert [(one.name, one.kind) for one in route.channels.all()] == [("In-app", "in_app")]
    assert (route.matchers, route.enabled) == ([], True)


def test_what_was_deleted_stays_deleted(migrated):
    migrated()
    Route.objects.all().delete()
    Channel.objects.all().delete()
    migrated()
    assert not Route.objects.exists()
    assert not Channel.objects.exists()


def test_mail_goes_to_the_admins_where_a_mail_server_is_known(migrated, admin):
    migrated(EMAIL_HOST="mail.example.org")
    mail = Channel.objects.get(kind="email")
    assert mail.config == {"recipients": admin.email}
    assert mail in Route.objects.get().channels.all()


def test_a_mail_server_that_comes_later_is_taken_too(migrated):
    migrated()
    migrated(EMAIL_HOST="mail.example.org")
    mail = Channel.objects.get(kind="email")
    assert mail not in Route.objects.get().channels.all()  # nobody has an address: only for who is named


def test_a_setting_turns_it_off(migrated):
    migrated(NOTIFICATION_DEFAULTS=False)
    assert not Channel.objects.exists()


def test_routes_of_ones_own_are_left_alone(engine):
    engine.route(engine.channel(), name="mine")
    defaults.install()
    assert [one.name for one in Route.objects.all()] == ["mine"]


def test_what_was_told_long_ago_is_swept_up(engine, settings):
    engine.route(engine.channel())
    engine.see("A")
    engine.wait(10)
    engine.over("A")
    engine.wait(60)
    Message.objects.create(kind="test", title="old", content={}, at=engine.now)
    settings.ALERT_RETENTION_DAYS = 400
    assert tasks.expire_notifications() == 0
    old = engine.now - timedelta(days=500)
    NotificationGroup.objects.update(closed_at=old)
    Message.objects.filter(group=None).update(at=old)
    assert tasks.expire_notifications() == 2
    assert not Delivery.objects.exists()
