"""E-mail over SMTP: text and HTML, one thread per group of alerts, marked as written by a machine."""

import hashlib
import smtplib
import ssl
from contextlib import suppress
from email.utils import formataddr, parseaddr
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email
from django.template.loader import render_to_string

from aiops.plugin_forms import ConfigForm
from monitoring.notifications.channels.base import HEARD_WITH_OWNERSHIP, Transport
from monitoring.notifications.notice import Answer, Notice, NotSent

SMTP = "django.core.mail.backends.smtp.EmailBackend"
CONSOLE = "django.core.mail.backends.console.EmailBackend"
STARTTLS, TLS, NONE = "starttls", "tls", "none"
MOST_RECIPIENTS = 100


def addresses(text: str) -> list[str]:
    """One address per line or comma."""
    return [one.strip() for one in text.replace(",", "\n").replace(";", "\n").splitlines() if one.strip()]


class EmailForm(ConfigForm):
    recipients = forms.CharField(
        label="Recipients",
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=10_000,
        help_text="One address per line. People named by an escalation get their own mail, whoever stands here.",
    )
    sender = forms.CharField(label="From", max_length=300, required=False, help_text="Empty: the address of AIOPS_MAIL_FROM.")
    host = forms.CharField(label="Mail server", max_length=253, required=False, help_text="Empty: the one of AIOPS_SMTP_HOST.")
    port = forms.IntegerField(label="Port", min_value=1, max_value=65535, required=False, help_text="587 unless said.")
    security = forms.ChoiceField(
        label="Encryption",
        choices=[("", "STARTTLS, as usual"), (TLS, "TLS from the start"), (NONE, "None")],
        required=False,
        help_text="None only for a relay on the same machine or network.",
    )
    username = forms.CharField(label="User name", max_length=300, required=False)
    password = forms.CharField(label="Password", max_length=1000, required=False)

    def clean_recipients(self) -> str:
        found = addresses(self.cleaned_data["recipients"])
        if len(found) > MOST_RECIPIENTS:
            raise forms.ValidationError(f"At most {MOST_RECIPIENTS} recipients; for more, use a mailing list.")
        for one in found:
            _checked(one)
        return "\n".join(found)

    def clean_sender(self) -> str:
        given: str = self.cleaned_data["sender"]
        if given:
            _checked(parseaddr(given)[1])
        return given


def _checked(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError:
        raise forms.ValidationError(f"{address[:100]} is not an e-mail address.") from None


class Email(Transport):
    label = "E-mail"
    icon = "mail"
    about = "To people or a mailing list, over SMTP."
    Config = EmailForm
    secret_fields = ("password",)
    hears: ClassVar[frozenset[str]] = HEARD_WITH_OWNERSHIP
    _backend: Any = None  # its connection stays open from mail to mail

    def close(self) -> None:
        if self._backend is not None:
            with suppress(smtplib.SMTPException, OSError):  # what was accepted is accepted, however the server takes leave
                self._backend.close()

    @property
    def destination(self) -> str:
        found = addresses(self.config.get("recipients", ""))
        return f"{found[0]} and {len(found) - 1} more" if len(found) > 2 else ", ".join(found) or "the people who are named"

    def send(self, notice: Notice) -> Answer:
        to = [formataddr((one.name, one.address)) for one in notice.recipients if one.address]
        to = to or addresses(self.config.get("recipients", ""))
        if not to:
            raise NotSent("nobody to send it to: the channel names no recipients", permanent=True)
        message = self._message(notice, to)
        try:
            return self._hand_over(message)
        except smtplib.SMTPRecipientsRefused as fault:
            code, said = next(iter(fault.recipients.values()))
            raise self._refused("every recipient is refused", code, said) from None
        except smtplib.SMTPResponseException as fault:
            raise self._refused("the mail server refuses", fault.smtp_code, fault.smtp_error) from None
        except (smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError) as fault:
            raise self.failed(f"the mail server cannot do that: {fault}", permanent=True) from None
        except (smtplib.SMTPException, OSError) as fault:
            raise self.failed(f"the mail server cannot be reached: {fault}") from None

    def _refused(self, what: str, code: int, said: Any) -> NotSent:
        words = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
        return self.failed(f"{what}: {code} {' '.join(words.split())}", permanent=500 <= code < 600, status=code)

    def _message(self, notice: Notice, to: list[str]) -> EmailMultiAlternatives:
        context = {"notice": notice, "more": max(0, notice.firing + notice.resolved - len(notice.alerts))}
        text = render_to_string("monitoring/notifications/mail/notice.txt", context)
        sender = self.config.get("sender") or settings.DEFAULT_FROM_EMAIL
        message = EmailMultiAlternatives(" ".join(notice.title.split())[:250], text, sender, to, headers=_headers(notice, sender))
        message.attach_alternative(render_to_string("monitoring/notifications/mail/notice.html", context), "text/html")
        return message

    def _hand_over(self, message: EmailMultiAlternatives) -> Answer:
        backend = self._backend = self._backend or self._connection()
        if not isinstance(backend, EmailBackend):
            backend.send_messages([message])
            return self.answer(250, "handed over", message.extra_headers["Message-ID"])
        try:
            server = _opened(backend)
            sender, to = parseaddr(message.from_email)[1], [parseaddr(one)[1] for one in message.to]
            content = message.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]  # of Django's own class
            refused = server.sendmail(sender, to, content)
        except Exception:
            self.close()  # in whatever state it is
            raise
        said = f"accepted for {len(message.to) - len(refused)} of {len(message.to)}" + "".join(
            f"; {address} refused: {code} {words.decode(errors='replace')}" for address, (code, words) in refused.items()
        )
        return self.answer(250, said, message.extra_headers["Message-ID"])

    def _connection(self) -> Any:
        host = self.config.get("host")
        if not host:
            if settings.EMAIL_BACKEND == CONSOLE:
                raise NotSent("there is no mail server: name one here or in AIOPS_SMTP_HOST", permanent=True)
            return get_connection(timeout=self.timeout) if settings.EMAIL_BACKEND == SMTP else get_connection()
        security = self.config.get("security") or STARTTLS
        return get_connection(
            SMTP,
            host=host,
            port=self.config.get("port") or 587,
            username=self.config.get("username") or "",
            password=self.secrets.get("password") or "",
            use_tls=security == STARTTLS,
            use_ssl=security == TLS,
            timeout=self.timeout,
        )


def _opened(backend: EmailBackend) -> smtplib.SMTP:
    """The connection of the mail before, if the server still keeps it, or else a new one."""
    if backend.connection is not None and not _answers(backend.connection):
        backend.close()
    backend.open()
    assert backend.connection is not None
    return backend.connection


def _answers(server: smtplib.SMTP) -> bool:
    try:
        return server.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _headers(notice: Notice, sender: str) -> dict[str, str]:
    """The id of a mail comes from its notice, so the same one sent twice can be told; a thread's mails refer to one that stands for it."""
    domain = parseaddr(sender)[1].partition("@")[2] or "aiops.invalid"
    thread = f"<{_digest(notice.thread or notice.key)}.thread@{domain}>"
    return {
        "Message-ID": f"<{_digest(notice.key)}.notice@{domain}>",
        "In-Reply-To": thread,
        "References": thread,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-AIOps-Event": notice.key,
        "X-AIOps-Severity": notice.severity,
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
