"""The second language is complete, and what is shipped is what was translated."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

import django_resend
from django_resend.models import Contact, Segment

from .pages import start_action, text_of, url

PACKAGE = Path(django_resend.__file__).parent
FOLDER = Path("locale/de/LC_MESSAGES")
ENTRY = re.compile(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) (".*")$')


def entries(path: Path) -> list[dict[str, str]]:
    """The entries of a .po file, without those that no source has any more."""
    found: list[dict[str, str]] = []
    name = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if match := ENTRY.match(line):
            name = match[1]
            if name == "msgid":
                found.append({})
            found[-1][name] = ast.literal_eval(match[2])
        elif line.startswith('"'):
            found[-1][name] += ast.literal_eval(line)
    return [entry for entry in found if entry["msgid"]]


def missing(path: Path) -> list[str]:
    texts = (
        (entry["msgid"], [value for name, value in entry.items() if "str" in name])
        for entry in entries(path)
    )
    return [msgid for msgid, translated in texts if not translated or not all(translated)]


def test_nothing_is_untranslated_or_doubtful() -> None:
    path = PACKAGE / FOLDER / "django.po"

    assert entries(path)
    assert missing(path) == []
    assert "#, fuzzy" not in path.read_text(encoding="utf-8")


def test_the_compiled_catalogue_is_that_of_the_texts() -> None:
    with (PACKAGE / FOLDER / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    for entry in entries(PACKAGE / FOLDER / "django.po"):
        if "msgid_plural" in entry:
            for number, key in ((1, "msgstr[0]"), (2, "msgstr[1]")):
                told = compiled.ngettext(entry["msgid"], entry["msgid_plural"], number)
                assert told == entry[key]
        else:
            assert compiled.gettext(entry["msgid"]) == entry["msgstr"]


def test_every_text_of_the_sources_is_in_the_catalogue(tmp_path: Path) -> None:
    if shutil.which("xgettext") is None:
        pytest.skip("gettext is not installed")
    copy = tmp_path / "django_resend"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    options = ("-l", "de", "--no-wrap", "--no-location", "--settings=tests.settings")
    command = [sys.executable, "-m", "django", "makemessages", *options]
    path = ":".join([str(Path.cwd()), *sys.path])
    subprocess.run(command, cwd=copy, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": path}, check=True)

    assert missing(copy / FOLDER / "django.po") == []


def test_the_pages_speak_it(client: Client, contact: Contact, friends: Segment) -> None:
    with translation.override("de"):
        shown = text_of(client.get(url(Contact)))
        confirm = text_of(start_action(client, url(Contact), "add_to_segments", [contact.pk]))
        page = text_of(client.get(url(Contact, "change", contact.pk)))
        sync = text_of(client.get("/admin/django_resend/syncrun/overview/"))

    assert "abgeglichen" in shown
    assert "1 Kontakt ist ausgewählt." in confirm
    assert "höchstens 1 Aufruf bei Resend" in confirm
    assert "Segmente und Themen" in page
    assert "Alles ist in Ordnung." in sync
