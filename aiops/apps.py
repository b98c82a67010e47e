from django.apps import AppConfig


class PlatformConfig(AppConfig):
    name = "aiops"
    label = "platform"
    verbose_name = "Platform"

    def ready(self) -> None:
        from aiops import checks, memory, metrics, probes, receivers  # noqa: F401

        memory.keep_freed_memory()
        probes.register_all()
        metrics.gauge_source("aiops_queue_depth", "Tasks waiting", probes.queue_depth, label="queue")
