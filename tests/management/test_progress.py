"""Progress: a bar that redraws itself on a terminal, a line now and then in a log."""

from __future__ import annotations

import pytest

from django_resend.management.output import BAR_WIDTH, CommandProgress, duration, table


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def written() -> list[str]:
    return []


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end(
    clock: Clock, written: list[str]
) -> None:
    progress = CommandProgress(written.append, terminal=False, clock=clock)
    progress.stage("contacts", 1000)
    for _ in range(10):
        clock.now += 2.5
        progress.advance(100)
    progress.close()

    assert written == [
        "contacts: 400/1000 (40%)  15 s left  40 a second\n",
        "contacts: 800/1000 (80%)  5 s left  40 a second\n",
        "contacts: 1000/1000 (100%)  40 a second\n",
    ]


def test_a_terminal_gets_a_bar_that_redraws_itself(clock: Clock, written: list[str]) -> None:
    progress = CommandProgress(written.append, terminal=True, clock=clock)
    progress.stage("contacts", 200)
    for _ in range(2):
        clock.now += 1
        progress.advance(100)
    progress.close()

    half, full = "█" * (BAR_WIDTH // 2) + "░" * (BAR_WIDTH // 2), "█" * BAR_WIDTH
    assert written == [
        f"\r\x1b[K{half}  contacts: 100/200 (50%)  1 s left  100 a second",
        f"\r\x1b[K{full}  contacts: 200/200 (100%)  100 a second",
        f"\r\x1b[K{full}  contacts: 200/200 (100%)  100 a second\n",
    ]


def test_a_terminal_is_drawn_at_most_ten_times_a_second(clock: Clock, written: list[str]) -> None:
    progress = CommandProgress(written.append, terminal=True, clock=clock)
    progress.stage("contacts", None)
    for _ in range(1000):
        clock.now += 0.001
        progress.advance(1)

    assert 8 <= len(written) <= 10


def test_an_unknown_or_outgrown_total_is_left_out(clock: Clock, written: list[str]) -> None:
    progress = CommandProgress(written.append, terminal=False, clock=clock)
    for total in (None, 50):
        progress.stage("contacts", total)
        clock.now += 20
        progress.advance(100)
    progress.close()

    assert set(written) == {"contacts: 100  5 a second\n"}


def test_the_next_stage_ends_the_one_before(clock: Clock, written: list[str]) -> None:
    progress = CommandProgress(written.append, terminal=False, clock=clock)
    progress.stage("contacts", None)
    clock.now += 1
    progress.advance(5)
    progress.stage("memberships", None)

    assert written == ["contacts: 5  5 a second\n"]


@pytest.mark.parametrize(("terminal", "cleared"), [(True, "\r\x1b[K"), (False, "")])
def test_a_note_has_a_line_of_its_own(
    clock: Clock, written: list[str], terminal: bool, cleared: str
) -> None:
    progress = CommandProgress(written.append, terminal=terminal, clock=clock)
    progress.note("Read this.")

    assert written == [f"{cleared}Read this.\n"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"), (10_140, "2 h 49 min")],
)
def test_a_duration_reads_as_people_say_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_table_is_aligned() -> None:
    rows = [("stage", "calls"), ("contacts", 100), ("all", "~1234")]

    assert table(rows, right=[1]) == "stage     calls\ncontacts    100\nall       ~1234"
