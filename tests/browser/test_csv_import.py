"""A marketer imports a nasty file, in a browser that allows no inline script or style."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from django_resend.admin import csv_import
from django_resend.models import Contact, ContactProperty, Segment, Topic
from django_resend.sync.jobs import run_jobs

from .axe import axe_source, serious
from .site import follow

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.urls("tests.admin.urls")]

CONTACTS = "/admin/django_resend/contact/"

NASTY = """\
sep=;
E-Mail;Vorname;Abgemeldet;Schuhgröße;Bemerkung
zoe@example.org;Zoë;nein;38;"Sagt ""hallo""; und
<script>alert(1)</script>"
ada@example.org;=HYPERLINK("http://x");nein;;
kaputt;Kaputt;;;
ZOE@example.org;Nochmal;;;
bob@example.org;"Bob;;;
eve@example.org;Eve;;riesig;
dan@example.org;Dan;ja;44,5;
"""


@pytest.fixture
def marta(page: Page, live_server: LiveServer, settings: Any, tmp_path: Path) -> Page:
    """Her browser, signed in."""
    settings.MEDIA_ROOT = str(tmp_path / "media")
    settings.MIDDLEWARE = ["tests.browser.policy.strict_policy", *settings.MIDDLEWARE]
    client = Client()
    client.force_login(User.objects.create_superuser("marta"))
    session = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return page


@pytest.fixture
def nasty(tmp_path: Path) -> Path:
    path = tmp_path / "liste.csv"
    path.write_bytes(NASTY.replace("\n", "\r\n").encode("cp1252"))
    return path


def test_a_nasty_file_is_imported(marta: Page, live_server: LiveServer, nasty: Path) -> None:
    ada = Contact.objects.create(email="Ada@example.org", first_name="Ada", unsubscribed=True)
    friends = Segment.objects.create(name="Friends")
    news = Topic.objects.create(name="News", default_subscription="opt_in")
    ada.opt_out(news)

    marta.goto(live_server.url + CONTACTS)
    follow(marta, marta.get_by_role("link", name="Import"))
    marta.get_by_label("CSV file").set_input_files(nasty)
    follow(marta, marta.get_by_role("button", name="Upload"))

    assert "read as Windows-1252" in marta.inner_text("#content-main")
    assert marta.get_by_label("Key of the new property for “Schuhgröße”").is_hidden()
    marta.get_by_label("What “Schuhgröße” is imported to").select_option("new:number")
    marta.get_by_label("Key of the new property for “Schuhgröße”").fill("shoe_size")
    marta.get_by_label("Friends").check()
    marta.get_by_label("News", exact=True).check()
    follow(marta, marta.get_by_role("button", name="Check the file"))

    table = marta.locator(".resend-verdicts tbody tr")
    told = [row.split("\t") for row in table.all_inner_texts()]
    assert [(row[0], row[2].strip()) for row in told] == [
        ("3", "new"),
        ("5", "changed"),
        ("6", "refused"),
        ("7", "refused"),
        ("8", "refused"),
        ("9", "refused"),
        ("10", "refused"),
    ]
    assert "unsubscribed, and stays so" in told[1][3]
    assert "“44,5” is not a number" in told[6][3]
    follow(marta, marta.get_by_role("button", name="Import 2 contacts"))

    assert marta.get_by_role("heading", name="Import from CSV").is_visible()
    run_jobs()
    with marta.expect_download() as download:
        marta.get_by_role("link", name="Download the result").click()

    result = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "kaputt,refused,line 6: “kaputt” is no e-mail address" in result
    zoe = Contact.objects.for_address("zoe@example.org").get()
    assert (zoe.first_name, zoe.properties) == ("Zoë", {"shoe_size": 38})
    assert ContactProperty.objects.get().type == "number"
    ada.refresh_from_db()
    assert (ada.first_name, ada.unsubscribed) == ('=HYPERLINK("http://x")', True)
    assert set(friends.contacts.all()) == {zoe, ada}
    assert [row.contact for row in news.subscriptions.filter(subscription="opt_in")] == [zoe]


def test_the_check_of_a_big_file_is_followed_and_everything_is_exported(
    marta: Page, live_server: LiveServer, nasty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_import, "AT_ONCE_BYTES", 10)
    marta.goto(f"{live_server.url}{CONTACTS}import/")
    marta.get_by_label("CSV file").set_input_files(nasty)
    follow(marta, marta.get_by_role("button", name="Upload"))
    follow(marta, marta.get_by_role("button", name="Check the file"))

    assert marta.get_by_role("heading", name="Checking the file").is_visible()
    run_jobs()
    follow(marta, marta.get_by_role("button", name="Import 4 contacts"))
    run_jobs()
    marta.goto(live_server.url + CONTACTS)
    follow(marta, marta.get_by_role("link", name="Export"))
    with marta.expect_download() as download:
        marta.get_by_role("button", name="Export all").click()

    exported = Path(download.value.path()).read_bytes().decode("utf-8-sig")
    assert Contact.objects.count() == exported.count("@example.org") == 4
    assert '"\'=HYPERLINK(""http://x"")"' in exported


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_bars_anybody(
    marta: Page, live_server: LiveServer, nasty: Path, colours: Any, width: int
) -> None:
    if axe_source() is None:
        pytest.skip("axe-core is not installed")
    Segment.objects.create(name="Friends")
    marta.emulate_media(color_scheme=colours)
    marta.set_viewport_size({"width": width, "height": 844})
    barriers = []

    def look() -> None:
        barriers.extend(serious(marta))
        assert marta.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    marta.goto(f"{live_server.url}{CONTACTS}export/")
    look()
    marta.goto(f"{live_server.url}{CONTACTS}import/")
    look()
    marta.get_by_label("CSV file").set_input_files(nasty)
    follow(marta, marta.get_by_role("button", name="Upload"))
    marta.get_by_label("What “Schuhgröße” is imported to").select_option("new:number")
    look()
    follow(marta, marta.get_by_role("button", name="Check the file"))
    look()

    assert barriers == []
