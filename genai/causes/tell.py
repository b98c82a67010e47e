"""Puts a candidate into sentences: facts with the evidence they rest on, what speaks against it, and what is only concluded."""

from collections.abc import Sequence
from itertools import pairwise

from genai.causes import words
from genai.causes.neighbours import FAR, Neighbours
from genai.causes.scene import Scene
from genai.causes.shapes import Hypothesis, Statement
from genai.causes.signs import Sign
from genai.causes.weigh import Candidate, Left
from genai.evidence import collect
from monitoring.query.errors import QueryError

SERIES, SIGNS, EDGES = 3, 4, 4  # of one hypothesis, told of
LONGEST = 200  # characters of a title


class Teller:
    def __init__(self, scene: Scene, around: Neighbours) -> None:
        self.scene, self.around = scene, around

    def hypothesis(self, one: Candidate) -> Hypothesis:
        """Raises StoreUnavailable."""
        statements = [*self._series(one), *self._place(one), *self._signs(one), *self._guesses(one)]
        lead = self._lead(one)
        return {
            "title": self._title(one, lead)[:LONGEST], "score": one.weight, "why": self._why(one, lead),
            "component": self.around.name(one.resource), "resource": one.resource if one.resource in self.around.places else None,
            "metric": lead.line.name if lead else one.metric, "origin": self._origin(one),
            "statements": sorted(statements, key=lambda said: (said["guess"], said["against"])),
            "facts": self._facts(one, lead),
        }  # fmt: skip

    # -- figures ---------------------------------------------------------------------------------------------------------
    def _lead(self, one: Candidate) -> Left | None:
        return next((left for left in one.left if left.line.name == one.metric), one.left[0] if one.left else None)

    def _series(self, one: Candidate) -> list[Statement]:
        lead = self._lead(one)
        shown = ([lead] if lead else []) + [left for left in one.left if left is not lead]
        found = []
        for left in shown[:SERIES]:
            said = self._moved(left)
            where = self.around.name(left.line.resource)
            try:
                kept = collect.series(
                    left.line.query, self.scene.start, self.scene.end, f"{words.first_up(said.what)} on {where}", found_text=said.values
                )
            except QueryError:  # too many samples, or a name that PromQL cannot say
                continue
            when = words.apart(said.at, self.scene.onset, self.scene.what)
            text = f"{words.first_up(said.what)} on {where} {said.verb} from {said.before} to {said.now}, {when}."
            found.append(statement(text, [kept.pk], against=self._late(left)))
        return found

    def _late(self, left: Left) -> bool:
        return not self.scene.subject.startswith("window") and left.onset > self.scene.onset.timestamp() + 300

    def _moved(self, left: Left) -> words.Moved:
        return words.moved(left.line, left.departure)

    def _title(self, one: Candidate, lead: Left | None) -> str:
        change = next((sign for sign in one.signs if sign.kind in ("change", "execution") and not sign.against), None)
        if lead is None:
            name = self.around.name(one.resource)
            return one.signs[0].title if one.signs else f"Something on {name} that is not measured"
        said = self._moved(lead)
        moved = f"{said.what} {said.verb}"
        if change is not None:
            return f"{change.title}, then {moved}"
        return f"{words.first_up(moved)} on {self.around.name(lead.line.resource)}"

    def _why(self, one: Candidate, lead: Left | None) -> str:
        if lead is None:
            return (
                f"{one.signs[0].text}." if one.signs else "What needs it is in trouble, and nothing that is measured there left its past."
            )
        said = self._moved(lead)
        when = words.apart(said.at, self.scene.onset, self.scene.what)
        more = len(one.left) - 1
        others = f"; {more} more of its series left their past" if more > 0 else ""
        return f"It went from {said.before} to {said.now}, {when}{others}."

    def _origin(self, one: Candidate) -> str:
        return {"execution": "change", "silent": "change", "process": "series"}.get(one.origin, one.origin)

    def _facts(self, one: Candidate, lead: Left | None) -> dict[str, object]:
        found: dict[str, object] = {"onset": one.onset, "late": one.late, "series": len(one.left)}
        found["steps"] = self.around.steps.get(one.resource or 0, FAR) if self.scene.focus else None
        if lead:
            found |= {"departure": round(lead.departure.spreads, 1), "before": lead.departure.before, "now": lead.departure.now}
            found |= {"query": lead.line.query, "unit": words.unit(lead.line.metric, lead.line.pace)}
        return found

    # -- where it stands -------------------------------------------------------------------------------------------------
    def _place(self, one: Candidate) -> list[Statement]:
        here, trouble = one.resource, self.scene.alerting
        if here is None or trouble is None or here == trouble or here not in self.around.places:
            return []
        down, up = self.around.path(trouble, here), self.around.path(here, trouble)
        if down:
            return [self._chain(down, against=False)]
        if up:
            return [self._chain(up, against=True)]
        host = self.around.places[here].parent
        if host is not None and trouble in self.around.places and self.around.places[trouble].parent == host and host in self.around.places:
            text = f"{self.around.name(here)} and {self.around.name(trouble)} share {self.around.name(host)}."
            return [statement(text, [*self._edge(here, host), *self._edge(trouble, host)])]
        text = f"No dependency is known from {self.around.name(trouble)} to {self.around.name(here)}."
        return [statement(text, self._resource(here), against=True)]

    def _chain(self, path: Sequence[int], against: bool) -> Statement:
        names = [self.around.name(pk) for pk in path]
        ids = [pk for one, other in list(pairwise(path))[:EDGES] for pk in self._edge(one, other)]
        text = f"{names[0]} needs {', which needs '.join(names[1 : EDGES + 1])}"
        return statement(f"{text}: it may suffer from the trouble rather than cause it." if against else f"{text}.", ids, against=against)

    def _edge(self, one: int, other: int) -> list[int]:
        try:
            title = f"{self.around.name(one)} needs {self.around.name(other)}"
            return [collect.of("topology", {"from": one, "to": other}, title).pk]
        except collect.Gone:
            return []

    def _resource(self, pk: int) -> list[int]:
        try:
            return [collect.of("resource", {"id": pk}, self.around.name(pk)).pk]
        except collect.Gone:
            return []

    # -- signs -----------------------------------------------------------------------------------------------------------
    def _signs(self, one: Candidate) -> list[Statement]:
        return [found for sign in one.signs[:SIGNS] if (found := self._sign(sign)) is not None]

    def _sign(self, sign: Sign) -> Statement | None:
        """None where what it rests on went meanwhile."""
        try:
            ids = [collect.of(kind, ref, title, shows, start=sign.time).pk for kind, ref, title, shows in sign.refers]
            if query := str(sign.facts.get("query", "")):
                ids.append(collect.series(query, self.scene.start, self.scene.end, str(sign.facts["title"])).pk)
        except (collect.Gone, QueryError):
            return None
        return statement(f"{sign.text}.", ids, against=sign.against)

    def _guesses(self, one: Candidate) -> list[Statement]:
        told = [sign.guess for sign in one.signs[:SIGNS] if sign.guess][:1]
        if not told and one.left:
            told = [
                f"That this is why {self.scene.what} began is concluded from what left its past, in which order, and what hangs on what"
            ]
        if self.scene.subject.startswith("window") and not any(sign.guess for sign in one.signs):
            told = ["That it caused what else changed is concluded from the order, not seen"] if one.left else told
        return [statement(f"{text}.", [], guess=True) for text in told]


def statement(text: str, evidence: list[int], guess: bool = False, against: bool = False) -> Statement:
    """Without evidence it is a guess, whatever was meant."""
    return {"text": text, "evidence": list(dict.fromkeys(evidence)), "guess": guess or not evidence, "against": against}
