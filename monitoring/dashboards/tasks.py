from celery import shared_task

from monitoring.dashboards import self_metrics
from monitoring.live.publish import publish


@shared_task(name="monitoring.dashboards.tasks.measure_platform", ignore_result=True)
def measure_platform() -> None:
    self_metrics.measure()
    publish("system", {})
