import email.header
import email.policy
import socket
from email import message_from_bytes

import pytest
from aiosmtpd.smtp import AuthResult

from monitoring.notifications.channels.email import Email, EmailForm
from monitoring.notifications.notice import NotSent
from monitoring.notifications.tests.notices import brief, notice, recipient
from monitoring.notifications.tests.peers import smtp_server


def channel(box, **config):
    given = {
        "host": "127.0.0.1",
        "port": box.port,
        "security": "none",
        "recipients": "ops@example.org",
        "sender": "AIOps <aiops@example.org>",
    }
    return Email({**given, **config}, {})


def parts(mail):
    """As a mail program reads it."""
    found = message_from_bytes(mail.as_bytes(), policy=email.policy.default)
    return found, {part.get_content_type(): part.get_content() for part in found.walk() if not part.is_multipart()}


def test_a_mail_has_text_and_html_and_says_that_a_machine_wrote_it(mailbox):
    answer = channel(mailbox).send(notice(title="Disk full on zürich-1", text="Zürich füllt sich"))
    (mail,) = mailbox.mails
    found, bodies = parts(mail)
    assert found["Subject"] == "Disk full on zürich-1"
    assert "=?utf-8?" in mail.as_string()
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["From"] == "AIOps <aiops@example.org>"
    assert mailbox.envelopes == [("aiops@example.org", ["ops@example.org"])]
    assert set(bodies) == {"text/plain", "text/html"}
    assert "/var of db-1 is 96 % full" in bodies["text/plain"]
    assert "https://wiki.example.org/disk" in bodies["text/plain"]
    assert "Zürich füllt sich" in bodies["text/html"]
    assert (answer.status, answer.detail, answer.external_id) == (250, "accepted for 1 of 1", found["Message-ID"])


def test_what_an_alert_says_cannot_become_markup_or_a_header(mailbox):
    evil = brief(name="<script>alert(1)</script>", url="javascript:alert(1)", runbook="javascript:alert(2)")
    channel(mailbox).send(notice(title="one\r\nBcc: thief@example.org", alerts=(evil,)))
    found, bodies = parts(mailbox.mails[0])
    assert found["Bcc"] is None
    assert found["Subject"] == "one Bcc: thief@example.org"
    assert "<script>" not in bodies["text/html"]
    assert "javascript:" not in bodies["text/html"]


def test_mails_of_a_thread_belong_together_and_each_has_an_id_of_its_own(mailbox):
    one = channel(mailbox)
    for key, kind in (("1:1:3:", "firing"), ("1:2:3:", "resolved"), ("1:2:3:", "resolved")):
        one.send(notice(key=key, kind=kind))
    first, second, again = mailbox.mails
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"] == again["Message-ID"]
    one.send(notice(key="2:1:3:", thread="aiops-2"))
    assert mailbox.mails[-1]["References"] != first["References"]


def test_mails_that_follow_each_other_go_over_one_connection(mailbox):
    one = channel(mailbox)
    for number in range(3):
        one.send(notice(key=f"{number}"))
    one.close()
    one.send(notice(key="3"))
    one.close()
    first, second, third, after = mailbox.connections
    assert first == second == third != after


def test_a_connection_that_the_server_ended_meanwhile_is_made_anew(mailbox):
    one = channel(mailbox)
    one.send(notice(key="1"))
    one._backend.connection.sock.shutdown(socket.SHUT_RDWR)
    one.send(notice(key="2"))
    one.close()
    assert len(mailbox.mails) == len(set(mailbox.connections)) == 2


def test_after_a_refusal_the_next_mail_begins_with_a_clean_slate(mailbox):
    one = channel(mailbox)
    mailbox.refuses["DATA"] = "554 not this one"
    with pytest.raises(NotSent, match="not this one"):
        one.send(notice(key="1"))
    mailbox.refuses.clear()
    one.send(notice(key="2"))
    one.close()
    assert len(mailbox.mails) == 1


