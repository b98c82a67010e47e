"""A digest's opening, composed of its figures: what is open, what went wrong and was solved, what needs attention soon."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from aiops.templatetags.ui import duration
from genai.summaries.facts import Cite, Facts, Line, plural, said, some, when

USELESS = 5  # alerts of one name that nobody took up
Json = Mapping[str, Any]


def facts(figures: Json, title: str) -> Facts:
    found = Facts("digest", title)
    found.say(*_open(figures["incidents"]), *_solved(figures["incidents"]))
    found.say(*_alerts(figures["alerts"]), *_done(figures["remediation"]))
    found.say(*_soon(figures["forecasts"]))
    if not found.sections:
        found.say(Line("Nothing happened and nothing is open."))
    return found


def incident_cite(one: Json) -> Cite:
    return Cite("incident", {"id": one["id"]}, f"{one['number']} {one['title']}"[:300])


def _open(figures: Json) -> Iterator[Line]:
    if not figures["open_count"]:
        yield Line("No incident is open.")
        return
    verb = "is" if figures["open_count"] == 1 else "are"
    yield Line(f"{plural(figures['open_count'], 'incident')} {verb} open.", tuple(incident_cite(one) for one in figures["open"][:3]))
    for one in figures["open"][:3]:
        began = when(datetime.fromisoformat(one["since"]))
        told = f"{one['number']} {said(one['title'], 200)}, {one['severity']}, is {one['status']}; it began {began}."
        yield Line(told, (incident_cite(one),))


def _solved(figures: Json) -> Iterator[Line]:
    count, half = figures["resolved_count"], figures["to_resolve"]
    if count:
        took = "" if half is None else f" after {duration(half, 2)}" if count == 1 else f", half of them within {duration(half, 2)}"
        cites = tuple(incident_cite(one) for one in figures["resolved"][-3:])
        yield Line(f"{plural(count, 'incident')} ended{took}.", cites)
    unwritten = [one for one in figures["resolved"] if not one["reviewed"] and one["severity"] in ("critical", "high")]
    if unwritten:
        names = some([one["number"] for one in unwritten])
        yield Line(f"No review is written yet of {names}.", tuple(incident_cite(one) for one in unwritten[:3]))


def _alerts(figures: Json) -> Iterator[Line]:
    if not figures["fired"]:
        return
    noisy = figures["noisy"]
    cites = tuple(_alert_cite(one) for one in noisy[:2])
    yield Line(f"{plural(figures['fired'], 'alert')} fired, {figures['before']:,} in the time before.", cites)
    for one in noisy:
        if one["count"] >= USELESS and not one["acted"]:
            yield Line(f"{said(one['name'], 200)} fired {one['count']:,} times and nobody took it up.", (_alert_cite(one),))


def _alert_cite(one: Json) -> Cite:
    return Cite("alert", {"id": one["alert"]}, str(one["name"])[:300])


def _done(figures: Json) -> Iterator[Line]:
    cites = tuple(Cite("execution", {"id": one["id"]}, f"{one['number']} {one['title']}"[:300]) for one in figures["cases"][:3])
    if figures["finished"]:
        told = f"; {figures['escalated']:,} went to people" if figures["escalated"] else ""
        yield Line(f"{plural(figures['finished'], 'remediation')} finished, {figures['held']:,} verified{told}.", cites)
    if figures["waiting"]:
        yield Line(f"{plural(figures['waiting'], 'question')} to approvers wait{'s' if figures['waiting'] == 1 else ''} for an answer.")


def _soon(forecasts: list[Json]) -> Iterator[Line]:
    for one in forecasts[:3]:
        eta = when(datetime.fromisoformat(one["eta"]))
        cite = Cite("forecast", {"id": one["id"]}, f"{one['what']} on {one['on']}"[:300])
        words = f"{said(one['what'], 100)} on {said(one['on'], 100)}, now {one['value']}, is expected to reach {one['limit']} on {eta}."
        yield Line(words, (cite,))
