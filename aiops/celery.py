"""The Celery application: queues by glob, the schedule of everything periodic."""

import os
import sys

from celery import Celery, signals
from celery.schedules import crontab
from django.db import close_old_connections
from kombu import Queue
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
TRANSPORT_ALIASES["memory"] = "aiops.broker:Transport"

app = Celery("aiops")
app.config_from_object("django.conf:settings", namespace="CELERY")
# A worker's threads keep their connections as those of the web do (CONN_MAX_AGE): Celery would open one for every task, 4 ms of CPU.
app.conf["CELERY_DB_REUSE_MAX"] = sys.maxsize
for around in (signals.task_prerun, signals.task_postrun):
    around.connect(close_old_connections, weak=False, dispatch_uid="old connections")
app.autodiscover_tasks(
    [
        "accounts",
        "monitoring.inventory",
        "monitoring.store",
        "monitoring.measurements",
        "monitoring.sources",
        "monitoring.alerts",
        "monitoring.incidents",
        "monitoring.live",
        "monitoring.notifications",
        "monitoring.dashboards",
        "forecasting",
        "remediation",
        "genai",
        "genai.agentops",
        "genai.causes",
        "genai.copilot",
        "genai.evidence",
        "genai.rag",
        "genai.summaries",
    ]
)

# A worker takes from all queues unless -Q says otherwise; polls wait for the network, so they run in threads.
app.conf.task_queues = [Queue("default"), Queue("poll"), Queue("store"), Queue("forecast"), Queue("remediate"), Queue("genai")]
app.conf.task_routes = {
    "monitoring.sources.tasks.*": {"queue": "poll"},
    "monitoring.store.tasks.*": {"queue": "store"},
    "forecasting.tasks.*": {"queue": "forecast"},
    "remediation.tasks.*": {"queue": "remediate"},
    "genai.*": {"queue": "genai"},
}
app.conf.task_default_queue = "default"
app.conf.worker_pool = "threads"
app.conf.worker_concurrency = 8
app.conf.result_expires = None  # results are ignored: there is nothing to clean up
app.conf.beat_schedule = {
    # What is enqueued while no worker runs is dropped after a moment instead of piling up.
    "poll due sources": {"task": "monitoring.sources.tasks.poll_due", "schedule": 1.0, "options": {"expire_seconds": 5}},
    "judge resources": {"task": "monitoring.sources.tasks.judge_resources", "schedule": 15.0, "options": {"expire_seconds": 60}},
    "evaluate due rules": {"task": "monitoring.alerts.tasks.evaluate_due", "schedule": 1.0, "options": {"expire_seconds": 5}},
    "tend alerts": {"task": "monitoring.alerts.tasks.tend_alerts", "schedule": 15.0, "options": {"expire_seconds": 30}},
    "tend incidents": {"task": "monitoring.incidents.tasks.tend_incidents", "schedule": 15.0, "options": {"expire_seconds": 30}},
    "tend notifications": {
        "task": "monitoring.notifications.tasks.tend_notifications",
        "schedule": 2.0,
        "options": {"expire_seconds": 5},
    },
    "measure the platform": {"task": "monitoring.dashboards.tasks.measure_platform", "schedule": 15.0, "options": {"expire_seconds": 15}},
    "seal finished windows": {"task": "monitoring.store.tasks.seal", "schedule": 300.0, "options": {"expire_seconds": 600}},
    "tend imports": {"task": "monitoring.measurements.tasks.tend_imports", "schedule": 60.0, "options": {"expire_seconds": 60}},
    "merge finished days": {"task": "monitoring.store.tasks.merge_days", "schedule": crontab(hour=0, minute=40)},
    "expire old samples": {"task": "monitoring.store.tasks.expire", "schedule": crontab(hour=1, minute=10)},
    "expire old changes": {"task": "monitoring.sources.tasks.expire_changes", "schedule": crontab(hour=1, minute=20)},
    "expire old alerts": {"task": "monitoring.alerts.tasks.expire_alerts", "schedule": crontab(hour=1, minute=25)},
    "expire old notifications": {
        "task": "monitoring.notifications.tasks.expire_notifications",
        "schedule": crontab(hour=1, minute=15),  # before the alerts they speak of
    },
    "score watches": {"task": "forecasting.tasks.score_due", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "forecast tracks": {"task": "forecasting.tasks.forecast_due", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "tend tracks": {"task": "forecasting.tasks.tend_tracks", "schedule": 600.0, "options": {"expire_seconds": 600}},
    "expire old forecasts": {"task": "forecasting.tasks.expire_forecasts", "schedule": crontab(hour=1, minute=35)},
    "drive due cases": {"task": "remediation.tasks.drive_due", "schedule": 2.0, "options": {"expire_seconds": 5}},
    "match alerts": {"task": "remediation.tasks.match_alerts", "schedule": 5.0, "options": {"expire_seconds": 10}},
    "tend proposals": {"task": "remediation.tasks.tend_proposals", "schedule": 5.0, "options": {"expire_seconds": 10}},
    "tend cases": {"task": "remediation.tasks.tend_executions", "schedule": 15.0, "options": {"expire_seconds": 30}},
    "tend answers": {"task": "genai.copilot.tasks.tend_answers", "schedule": 30.0, "options": {"expire_seconds": 60}},
    "expire old cases": {"task": "remediation.tasks.expire_executions", "schedule": crontab(hour=1, minute=45)},
    "measure the assistant": {"task": "genai.agentops.tasks.measure_assistant", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "tend executions of agents": {"task": "genai.agentops.tasks.tend_runs", "schedule": 60.0, "options": {"expire_seconds": 50}},
    "expire the assistant's": {"task": "genai.agentops.tasks.expire_assistant", "schedule": crontab(hour=1, minute=50)},
    "tend documents": {"task": "genai.rag.tasks.tend_documents", "schedule": 600.0, "options": {"expire_seconds": 600}},
    "make digests": {"task": "genai.summaries.tasks.make_digests", "schedule": 300.0, "options": {"expire_seconds": 300}},
    "check models": {"task": "genai.tasks.check_models", "schedule": 300.0, "options": {"expire_seconds": 300}},
    "expire kept answers": {"task": "genai.tasks.expire_answers", "schedule": crontab(minute=20)},
    "clear ended sessions": {"task": "accounts.tasks.clear_sessions", "schedule": crontab(hour=1, minute=30)},
}
