"""Notices as the engine writes them."""

from datetime import UTC, datetime

from monitoring.notifications.notice import Brief, Link, Notice, Recipient

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def brief(**more):
    fields = {
        "id": 7, "name": "Disk full", "severity": "critical", "state": "firing", "summary": "/var of db-1 is 96 % full",
        "labels": {"instance": "db-1", "mountpoint": "/var"}, "url": "https://aiops.example.org/alerts/7/",
        "started_at": AT, "runbook": "https://wiki.example.org/disk",
    }  # fmt: skip
    return Brief(**{**fields, **more})


def notice(**more):
    fields = {
        "key": "1:1:3:", "kind": "firing", "title": "Disk full on db-1", "text": "/var of db-1 is 96 % full", "severity": "critical",
        "at": AT, "thread": "aiops-1", "route": "Databases", "group_labels": {"site": "fra", "team": "storage"},
        "alerts": (brief(),), "firing": 1, "url": "https://aiops.example.org/alerts/7/",
        "links": (Link("Silence", "https://aiops.example.org/silences/new/?site=fra"),),
    }  # fmt: skip
    return Notice(**{**fields, **more})


def recipient(user=None, address=""):
    return Recipient(user and user.pk, user.name if user else "Mara", address or (user.email if user else ""))
