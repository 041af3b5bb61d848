"""resend_import and resend_export: what they print, write, and refuse."""

from __future__ import annotations

import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from django_resend.models import Contact, ContactProperty, Segment, Topic
from tests.management.helpers import Terminal, run

pytestmark = pytest.mark.django_db

NASTY = """\
E-Mail;Vorname;Abgemeldet;Größe;Sonst
zoe@example.org;Zoë;nein;38;x
"ada@example.org";"Ada
Augusta";ja;;
kaputt;;;;
ADA@example.org;Eve;;;
bob@example.org;"Bob;;;
eve@example.org;Eve;vielleicht;;
"""


@pytest.fixture
def nasty(tmp_path: Path) -> str:
    path = tmp_path / "list.csv"
    path.write_bytes(NASTY.encode("cp1252"))
    return str(path)


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))


def test_an_import_tells_what_it_took_each_column_for_and_what_became_of_the_lines(
    nasty: str,
) -> None:
    code, out, err = run("resend_import", nasty, "--no-progress")

    assert code == 1
    assert "Vorname     first_name\nAbgemeldet  unsubscribed\nGröße       (not imported)" in out
    assert "new                                2\n" in out
    assert "refused                            4\n" in out
    assert err.splitlines() == [
        "The file is not valid UTF-8; it was read as Windows-1252. Check the accents.",
        "line 5: kaputt: “kaputt” is no e-mail address",
        "line 6: ADA@example.org: an earlier line has this address too; the first one counts",
        "line 7: -: its quotes don't match",
        "line 8: eve@example.org: unsubscribed (yes or no): “vielleicht” is neither yes nor no",
    ]
    zoe, ada = Contact.objects.order_by("pk")
    assert (zoe.email, zoe.first_name, zoe.unsubscribed) == ("zoe@example.org", "Zoë", False)
    assert (ada.first_name, ada.unsubscribed) == ("Ada\nAugusta", True)


def test_as_json(nasty: str) -> None:
    told = run("resend_import", nasty, "--json", "--dry-run").json

    assert told["encoding"] == "cp1252" and told["encoding_guessed"]
    assert told["delimiter"] == ";"
    assert told["columns"]["Vorname"] == "first_name"
    assert told["counts"] == {
        "new": 2,
        "changed": 0,
        "unchanged": 0,
        "skipped": 0,
        "refused": 4,
        "left": 0,
    }
    assert [one["line"] for one in told["telling"]] == [5, 6, 7, 8]
    assert told["dry_run"]


def test_a_dry_run_imports_nothing(nasty: str) -> None:
    code, out, _err = run("resend_import", nasty, "--dry-run", "--no-progress")

    assert (code, Contact.objects.count()) == (1, 0)
    assert "Nothing was written." in out


def test_the_report_has_every_line(nasty: str, tmp_path: Path) -> None:
    report = tmp_path / "report.csv"

    run("resend_import", nasty, "--no-progress", "--report", str(report))

    lines = report.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "line,address,outcome,detail"
    assert lines[1] == "2,zoe@example.org,new,first name: Zoë"
    assert len(lines) == 8  # the change of one goes over two lines


def test_columns_segments_and_topics_are_chosen_by_name(nasty: str) -> None:
    Segment.objects.create(name="Friends")
    Topic.objects.create(name="News", default_subscription="opt_in")

    code, out, _err = run(
        "resend_import",
        nasty,
        "--no-progress",
        *("--map", "Größe=property:size:number"),
        *("--map", "Sonst=last_name", "--map", "Vorname="),
        *("--segment", "Friends", "--topic", "News"),
    )

    zoe = Contact.objects.for_address("zoe@example.org").get()
    assert code == 1
    assert "Größe       property:size" in out
    assert (zoe.first_name, zoe.last_name, zoe.properties) == ("", "x", {"size": 38})
    assert [one.name for one in zoe.segments.all()] == ["Friends"]
    assert zoe.topicsubscription_set.get().subscription == "opt_in"
    assert ContactProperty.objects.get().type == "number"


def test_a_chosen_column_outweighs_a_guessed_one(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("email,a=b\nold@example.org,new@example.org\n")

    assert run("resend_import", str(path), "--no-progress", "--map", "a=b=email").code == 0

    assert Contact.objects.get().email == "new@example.org"


def test_existing_contacts_may_be_left_alone(nasty: str) -> None:
    Contact.objects.create(email="ada@example.org", first_name="Ada")

    _code, out, _err = run("resend_import", nasty, "--no-progress", "--on-conflict", "skip")

    assert "exists, left as it is              1\n" in out
    assert Contact.objects.for_address("ada@example.org").get().first_name == "Ada"


def test_a_file_is_read_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"email\nada@example.org\n")

    assert run("resend_import", "-", "--no-progress").code == 0

    assert Contact.objects.get().email == "ada@example.org"


