"""Importing a file as a marketer does: upload, columns, preview, import."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from django_resend.admin import csv_import
from django_resend.csvfiles.uploads import FOLDER
from django_resend.models import Contact, ContactProperty, Job, Segment, Topic
from django_resend.sync.jobs import cancel, run_jobs
from tests.admin.conftest import UserMaker
from tests.admin.pages import Response, form_values, told, url

pytestmark = pytest.mark.django_db

UPLOAD = "/admin/django_resend/contact/import/"

NASTY = """\
E-Mail;Vorname;Abgemeldet;Größe;Sonst
zoe@example.org;Zoë;nein;38;x
"ada@example.org";"Ada
Augusta";ja;;
kaputt;<script>;;;
ADA@example.org;Eve;;;
"""


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = str(tmp_path)
    folder = tmp_path / FOLDER
    folder.mkdir()
    return folder


def upload(client: Client, content: bytes = NASTY.encode("cp1252")) -> Response:
    return client.post(UPLOAD, {"file": SimpleUploadedFile("list.csv", content)})


def choose(client: Client, answer: Response, **choices: Any) -> Response:
    """On the page of the columns, change these inputs and press its button."""
    page = client.get(answer["Location"])
    return client.post(answer["Location"], {**form_values(page), **choices})


def preview(client: Client, content: bytes = NASTY.encode("cp1252"), **choices: Any) -> str:
    """Upload and choose; the address of the preview."""
    answer = choose(client, upload(client, content), **choices)
    assert answer.status_code == 302, answer.content.decode()
    address: str = answer["Location"]
    return address


def test_the_list_leads_to_import_and_export(client: Client) -> None:
    html = client.get(url(Contact)).content.decode()

    assert f'href="{UPLOAD}"' in html
    assert 'href="/admin/django_resend/contact/export/"' in html


def test_columns_are_guessed_and_shown_with_examples(client: Client) -> None:
    page = client.get(upload(client)["Location"])
    html = page.content.decode()

    assert form_values(page)["column_0"] == ["email"]
    assert form_values(page)["column_1"] == ["first_name"]
    assert form_values(page)["column_2"] == ["unsubscribed"]
    assert form_values(page)["key_3"] == ["grosse"]
    assert "zoe@example.org" in html and "38" in html
    assert "read as Windows-1252" in html
    assert "<script>;" not in html


def test_the_preview_tells_what_becomes_of_each_line(client: Client) -> None:
    Contact.objects.create(email="zoe@example.org", first_name="Zo")

    page = client.get(preview(client))
    html = page.content.decode()

    assert [(one.line, str(one.outcome)) for one in page.context["verdicts"]] == [
        (2, "changed"),
        (3, "new"),
        (5, "refused"),
        (6, "refused"),
    ]
    assert "first name: Zo → Zoë" in html
    assert "“kaputt” is no e-mail address" in html
    assert "Import 2 contacts" in html
    assert "at most 3 calls to Resend" in html
    assert Contact.objects.count() == 1


def test_the_import_is_a_job_and_leaves_no_file(client: Client, folder: Path) -> None:
    address = preview(client)

    answer = client.post(address)
    job = Job.objects.get(operation="csv_import")
    assert answer["Location"] == url(Job, "change", job.pk)
    run_jobs()

    job.refresh_from_db()
    assert (job.state, job.counts) == ("done", {"new": 2, "refused": 2})
    assert Contact.objects.for_address("zoe@example.org").get().first_name == "Zoë"
    assert os.listdir(folder) == []
    page = client.get(answer["Location"]).content.decode()
    assert "list.csv" in page and "Import from CSV" in page
    entry = LogEntry.objects.get()
    assert entry.change_message == "Import from CSV: list.csv"


def test_columns_may_be_corrected_and_become_new_properties(client: Client) -> None:
    friends = Segment.objects.create(name="Friends")
    news = Topic.objects.create(name="News", default_subscription="opt_in")

    address = preview(
        client,
        column_1="last_name",
        column_3="new:number",
        key_3="shoe_size",
        segments=[friends.pk],
        topics=[news.pk],
    )
    assert "shoe_size: 38" in client.get(address).content.decode()
    client.post(address)
    run_jobs()

    zoe = Contact.objects.for_address("zoe@example.org").get()
    assert (zoe.last_name, zoe.properties) == ("Zoë", {"shoe_size": 38})
    assert list(zoe.segments.all()) == [friends]
    assert zoe.topicsubscription_set.get().subscription == "opt_in"
    assert ContactProperty.objects.get().type == "number"


def test_existing_contacts_may_be_left_alone(client: Client) -> None:
    Contact.objects.create(email="zoe@example.org", first_name="Zo")

    page = client.get(preview(client, on_conflict="skip"))

    assert "exists, left as it is" in page.content.decode()


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"column_0": ""}, "No column is mapped to the e-mail address"),
        ({"column_1": "email"}, "Two columns are mapped to e-mail address"),
        ({"column_3": "new:string", "key_3": "two words"}, "be a property&#x27;s key"),
        ({"column_3": "new:string", "key_3": ""}, "be a property&#x27;s key"),
        ({"column_3": "property:gone"}, "Select a valid choice"),
    ],
)
def test_a_mapping_that_makes_no_sense_is_told_in_a_sentence(
    client: Client, choices: dict[str, str], says: str
) -> None:
    answer = choose(client, upload(client), **choices)

    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert not Job.objects.exists()


def test_the_way_back_keeps_what_was_chosen(client: Client) -> None:
    address = preview(client, column_1="", column_3="new:number", key_3="size", on_conflict="skip")

    page = client.get(client.get(address).context["back"])

    values = form_values(page)
    assert (values.get("column_1", [""]), values["column_3"]) == ([""], ["new:number"])
    assert values["key_3"] == ["size"]
    assert 'value="skip" required id="id_on_conflict_1" checked' in page.content.decode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (b"PK\x03\x04 workbook", "This is an Excel workbook"),
        ("email\n".encode("utf-16-le") * 99, "This looks like UTF-16 without its mark"),
    ],
)
def test_what_is_no_csv_file_is_told_at_once_and_not_kept(
    client: Client, folder: Path, content: bytes, says: str
) -> None:
    answer = upload(client, content)

    assert answer.status_code == 200
    assert says in answer.content.decode()
    assert os.listdir(folder) == []


def test_a_big_file_is_checked_by_a_job(
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    published: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    monkeypatch.setattr(csv_import, "AT_ONCE_BYTES", 10)
    with django_capture_on_commit_callbacks(execute=True):
        address = preview(client)

    page = client.get(address)
    assert "Checking the file" in page.content.decode()
    assert "progress.js" in page.content.decode()
    assert client.post(address).status_code == 200
    assert not Job.objects.filter(operation="csv_import").exists()
    assert "django_resend.run_jobs" in published
    run_jobs()

    assert "What the import will do" in client.get(address).content.decode()


def test_a_check_that_was_cancelled_or_failed_begins_again(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_import, "AT_ONCE_BYTES", 10)
    cancelled, broken = preview(client), preview(client, b"email\n" + b"x" * 70_000 + b"\x81")
    cancel(Job.objects.earliest("pk"))
    run_jobs()

    for address, says in [(cancelled, "The check was cancelled."), (broken, "Byte 70006 fits")]:
        answer = client.get(address)
        assert answer["Location"] == UPLOAD
        assert says in told(answer)


def test_pressing_import_twice_leads_to_the_one_job(client: Client) -> None:
    address = preview(client)
    first = client.post(address)["Location"]

    assert client.post(address)["Location"] == client.get(address)["Location"] == first
    run_jobs()
    assert client.get(address)["Location"] == first
    assert Job.objects.filter(operation="csv_import").count() == 1


def test_a_file_that_is_gone_is_told(client: Client, folder: Path) -> None:
    address = preview(client)
    for name in os.listdir(folder):
        os.remove(folder / name)

    for answer in (client.get(address), client.post(address)):
        assert answer["Location"] == UPLOAD
        assert "Upload it again" in told(answer)


def test_new_properties_take_the_permission_to_add_them(client_with: UserMaker) -> None:
    client = client_with("view_contact", "add_contact", "change_contact")

    answer = choose(client, upload(client), column_3="new:number", key_3="size")

    assert "Select a valid choice" in answer.content.decode()
    assert "New property" not in answer.content.decode()


@pytest.mark.parametrize(
    "permissions",
    [("view_contact",), ("view_contact", "add_contact"), ("view_contact", "change_contact")],
)
def test_who_may_not_add_and_change_can_import_by_no_address(
    client: Client, client_with: UserMaker, permissions: tuple[str, ...], folder: Path
) -> None:
    columns = upload(client)["Location"]
    address = preview(client)
    before = sorted(os.listdir(folder)), Job.objects.count()
    other = client_with(*permissions)

    assert UPLOAD not in other.get(url(Contact)).content.decode()
    for one in (UPLOAD, columns, address):
        assert other.get(one).status_code == 403
        assert other.post(one, {"column_0": "email"}).status_code == 403
    assert upload(other).status_code == 403
    assert (sorted(os.listdir(folder)), Job.objects.count()) == before


def test_an_upload_serves_only_who_made_it(client: Client, client_with: UserMaker) -> None:
    columns = upload(client)["Location"]
    address = preview(client)
    other = client_with("view_contact", "add_contact", "change_contact")

    assert other.get(columns).status_code == 404
    assert other.get(address).status_code == 404
    assert other.post(address).status_code == 404
    assert client.get(columns + "x").status_code == 404


def test_the_preview_costs_the_same_queries_however_long_the_file(
    client: Client,
) -> None:
    counts = []
    for number in (5, 90):
        lines = "".join(f"p{n}@example.org,P\n" for n in range(number))
        address = preview(client, f"email,name\n{lines}".encode())
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 20


def test_where_there_is_nothing_to_import_there_is_no_button(client: Client) -> None:
    page = client.get(preview(client, b"email\nkaputt\n"))

    assert "There is nothing to import" in page.content.decode()
    assert '<input type="submit"' not in page.content.decode().partition("content-main")[2]
