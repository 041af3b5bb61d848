"""The admin in a browser, with a server, a worker and the fake, under a strict policy."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .axe import axe_source, serious
from .site import Site, follow
from .test_csv_import import NASTY

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

APP = "/admin/django_resend/"
LIST = f"{APP}contact/"
PATIENCE_MS = 30_000
ENDS = ("done", "failed", "cancelled")
VIEWS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}},
}


def choose(desk: Page, action: str, *, across: bool = False) -> None:
    """Tick two rows in the list, or all of them, choose an action and press Run."""
    if across:
        desk.locator("#action-toggle").check()
        desk.locator(".actions .question a").click()
    else:
        for number in range(2):
            desk.locator("input.action-select").nth(number).check()
    desk.get_by_label("Action:").select_option(label=action)
    follow(desk, desk.locator(".actions button[type=submit]"))


def outcome(desk: Page, site: Site) -> str:
    """Let a worker do the job; what its page tells at the end."""
    with site.worker():
        return ended(desk)


def ended(desk: Page, state: str = "done") -> str:
    desk.locator(", ".join(f".resend-job-{name}" for name in ENDS)).wait_for(timeout=PATIENCE_MS)
    told = desk.locator("#resend-job").inner_text()
    assert desk.locator(f".resend-job-{state}").count(), told
    return told


def at_resend(site: Site, email: str) -> dict[str, Any]:
    contacts: Any = site.fake.state()["contacts"]
    found: dict[str, Any] = next(row for row in contacts if row["email"] == email)
    return found


def soon(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("action", "box", "button"),
    [
        ("Add to segments…", "Friends", "Add to these segments"),
        ("Remove from segments…", "Friends", "Remove from these segments"),
        ("Subscribe to topics…", "News", "Subscribe to these topics"),
        ("Unsubscribe from topics…", "News", "Unsubscribe from these topics"),
        ("Unsubscribe from everything…", "", "Unsubscribe them"),
        ("Pull now…", "", "Pull them now"),
        ("Try again…", "", "Try them again"),
        ("Delete…", "", "Delete them"),
    ],
)
def test_every_action_is_confirmed_and_then_done_by_the_worker(
    desk: Page, site: Site, action: str, box: str, button: str
) -> None:
    desk.goto(site.url + LIST)
    choose(desk, action)
    assert "2 contacts are selected." in desk.locator(".resend-count").inner_text()
    if box:
        desk.get_by_label(box).first.check()
    follow(desk, desk.get_by_role("button", name=button))

    assert "2 of 2" in outcome(desk, site)


def test_a_property_is_set_for_two_and_reaches_resend(desk: Page, site: Site) -> None:
    desk.goto(f"{site.url}{LIST}?q=person5")
    emails = desk.locator("#result_list tbody th").all_inner_texts()[:2]
    choose(desk, "Set a property…")
    desk.get_by_label("Property").select_option(label="city")
    desk.get_by_label("New value").fill("Oslo")
    follow(desk, desk.get_by_role("button", name="Set it"))

    with site.worker():
        assert "2 of 2" in ended(desk)
        soon(lambda: at_resend(site, emails[1])["properties"]["city"] == "Oslo")
    assert at_resend(site, emails[0])["properties"]["city"] == "Oslo"


def test_an_action_on_all_shows_its_progress_and_can_be_cancelled(desk: Page, site: Site) -> None:
    desk.goto(site.url + LIST)
    choose(desk, "Pull now…", across=True)
    follow(desk, desk.get_by_role("button", name="Pull them now"))
    assert "waiting" in desk.locator("#resend-job").inner_text()
    desk.reload()
    with site.worker():
        desk.locator("#resend-job progress").wait_for(timeout=PATIENCE_MS)
        follow(desk, desk.get_by_role("button", name="Cancel"))
        told = ended(desk, "cancelled")

    assert "What was done until then stays." in told
    assert desk.get_by_role("button", name="Cancel").count() == 0


def test_without_a_script_the_page_follows_all_the_same(browser: Any, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    desk = context.new_page()
    site.log_in(desk)
    desk.goto(f"{site.url}{APP}syncrun/overview/")
    follow(desk, desk.get_by_role("button", name="Compare with Resend"))
    with site.worker():
        ended(desk)
    context.close()


def test_a_contact_is_edited_with_its_properties_segments_and_topics(
    desk: Page, site: Site
) -> None:
    desk.goto(f"{site.url}{LIST}?q=person77")
    follow(desk, desk.get_by_role("link", name="person77@example.org"))
    desk.get_by_label("city").fill("Bergen")
    desk.get_by_label("Friends").check()
    desk.get_by_label("News").uncheck()
    follow(desk, desk.get_by_role("button", name="Save and continue editing"))

    assert desk.get_by_label("News (opted out)").is_disabled()
    with site.worker():
        soon(lambda: at_resend(site, "person77@example.org")["properties"]["city"] == "Bergen")

    follow(desk, desk.get_by_role("link", name="Opt in again…"))
    desk.get_by_label("News").check()
    desk.get_by_label("Reason").fill("Asked by phone")
    follow(desk, desk.get_by_role("button", name="Opt in again"))
    assert "to News, by marta. Asked by phone" in desk.locator("#content").inner_text()


def test_pull_now_brings_what_resend_has(desk: Page, site: Site) -> None:
    email = "person88@example.org"
    site.fake.dashboard.edit_contact(email, first_name="Augusta")
    desk.goto(f"{site.url}{LIST}?q={email}")
    follow(desk, desk.get_by_role("link", name=email))
    page = desk.url
    follow(desk, desk.get_by_role("button", name="Pull now"))
    outcome(desk, site)

    desk.goto(page)
    assert desk.get_by_label("First name").input_value() == "Augusta"


def test_several_addresses_are_judged_and_added(desk: Page, site: Site) -> None:
    desk.goto(site.url + LIST)
    follow(desk, desk.get_by_role("link", name="Add several"))
    desk.get_by_label("Addresses").fill("first@example.com\nnobody\nperson90@example.org")
    follow(desk, desk.get_by_role("button", name="Check"))
    desk.locator(".resend-verdicts").wait_for()
    verdicts = desk.locator(".resend-verdicts tbody tr").all_inner_texts()
    assert [row.split("\t")[2] for row in verdicts] == ["new", "no e-mail address", "here already"]
    follow(desk, desk.get_by_role("button", name="Add them"))

    assert "1 contact was added." in desk.locator(".messagelist").inner_text()


@pytest.mark.parametrize("view", VIEWS)
def test_no_page_has_a_serious_barrier_or_overflows(browser: Any, site: Site, view: str) -> None:
    if axe_source() is None:
        pytest.skip("axe-core is not installed here (npm install -g axe-core)")
    context = browser.new_context(locale="en-GB", **VIEWS[view])
    desk = context.new_page()
    site.log_in(desk)
    pages = ["", "contact/", "contact/add/", "contact/several/", "syncrun/overview/", "job/"]
    lists = ["outboxentry/", "segment/", "topic/", "contactproperty/", "syncrun/", "webhookevent/"]
    barriers: dict[str, list[str]] = {}

    def look(name: str) -> None:
        # The label of Django's own search box is a picture.
        barriers[name] = [line for line in serious(desk) if 'id="searchbar"' not in line]
        if desk.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            barriers[name].append("the page is wider than the window")

    for name in (*pages, *lists):
        desk.goto(site.url + APP + name)
        look(name)
    desk.goto(site.url + LIST)
    follow(desk, desk.locator("#result_list tbody th a").first)
    look("contact")
    for action in ("Add to segments…", "Set a property…", "Delete…"):
        desk.goto(site.url + LIST)
        choose(desk, action)
        look(action)
    follow(desk, desk.get_by_role("button", name="Delete them"))
    look("job")
    follow(desk, desk.get_by_role("button", name="Cancel"))
    look("cancelled job")
    context.close()

    assert {name: found for name, found in barriers.items() if found} == {}


def test_the_worker_imports_a_nasty_file(desk: Page, site: Site, tmp_path: Path) -> None:
    path = tmp_path / "liste.csv"
    path.write_bytes(NASTY.replace("\n", "\r\n").encode("cp1252"))
    desk.goto(f"{site.url}{LIST}import/")
    desk.get_by_label("CSV file").set_input_files(path)
    follow(desk, desk.get_by_role("button", name="Upload"))
    desk.get_by_label("What “Schuhgröße” is imported to").select_option("new:number")
    desk.get_by_label("Key of the new property for “Schuhgröße”").fill("shoe_size")
    follow(desk, desk.get_by_role("button", name="Check the file"))
    follow(desk, desk.get_by_role("button", name=re.compile(r"Import \d+ contacts")))

    with site.worker():
        ended(desk)
        soon(lambda: "zoe@example.org" in [row["email"] for row in site.fake.state()["contacts"]])

    zoe = at_resend(site, "zoe@example.org")
    assert (zoe["first_name"], zoe["properties"]["shoe_size"]) == ("Zoë", 38)
    assert "kaputt" not in str(site.fake.state()["contacts"])