def test_progress_goes_to_standard_error(nasty: str) -> None:
    terminal = Terminal()

    _code, out, err = run("resend_import", nasty, stderr=terminal)

    assert "reading: 6" in err and "importing: 6/6 (100%)" in err
    assert "reading" not in out


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (b"", [], "The file is empty."),
        (b"PK\x03\x04", [], "This is an Excel workbook"),
        (b"name\nAda\n", [], "No column is mapped to the e-mail address"),
        (b"email\n", ["--map", "mail=email"], "there is no such column. The columns are “email”"),
        (b"email,x\n", ["--map", "x=plan"], "“plan” is nothing to import to"),
        (b"email\n", ["--segment", "Friends"], "There is no segment “Friends”."),
        (b"email\n", ["--topic", "News"], "There is no topic “News”."),
        (b"email\n", ["--report", "/nowhere/at/all"], "/nowhere/at/all: No such file"),
    ],
)
def test_what_can_not_be_imported_is_told_in_one_sentence(
    content: bytes, arguments: list[str], says: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)

    code, out, err = run("resend_import", str(path), *arguments, "--no-progress")

    assert (code, out) == (2, "")
    assert says in err and err.count("\n") == 1


def test_a_file_that_is_not_there_is_told_in_one_sentence() -> None:
    code, _out, err = run("resend_import", "/nowhere/at/all")

    assert (code, err) == (2, "CommandError: /nowhere/at/all: No such file or directory\n")


def test_the_report_never_overwrites_the_file_it_is_about(nasty: str) -> None:
    code, _out, err = run("resend_import", nasty, "--report", nasty)

    assert code == 2 and "is the file that is read" in err
    assert Path(nasty).read_bytes() == NASTY.encode("cp1252")


def test_an_export_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    Contact.objects.create(email="ada@example.org", first_name="Zoë")
    lines = "email,first_name,last_name,unsubscribed,segments\r\nada@example.org,Zoë,,false,\r\n"
    path = tmp_path / "all.csv"

    assert run("resend_export", "--no-progress") == (0, lines, "")
    assert run("resend_export", str(path), "--no-progress").out == "contacts  1\n"
    assert path.read_bytes() == lines.encode()
    told = run("resend_export", str(path), "--no-progress", "--json").json
    assert told == {"file": str(path), "contacts": 1}


@pytest.mark.parametrize(
    ("arguments", "exported"),
    [
        ([], "abc"),
        (["--segment", "Friends"], "ab"),
        (["--segment", "Friends", "--segment", "VIP"], "abc"),
        (["--segment", "Friends", "--unsubscribed", "yes"], "a"),
        (["--unsubscribed", "no"], "bc"),
    ],
)
def test_an_export_may_be_of_some_contacts(arguments: list[str], exported: str) -> None:
    friends, vip = (Segment.objects.create(name=name) for name in ("Friends", "VIP"))
    memberships: dict[str, Any] = {"a": [friends, vip], "b": [friends], "c": [vip]}
    for name, segments in memberships.items():
        contact = Contact.objects.create(email=f"{name}@x.org", unsubscribed=name == "a")
        contact.segments.set(segments)

    out = run("resend_export", *arguments, "--no-progress").out

    assert "".join(line[0] for line in out.splitlines()[1:]) == exported


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--segment", "Nobody"], "There is no segment “Nobody”."),
        (["--json"], "--json needs a FILE"),
        (["/nowhere/at/all"], "/nowhere/at/all: No such file"),
    ],
)
def test_what_can_not_be_exported_is_told_in_one_sentence(arguments: list[str], says: str) -> None:
    code, out, err = run("resend_export", *arguments, "--no-progress")

    assert (code, out) == (2, "")
    assert says in err and err.count("\n") == 1


def test_an_export_imports_again_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    Contact.objects.create(email="ada@example.org", first_name="=1", unsubscribed=True)

    run("resend_export", str(path), "--no-progress")

    told = run("resend_import", str(path), "--json", "--no-progress")
    assert told.code == 0
    assert told.json["counts"]["unchanged"] == sum(told.json["counts"].values()) == 1
