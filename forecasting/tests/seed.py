"""Fills an installation for the browser tests of forecasts and anomalies: run by python -m, before the server starts."""

from monitoring.dashboards.tests import seed


def main() -> None:
    seed.main()
    from datetime import timedelta

    from django.utils import timezone

    from forecasting.models import Track, Watch
    from forecasting.tests.rows import a_case, a_forecast, a_model, a_resource, a_track, a_watch, an_anomaly, samples

    Watch.objects.all().delete()
    disk, memory = a_watch(), a_watch("memory_used_percent", name="Memory used")
    rack = a_watch("fan_rpm", name="Fan speed", unit="rpm", direction="both", limit=None, forecast=False)
    filling = a_track("db-prod-03.fra", disk, "/var/lib/postgresql", resource=a_resource("db-prod-03.fra", "database"))
    samples(filling, 74, 90.4, days=8)
    a_forecast(filling, 54)
    a_model(filling, 2, active=False, kind="prophet", fault="Prophet did not answer within 60 s.")
    for days, outcome in ((30, "came_true"), (21, "averted"), (12, "false"), (9, "came_true")):
        a_case(filling, outcome, days)
    for n, hours in enumerate((20, 120, 240, 460)):
        track = a_track(f"web-{n}.fra", memory if n % 2 else disk)
        samples(track, 60, 80 + n, days=4, step=900)
        a_forecast(track, hours, 80 + n)
    a_track("vm-new.ams", disk, state=Track.State.LEARNING, reason="There is too little history: 5 h, at least 2 days are needed.")
    a_track("vm-odd.ams", memory, state=Track.State.NOT_PREDICTABLE, reason="No model does better than the same time yesterday.")
    fan = a_track("rack-b7-pdu", rack, resource=a_resource("rack-b7-pdu", "device", site="ams"))
    samples(fan, 2400, 2400, days=1)
    an_anomaly(filling)
    an_anomaly(fan, 0.72, 300, value=1920.0, low=2350.0, high=2600.0, reason="Below its range")
    an_anomaly(Track.objects.get(vm="web-1.fra"), 0.66, 40, reason="Level shift up", feedback="useful")
    an_anomaly(Track.objects.get(vm="web-2.fra"), 0.41, 25, reason="Spike")
    Track.objects.update(due_at=timezone.now() + timedelta(days=1))  # what is shown is what stands here


if __name__ == "__main__":
    main()
