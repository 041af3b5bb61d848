"""Running a command as an operator does, and reading what it says."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any, NamedTuple

from django.core.management import CommandError, call_command


class Outcome(NamedTuple):
    """Exit code, standard output, and standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def run(*arguments: str, stderr: StringIO | None = None) -> Outcome:
    """Run a command in this process; its error becomes what manage.py would print."""
    out, err = StringIO(), stderr or StringIO()
    code = 0
    try:
        call_command(*arguments, stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"CommandError: {error}\n")
        code = error.returncode
    except SystemExit as ended:
        code = int(ended.code or 0)
    return Outcome(code, out.getvalue(), err.getvalue())
