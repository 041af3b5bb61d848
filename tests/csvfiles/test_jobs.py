"""Preview and import of an uploaded file in the background."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import IntegrityError

from django_resend.csvfiles import applying, uploads
from django_resend.csvfiles.instructions import Instructions
from django_resend.csvfiles.jobs import IMPORT, PREVIEW
from django_resend.models import Contact, ContactProperty, Job, Segment
from django_resend.sync.jobs import cancel, find, queue, run_jobs

pytestmark = pytest.mark.django_db

MAPPING = ("email", "first_name")


@pytest.fixture(autouse=True)
def folder(uploads_folder: Path) -> Path:
    return uploads_folder


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_resend.sync.jobs.run.sleep", lambda seconds: None)


def arguments(content: str, mapping: tuple[str, ...] = MAPPING) -> dict[str, Any]:
    name = uploads.keep(ContentFile(content.encode()))
    return {"file": name, "name": "list.csv", "instructions": Instructions(mapping).pack()}


def people(count: int) -> str:
    return "email,name\n" + "".join(f"p{n}@example.org,P{n}\n" for n in range(count))


def files(folder: Path) -> list[str]:
    return os.listdir(folder)


def finished(job: Job) -> Job:
    run_jobs()
    job.refresh_from_db()
    return job


def test_a_preview_counts_all_and_writes_nothing(folder: Path) -> None:
    job = finished(queue(PREVIEW, arguments(people(3) + "x,y\nP1@example.org,\n", MAPPING)))

    assert (job.state, job.done, job.total) == ("done", 5, 5)
    assert job.counts == {"new": 3, "refused": 2, "calls": 6}
    assert list(job.results.values_list("subject", "outcome")) == [
        ("x", "refused"),
        ("P1@example.org", "refused"),
    ]
    assert job.results.all()[0].detail == "line 5: “x” is no e-mail address"
    assert not Contact.objects.exists()
    assert len(files(folder)) == 1


def test_an_import_takes_over_what_the_preview_found_and_removes_the_file(folder: Path) -> None:
    preview = finished(queue(PREVIEW, arguments(people(3))))

    job = queue(IMPORT, preview.arguments)

    assert job.total == 3
    job = finished(job)
    assert (job.state, job.counts) == ("done", {"new": 3})
    assert [row.subject for row in job.results.all()] == [f"p{n}@example.org" for n in range(3)]
    assert Contact.objects.count() == 3
    assert files(folder) == []


def test_an_import_goes_on_where_a_killed_one_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_resend.csvfiles.jobs.BATCH_ROWS", 2)
    job = queue(IMPORT, arguments(people(5) + "P0@example.org,Again\n"))
    create, batches = applying._create, []

    def die_in_the_second_batch(verdicts: Any) -> None:
        create(verdicts)
        batches.append(verdicts)
        if len(batches) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(applying, "_create", die_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        run_jobs()
    assert Contact.objects.count() == 2

    job = finished(job)

    assert (job.state, job.done) == ("done", 6)
    assert job.counts == {"new": 5, "refused": 1}
    assert Contact.objects.count() == 5


def test_a_batch_that_another_process_comes_before_is_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create, met = applying._create, []

    def meet_another_process(verdicts: Any) -> None:
        met.append(verdicts)
        if len(met) == 1:
            raise IntegrityError("duplicate key")
        create(verdicts)

    monkeypatch.setattr(applying, "_create", meet_another_process)
    job = finished(queue(IMPORT, arguments(people(2))))

    assert (job.state, job.counts, Contact.objects.count()) == ("done", {"new": 2}, 2)


def test_only_an_import_creates_new_properties() -> None:
    given = arguments("email,size\na@example.org,3\n", ("email", "property:size:number"))

    preview = finished(queue(PREVIEW, given))
    assert (preview.state, preview.counts) == ("done", {"new": 1, "calls": 2})
    assert not ContactProperty.objects.exists()

    finished(queue(IMPORT, preview.arguments))
    assert ContactProperty.objects.get().key == "size"
    assert Contact.objects.get().properties == {"size": 3}


@pytest.mark.parametrize("operation", [PREVIEW, IMPORT])
def test_what_can_not_be_read_fails_with_the_reason_and_leaves_no_file(
    operation: str, folder: Path
) -> None:
    job = finished(queue(operation, arguments("")))

    assert (job.state, job.message) == ("failed", "The file is empty.")
    assert files(folder) == []


def test_a_file_that_is_gone_fails_in_a_sentence() -> None:
    given = arguments(people(1))
    uploads.remove(given["file"])

    assert finished(queue(IMPORT, given)).message == "The uploaded file is gone. Upload it again."


def test_a_segment_that_is_gone_meanwhile_fails_in_a_sentence() -> None:
    friends = Segment.objects.create(name="Friends")
    given = arguments(people(1))
    given["instructions"] = Instructions(MAPPING, segments=(friends.pk,)).pack()
    friends.delete()

    assert "is gone. Choose again" in finished(queue(IMPORT, given)).message


def test_a_cancelled_import_leaves_no_file(folder: Path) -> None:
    job = queue(IMPORT, arguments(people(1)))

    assert cancel(job)

    assert files(folder) == []


def test_files_have_private_names_and_abandoned_ones_go(folder: Path) -> None:
    names = [uploads.keep(ContentFile(b"email\n")) for _ in range(3)]
    queue(IMPORT, {"file": names[0], "name": "a", "instructions": Instructions(MAPPING).pack()})
    long_ago = time.time() - 2 * 24 * 3600
    for name in names[:2]:
        os.utime(folder / Path(name).name, (long_ago, long_ago))

    uploads.keep(ContentFile(b"email\n"))

    left = files(folder)
    assert Path(names[0]).name in left and Path(names[2]).name in left
    assert Path(names[1]).name not in left
    assert len({len(Path(name).stem) for name in names}) == 1 and len(Path(names[0]).stem) == 32


def test_jobs_say_what_they_are_about() -> None:
    operation = find(IMPORT)

    assert operation is not None
    assert operation.describe({"name": "list.csv"}) == "list.csv"
