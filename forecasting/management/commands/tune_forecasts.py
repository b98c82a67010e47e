from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import audit
from forecasting import kept, schedule, training
from forecasting.models import Track
from monitoring.query.errors import QueryError
from monitoring.store import StoreUnavailable


class Command(BaseCommand):
    help = "Fits and weighs all rivals of the blend anew, for tracks of a watch or a VM, and makes that their active model."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watch", metavar="KEY", help="only tracks of this watch")
        parser.add_argument("--vm", metavar="NAME", help="only tracks of this VM or host")

    def handle(self, *_args: Any, watch: str | None = None, vm: str | None = None, **_given: Any) -> None:
        rows = Track.objects.filter(watch__enabled=True, watch__forecast=True).exclude(state=Track.State.ENDED)
        rows = rows.filter(watch__key=watch) if watch else rows
        tracks = list((rows.filter(vm=vm) if vm else rows).select_related("watch").order_by("watch_id", "pk"))
        if not tracks:
            raise CommandError("There is no track like that which is forecast.")
        done = 0
        for one in tracks:
            done += self._tuned(one)
        audit.record("forecasts.tuned", after={"tracks": len(tracks), "versions": done}, actor="the command tune_forecasts")
        self.stdout.write(f"{done} of {len(tracks)} tracks have a new model.")

    def _tuned(self, track: Track) -> bool:
        now = timezone.now()
        at = schedule.slot(kept.step_of(track.watch), now)
        before = track.models.count()
        try:
            series = kept.coarse(kept.extend(track.watch, [track], at)[track.pk], track.watch)
            said = training.tune([track], {track.pk: series}, now)[track.pk]
        except QueryError as fault:
            said = fault.message
        except StoreUnavailable as fault:
            raise CommandError(f"The store does not answer: {fault}") from None
        self.stdout.write(f"{track}: {said}")
        return track.models.filter(fault="").count() > 0 and track.models.count() > before
