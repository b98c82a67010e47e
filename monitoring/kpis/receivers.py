"""The demonstration has a past of alerts and incidents."""

from typing import Any

from django.dispatch import receiver

from monitoring.demo.families import Key
from monitoring.demo.signals import demo_installed, demo_removed
from monitoring.demo.world import World
from monitoring.inventory.models import Resource
from monitoring.kpis import demo_past


@receiver(demo_installed, dispatch_uid="past alerts of the demonstration")
def on_demo_installed(world: World, resources: dict[Key, Resource], **rest: Any) -> None:
    demo_past.write(world, resources)


@receiver(demo_removed, dispatch_uid="past alerts of the demonstration")
def on_demo_removed(resources: list[int], **rest: Any) -> None:
    demo_past.take_away(resources)
