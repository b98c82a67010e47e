"""Work of the accounts that no request waits for."""

import smtplib

from celery import shared_task
from django.core.mail import EmailMessage
from django.core.management import call_command


@shared_task(autoretry_for=(OSError, smtplib.SMTPException), retry_backoff=10, retry_jitter=True, max_retries=6)
def deliver(subject: str, body: str, sender: str, to: list[str]) -> None:
    """A slow or dead mail server must neither block a page nor tell known addresses from unknown ones."""
    EmailMessage(subject, body, sender, to, headers={"Auto-Submitted": "auto-generated"}).send()


@shared_task
def clear_sessions() -> None:
    call_command("clearsessions")