def test_people_who_are_named_get_it_instead_of_the_list(mailbox):
    channel(mailbox).send(notice(recipients=(recipient(address="mara@example.org"),)))
    assert mailbox.envelopes[0][1] == ["mara@example.org"]
    assert mailbox.mails[0]["To"] == "Mara <mara@example.org>"


def test_one_refused_recipient_does_not_keep_it_from_the_others(mailbox):
    mailbox.refuses["gone@example.org"] = "550 no such user"
    answer = channel(mailbox, recipients="gone@example.org\nops@example.org").send(notice())
    assert mailbox.envelopes[0][1] == ["ops@example.org"]
    assert answer.detail == "accepted for 1 of 2; gone@example.org refused: 550 no such user"


@pytest.mark.parametrize(
    ("refuses", "permanent", "status"),
    [
        ({"ops@example.org": "550 5.1.1 no such user"}, True, 550),
        ({"ops@example.org": "450 4.2.1 try later"}, False, 450),
        ({"DATA": "554 5.7.1 rejected as spam"}, True, 554),
        ({"DATA": "452 4.3.1 out of space"}, False, 452),
    ],
)
def test_a_refusal_is_permanent_when_the_server_says_so(mailbox, refuses, permanent, status):
    mailbox.refuses.update(refuses)
    with pytest.raises(NotSent) as fault:
        channel(mailbox).send(notice())
    assert (fault.value.permanent, fault.value.status) == (permanent, status)
    assert str(status) in fault.value.message


def test_a_server_that_is_not_there_may_come_back(mailbox):
    one = channel(mailbox, port=1)
    with pytest.raises(NotSent) as fault:
        one.send(notice())
    assert not fault.value.permanent


def test_a_server_that_says_nothing_ends_by_the_time_out():
    import socket

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        one = Email({"host": "127.0.0.1", "port": silent.getsockname()[1], "security": "none", "recipients": "ops@example.org"}, {})
        one.timeout = 0.3
        with pytest.raises(NotSent) as fault:
            one.send(notice())
    assert not fault.value.permanent


def test_encryption_that_the_server_does_not_offer_is_not_left_out(mailbox):
    with pytest.raises(NotSent) as fault:
        channel(mailbox, security="starttls").send(notice())
    assert fault.value.permanent
    assert mailbox.mails == []


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data.login == b"aiops" and data.password == b"s3cret-word", handled=False)


def test_a_wrong_password_is_permanent_and_never_shown():
    with smtp_server(authenticator=authenticate, auth_require_tls=False, auth_required=True) as box:
        right = channel(box, username="aiops")
        right.secrets = {"password": "s3cret-word"}
        assert right.send(notice()).status == 250
        wrong = Email(right.config, {"password": "wr0ng-word"})
        with pytest.raises(NotSent) as fault:
            wrong.send(notice())
    assert fault.value.permanent
    assert "wr0ng-word" not in fault.value.message
    assert len(box.mails) == 1


def test_without_a_server_of_its_own_the_platforms_is_used(settings, mailbox):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", mailbox.port, False
    assert Email({"recipients": "ops@example.org"}, {}).send(notice()).status == 250
    assert mailbox.envelopes == [("aiops@localhost", ["ops@example.org"])]


def test_printing_it_to_the_log_is_not_taken_for_sending(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    with pytest.raises(NotSent, match="no mail server") as fault:
        Email({"recipients": "ops@example.org"}, {}).send(notice())
    assert fault.value.permanent


def test_nobody_to_send_it_to_is_a_fault(mailbox):
    with pytest.raises(NotSent, match="nobody"):
        channel(mailbox, recipients="").send(notice())


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("recipients", "ops@example.org, not an address", "not an address is not an e-mail address."),
        ("recipients", "\n".join(f"p{n}@example.org" for n in range(101)), "At most 100 recipients"),
        ("sender", "AIOps <nobody>", "nobody is not an e-mail address."),
        ("port", "70000", "less than or equal to 65535"),
    ],
)
def test_fields_that_cannot_be_are_refused(field, value, sentence):
    form = EmailForm({"recipients": "ops@example.org", field: value})
    assert not form.is_valid()
    assert sentence in form.errors[field][0]
