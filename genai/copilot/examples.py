"""Questions an empty conversation begins with: those of the page it was opened on come first."""

from genai.copilot.page_context import PageContext

SHOWN = 5
ALWAYS = (
    "What changed before the outage yesterday?",
    "Which disks fill this month?",
    "Draft a rule for p95 latency over 400 ms",
    "What did we do last time?",
    "Open alerts",
)
OF_PAGE: dict[str, tuple[str, ...]] = {
    "incident": ("Why did this happen?", "What changed before it?", "What did we do last time?", "Status of this incident"),
    "alert": ("Why is this firing?", "What changed before it?", "What did we do last time?"),
    "resource": ("Why is {title} slow?", "What changed on {title} today?", "Status of {title}", "Open alerts of {title}"),
    "forecast": ("Which disks fill this month?", "What changed on it this week?"),
    "execution": ("What did we do last time?", "Status of this case"),
    "page:forecasts": ("Which disks fill this month?",),
    "page:alerts": ("Open alerts", "What changed in the last hour?"),
    "page:rules": ("Draft a rule for p95 latency over 400 ms",),
    "page:rule-new": ("Draft a rule for p95 latency over 400 ms",),
    "page:approvals": ("What did we do last time?",),
}
LONGEST_NAME = 40  # of a thing that a question names


def fitting(page: PageContext) -> list[str]:
    own = OF_PAGE.get(page.kind) or OF_PAGE.get(page.subject, ())
    title = page.title if len(page.title) <= LONGEST_NAME else "this"
    asked = [one.replace("{title}", title) for one in own]
    return list(dict.fromkeys([*asked, *ALWAYS]))[:SHOWN]
