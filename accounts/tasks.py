"""Mail leaves outside the request: a slow or dead mail server must neither block a page nor tell known addresses from unknown ones."""

import smtplib

from celery import shared_task
from django.core.mail import EmailMessage


@shared_task(autoretry_for=(OSError, smtplib.SMTPException), retry_backoff=10, retry_jitter=True, max_retries=6)
def deliver(subject: str, body: str, sender: str, to: list[str]) -> None:
    EmailMessage(subject, body, sender, to, headers={"Auto-Submitted": "auto-generated"}).send()
