import pytest

from monitoring.alerts.models import Alert
from monitoring.notifications.announce import Announcement, announce, channels_for
from monitoring.notifications.models import Channel, Delivery, Route
from monitoring.notifications.send import notice_of

pytestmark = pytest.mark.django_db
NEWS = Announcement("step:1", "RUN-1 is done", "All is well again.", "low", "/remediation/cases/1/")


def channel(name="ops", **fields):
    return Channel.objects.create(name=name, kind="webhook", config={"url": "https://hooks.example.org/x"}, **fields)


def test_it_is_told_once_however_often_it_is_announced():
    assert announce(NEWS, [channel()]) == ["ops"]
    assert announce(NEWS, Channel.objects.all()) == []
    told = notice_of(Delivery.objects.get())
    assert (told.title, told.text, told.severity, told.url) == ("RUN-1 is done", "All is well again.", "low", "/remediation/cases/1/")


def test_channels_that_are_switched_off_are_not_told():
    assert announce(NEWS, [channel(enabled=False)]) == []
    assert not Delivery.objects.exists()


def test_people_are_told_by_their_bell(operator):
    Channel.objects.create(name="In AIOps", kind="in_app")
    assert announce(NEWS, people=[operator]) == ["operator"]
    assert Delivery.objects.get().user == operator


def test_the_routes_of_an_alert_say_which_channels():
    disks, others = channel("disks"), channel("others")
    for one, name in ((disks, "DiskFull"), (others, "Hot")):
        Route.objects.create(name=name, matchers=[{"name": "alertname", "op": "=", "value": name}]).channels.add(one)
    alert = Alert.objects.create(fingerprint="f", name="DiskFull", state="firing", labels={"alertname": "DiskFull"})
    assert channels_for(alert) == [disks]
