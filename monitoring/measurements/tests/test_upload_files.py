"""The pages of the imports."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import AuditEntry
from monitoring.measurements import importing, tasks
from monitoring.measurements.models import ImportJob
from monitoring.measurements.tests.conftest import iso

pytestmark = pytest.mark.django_db


@pytest.fixture
def upload(operator, client_of, midnight, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    client = client_of(operator)

    def send(content=None, name="facts.csv"):
        text = content or f"vm,timestamp,metric,value\na,{iso(midnight)},cpu,5\nb,{iso(midnight)},cpu,500\n"
        return client, client.post("/imports/", {"file": SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())})

    return send


@pytest.fixture
def enqueued(monkeypatch):
    found = []
    monkeypatch.setattr(tasks.run_import, "delay", found.append)
    return found


def test_a_file_is_uploaded_looked_at_imported_and_reported(upload, enqueued, midnight, django_capture_on_commit_callbacks):
    client, answer = upload()
    job = ImportJob.objects.get()
    assert answer.headers["Location"] == f"/imports/{job.pk}/"
    page = client.get(f"/imports/{job.pk}/").content.decode()
    assert "1 facts of the first 2 rows" in page
    assert "value out of range" in page
    assert job.state == "waiting"
    with django_capture_on_commit_callbacks(execute=True):
        client.post(f"/imports/{job.pk}/change/", {"start": "1"})
    assert enqueued == [job.pk]
    running = client.get(f"/imports/{job.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "<progress" in running
    tasks.run_import(job.pk)
    done = client.get(f"/imports/{job.pk}/").content.decode()
    assert "<progress" not in done
    assert f"/imports/{job.pk}/refused.csv" in done
    assert "hx-get" not in done.split('id="import-live"')[1][:60]
    assert list(importing.directory().iterdir()) == []
    assert {entry.actor for entry in AuditEntry.objects.filter(action__startswith="facts.import")} == {"operator"}


def test_how_it_is_read_can_be_changed(upload, midnight):
    client, _ = upload("when;a;b\n01.02.2026 10:00;1;2\n")
    job = ImportJob.objects.get()
    assert (job.reading["layout"], job.reading["headings"], job.reading["date"]) == ("wide", "vms", "dmy")
    changed = {"shape": "metrics", "date": "mdy", "values": ["1", "2"], "vm": "", "vm_name": "web", "zone": "Asia/Tokyo"}
    assert client.post(f"/imports/{job.pk}/change/", changed).status_code == 302
    job.refresh_from_db()
    assert (job.reading["headings"], job.reading["date"], job.reading["vm_name"]) == ("metrics", "mdy", "web")
    page = client.get(f"/imports/{job.pk}/").content.decode()
    assert "2026-01-02 01:00:00" in page
    client.post(f"/imports/{job.pk}/change/", {"delimiter": ","})
    job.refresh_from_db()
    assert job.reading["columns"] == ["when;a;b"]


@pytest.mark.parametrize(
    "changed",
    [{"start": "1", "timestamp": ""}, {"start": "1", "value": "99"}, {"date": "x", "start": "1"}, {"zone": "Mars/Base", "start": "1"}],
)
def test_an_import_that_cannot_work_is_not_started(changed, upload, enqueued):
    client, _ = upload()
    job = ImportJob.objects.get()
    answer = client.post(f"/imports/{job.pk}/change/", changed)
    assert answer.status_code == 422
    assert "It cannot be read so." in answer.content.decode()
    job.refresh_from_db()
    assert (job.state, enqueued) == ("waiting", [])


@pytest.mark.parametrize(("content", "name"), [(b"\x00\x01", "x.csv"), (b"PK\x03\x04", "x.xlsx"), (b" ", "x.csv")])
def test_a_file_that_is_no_table_is_refused_and_not_kept(content, name, upload):
    _, answer = upload(content, name)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not ImportJob.objects.exists()
    assert list(importing.directory().iterdir()) == []


def test_no_file_is_refused(upload, operator, client_of):
    assert client_of(operator).post("/imports/").status_code == 422


def test_an_upload_can_be_discarded_until_it_runs(upload, enqueued):
    client, _ = upload()
    assert client.post(f"/imports/{ImportJob.objects.get().pk}/discard/").status_code == 302
    assert not ImportJob.objects.exists()
    assert list(importing.directory().iterdir()) == []
    upload()
    ImportJob.objects.update(state="running")
    client.post(f"/imports/{ImportJob.objects.get().pk}/discard/")
    assert ImportJob.objects.exists()


def test_a_job_whose_worker_died_is_taken_up_again_and_a_forgotten_upload_goes(upload, enqueued):
    upload()
    job = ImportJob.objects.get()
    ImportJob.objects.update(state="running")
    assert tasks.tend_imports() == 0
    ImportJob.objects.update(moved=timezone.now() - datetime.timedelta(minutes=3))
    assert tasks.tend_imports() == 1
    assert tasks.tend_imports() == 0
    assert enqueued == [job.pk]
    assert tasks.take_up_imports() == 1
    ImportJob.objects.update(path="/somewhere/else.csv")
    assert tasks.take_up_imports() == 0
    ImportJob.objects.update(state="waiting", path=job.path, added=timezone.now() - datetime.timedelta(days=8))
    tasks.tend_imports()
    assert not ImportJob.objects.exists()
    assert list(importing.directory().iterdir()) == []


# -- roles ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("role", "code"), [("viewer", 403), ("operator", 200), ("admin", 200)])
def test_pages_open_for_who_may_send_samples(role, code, request, client_of, upload):
    upload()
    pk = ImportJob.objects.get().pk
    client = client_of(request.getfixturevalue(role)) if role != "operator" else upload()[0]
    assert [client.get(path).status_code for path in ("/imports/", f"/imports/{pk}/", f"/imports/{pk}/refused.csv")] == [code] * 3
    posts = [client.post(path).status_code for path in ("/imports/", f"/imports/{pk}/change/", f"/imports/{pk}/discard/")]
    assert posts == ([403] * 3 if code == 403 else [422, 302, 302])
    assert ('href="/imports/"' in client.get("/").content.decode()) is (code == 200)


def test_a_stranger_is_sent_to_sign_in(client_of, stranger):
    client = client_of(stranger)
    for path in ("/imports/", "/imports/1/", "/imports/1/refused.csv"):
        assert client.get(path).headers["Location"].startswith("/accounts/login/?next=/imports/")
    assert client.post("/imports/1/change/").status_code == 302
