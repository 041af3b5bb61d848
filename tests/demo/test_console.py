"""The demo's lines: moving on a terminal, plain in a file."""

from __future__ import annotations

import io
import re
import signal
import sys
from collections.abc import Iterator

import pytest

from example_project.demo.console import Console
from example_project.demo.costs import EXPLANATION, Cost, pull_loop, table
from example_project.demo.interrupts import Interrupts


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_whole_lines() -> None:
    out = io.StringIO()
    with Console(out).step("Pull everything") as step:
        step.stage("contacts", 2000)
        step.advance(2000)
        step.stage("memberships", None)
        step.advance(2655)
        step.result = "47 calls"

    assert "\r" not in out.getvalue()
    first, *_, last = out.getvalue().splitlines()
    assert first == "    2,000/2,000 contacts"
    assert last.startswith(" 1. Pull everything ")
    assert last.endswith("47 calls    0.0 s")


def test_a_terminal_gets_one_line_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    screen = Screen()
    console = Console(screen)
    for _ in range(2):
        with console.step("Pull everything") as step:
            step.stage("properties and topics", 2000)
            step.result = "4,052 calls"

    drawn = re.split(r"\r\x1b\[K|\n", screen.getvalue())
    assert max(map(len, drawn)) < 80
    assert screen.getvalue().count("\n") == 2
    assert any(part.startswith(" 2. Pull everything  ....") for part in drawn)


def test_a_step_that_fails_leaves_its_line() -> None:
    screen = Screen()
    with pytest.raises(ValueError, match="no"), Console(screen).step("Pull everything"):
        raise ValueError("no")
    assert screen.getvalue().endswith(" 1. Pull everything\n")


@pytest.fixture
def undone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What ``Interrupts`` installs ends with the test."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_an_interrupt_in_a_finalizer_ends_the_demo_after_the_step(
    undone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pool:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    console = Console(io.StringIO(), Interrupts().check)
    with pytest.raises(KeyboardInterrupt), console.step("Pull everything"):
        Pool()
    assert capsys.readouterr().err == ""


def test_other_faults_in_finalizers_are_told(
    undone: None, capsys: pytest.CaptureFixture[str]
) -> None:
    class Pool:
        def __del__(self) -> None:
            raise ValueError("leaking")

    Interrupts()
    Pool()
    assert "leaking" in capsys.readouterr().err


def test_a_terminal_that_knows_no_umlauts_stops_nothing() -> None:
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    Console(screen).line("Zürich")
    screen.seek(0)
    assert screen.read() == "Z?rich\n"


def test_the_table_adds_up_and_fits_a_terminal() -> None:
    pull = Cost("pull everything", 2019, 2655, 4052, 6023)
    push = Cost("push the changes", 166, 90, 283, 555)

    lines = table([pull, push])

    total = "together                 2,185       2,745   4,335    434 s     6,578    658 s"
    assert lines[-1] == total
    assert max(map(len, (*lines, *EXPLANATION))) < 80


def test_a_loop_lists_pages_of_a_hundred_and_then_reads_each_contact() -> None:
    assert pull_loop(2000, (8, 5, 6), calls_a_contact=3) == 20 + 3 + 6000
