"""The provider of the remediation figures: a note is done at once, a job is polled; with `slow` in its config each call takes its time."""

import time

from bench.remediation_calls import POLLS, SLOW_CALL, note
from remediation.providers.base import RUNNING, SUCCEEDED, ActionProvider, Answer, Verb


class Measured(ActionProvider):
    label = "Measured"
    verbs = {"note": Verb("note", "Note", risk="low", reversible=True), "job": Verb("job", "Job", risk="low", reversible=True)}

    def run(self, ask):
        self._called(ask)
        return Answer(RUNNING, handle="0", poll_in=0.2) if ask.verb == "job" else Answer(SUCCEEDED, "noted")

    def poll(self, ask, handle, cursor):
        self._called(ask)
        done = int(handle) + 1
        return Answer(SUCCEEDED if done >= POLLS else RUNNING, handle=str(done), poll_in=0.2)

    def _called(self, ask):
        note(ask.target)
        if self.config.get("slow"):
            time.sleep(SLOW_CALL)
