"""What Celery tells: which process this is, and that a task has ended."""

import time
from typing import Any

from celery.signals import beat_init, task_postrun, worker_process_init, worker_ready

from aiops import metrics, processes


@worker_ready.connect
@worker_process_init.connect
def on_worker_started(**kwargs: Any) -> None:
    processes.start("worker")


@beat_init.connect
def on_beat_started(**kwargs: Any) -> None:
    processes.start("beat")


@task_postrun.connect
def on_task_ended(task: Any = None, state: str | None = None, **kwargs: Any) -> None:
    metrics.LAST_TASK.set(time.time())
    metrics.TASKS.labels(getattr(task, "name", "unknown"), state or "unknown").inc()
