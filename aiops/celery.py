"""The Celery application: queues by glob, the schedule of everything periodic."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")

app = Celery("aiops")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["monitoring.store", "monitoring.sources", "monitoring.live"])

app.conf.task_routes = {
    "monitoring.sources.tasks.*": {"queue": "poll"},
    "monitoring.store.tasks.*": {"queue": "store"},
}
app.conf.task_default_queue = "default"
app.conf.beat_schedule = {
    "poll due sources": {"task": "monitoring.sources.tasks.poll_due", "schedule": 1.0},
    "judge resources": {"task": "monitoring.sources.tasks.judge_resources", "schedule": 15.0},
    "forget old changes": {"task": "monitoring.sources.tasks.expire_changes", "schedule": crontab(hour=1, minute=40)},
    "seal finished windows": {"task": "monitoring.store.tasks.seal", "schedule": 300.0},
    "merge finished days": {"task": "monitoring.store.tasks.merge_days", "schedule": crontab(hour=0, minute=40)},
    "expire old samples": {"task": "monitoring.store.tasks.expire", "schedule": crontab(hour=1, minute=10)},
}
