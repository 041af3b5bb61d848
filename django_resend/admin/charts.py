"""Small bar charts, drawn on the server: a bar a day, one or two series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ..models import SyncRun
from .confirm import Text

DAYS = 14
WIDTH, HEIGHT, FOOT = 560, 140, 20
"""In the picture's own units; the page scales it."""

COMING = ("_created", "_updated", "_deleted", "_changed")
"""The endings of a pull's counts that stand for a change here."""


@dataclass(frozen=True)
class Bar:
    series: int
    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass
class Chart:
    """``days`` with a value for each of the ``series``, and the bars that show them."""

    title: Text
    series: Sequence[Text]
    days: Sequence[date]
    values: Sequence[Sequence[int]]
    bars: list[Bar] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT + FOOT
    base: int = HEIGHT

    def __post_init__(self) -> None:
        self.most = max((max(row) for row in self.values), default=0)
        step = WIDTH / max(1, len(self.days))
        wide = step * 0.8 / len(self.series)
        for number, (day, row) in enumerate(zip(self.days, self.values, strict=True)):
            for series, value in enumerate(row):
                tall = HEIGHT * 0.9 * value / self.most if self.most else 0
                self.bars.append(
                    Bar(
                        series,
                        round(number * step + step * 0.1 + series * wide, 1),
                        round(HEIGHT - tall, 1),
                        round(wide, 1),
                        round(tall, 1),
                        f"{date_format(day, 'j M')}: {value} {self.series[series]}",
                    )
                )

    @property
    def rows(self) -> list[tuple[date, Sequence[int]]]:
        """The same as a table, for those who don't see the picture."""
        return list(zip(self.days, self.values, strict=True))

    @property
    def ticks(self) -> list[tuple[float, date]]:
        """Every other day, and where its name is written."""
        step = WIDTH / max(1, len(self.days))
        return [
            (round((number + 0.5) * step, 1), day)
            for number, day in enumerate(self.days)
            if number % 2 == 0
        ]


def recent_charts(now: datetime | None = None) -> list[Chart]:
    """Calls and changes of the last two weeks, from the sync runs."""
    today = timezone.localdate(now)
    days = [today - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]
    calls, sent, came = dict.fromkeys(days, 0), dict.fromkeys(days, 0), dict.fromkeys(days, 0)
    since = (now or timezone.now()) - timedelta(days=DAYS)
    runs = SyncRun.objects.filter(started_at__gte=since).order_by()
    for action, started_at, made, counts in runs.values_list(
        "action", "started_at", "calls", "counts"
    ).iterator(2000):
        day = timezone.localdate(started_at)
        if day not in calls:
            continue
        calls[day] += made
        if action == SyncRun.Action.PUSH:
            sent[day] += counts.get("done", 0)
        elif action == SyncRun.Action.PULL:
            came[day] += _coming(counts)
    return [
        Chart(_("Calls to Resend"), [_("calls")], days, [[calls[day]] for day in days]),
        Chart(
            _("Changes"),
            [_("sent to Resend"), _("come from Resend")],
            days,
            [[sent[day], came[day]] for day in days],
        ),
    ]


def _coming(counts: Mapping[str, Any]) -> int:
    return sum(count for name, count in counts.items() if name.endswith(COMING))
