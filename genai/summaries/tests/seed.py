"""Fills an installation for the browser tests of summaries, digests and documents: run by python -m, before the server starts."""

from monitoring.dashboards.tests import seed


def main() -> None:
    seed.main()
    from datetime import timedelta

    from django.utils import timezone

    from genai.rag import documents
    from genai.summaries import digests
    from genai.summaries.tests import scenes
    from monitoring.incidents.models import Incident

    now = timezone.now()
    scenes.outage()
    over = scenes.incident(title="Mail queue grows", severity="critical", resolved_at=now, status="resolved", resolution="recovered")
    Incident.objects.filter(pk=over.pk).update(manual=True)
    documents.put("note", "manual", "Checkout manual", "# Start\n\nPress the button.\n\n## After it\n\nWait for the light.")
    digests.make(digests.Span("shift", now - timedelta(hours=8), now))


if __name__ == "__main__":
    main()
