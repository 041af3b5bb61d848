"""Proves that the wheel works in a stranger's project, with nothing of this tree beside it.

Builds the sdist and the wheel from it, compares the wheel with the source tree, installs it into a
fresh virtual environment, adds the app to a fresh Django project and uses it there. Needs `build`
and a package index; tox's `wheel` environment runs it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGE = "django_resend"
MUST_HOLD = {
    "py.typed": r"py\.typed",
    "a migration": r"migrations/0001_\w+\.py",
    "a template": r"templates/.+\.html",
    "a static file": r"static/.+",
    "a compiled translation": r"locale/.+\.mo",
}
SITE_SETTINGS = """
INSTALLED_APPS += ["rest_framework", "django_resend"]
RESEND = {"API_KEY": "re_test", "BASE_URL": "%s", "WEBHOOK_SECRET": "whsec_c2VjcmV0"}
CELERY_BROKER_URL = "memory://"
"""
SITE_URLS = """
from django.urls import include
urlpatterns += [
    path("api/", include("django_resend.api.urls")),
    path("resend/", include("django_resend.urls")),
]
"""


def run(*command: str | Path, cwd: Path) -> None:
    print("$", *command, flush=True)
    # A stranger's environment has neither this tree on its path nor our settings.
    env = {
        key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "PYTHON"))
    }
    subprocess.run([str(part) for part in command], cwd=cwd, env=env, check=True)


def build(into: Path) -> Path:
    run(sys.executable, "-m", "build", "--outdir", into, ROOT, cwd=into)
    (wheel,) = into.glob("*.whl")
    return wheel


def source_files() -> set[str]:
    files = (ROOT / PACKAGE).rglob("*")
    return {
        str(path.relative_to(ROOT))
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def check_contents(wheel: Path) -> None:
    """The wheel holds the package's files, all of them, and no other code."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    problems = [f"missing from the wheel: {name}" for name in sorted(source_files() - names)]
    problems += [f"should not be in the wheel: {name}" for name in sorted(names - source_files())]
    for what, pattern in MUST_HOLD.items():
        if not any(re.fullmatch(f"{PACKAGE}/{pattern}", name) for name in names):
            problems.append(f"missing from the wheel: {what}")
    if problems:
        raise SystemExit("\n".join(problems))
    print(f"{wheel.name}: {len(names)} files, as in the source tree")


@contextmanager
def fake_resend(python: Path, cwd: Path) -> Iterator[str]:
    """Serve the fake that the wheel ships; gives its address."""
    command = [str(python), "-m", f"{PACKAGE}.testing", "--port", "0"]
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            address = re.search(r"http://127\.0\.0\.1:\d+", line)
            if not address:
                raise SystemExit(f"The fake did not print its address, but: {line!r}")
            yield address[0]
        finally:
            server.terminate()
            if server.wait(timeout=10):
                raise SystemExit(f"The fake ended with exit code {server.returncode}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        wheel = build(work)
        check_contents(wheel)
        venv.create(work / "venv", with_pip=True)
        bin_dir = work / "venv" / ("Scripts" if os.name == "nt" else "bin")
        python = bin_dir / "python"
        run(python, "-m", "pip", "install", "--quiet", wheel, cwd=work)
        run(bin_dir / "django-admin", "startproject", "site1", cwd=work)
        site = work / "site1"
        with fake_resend(python, work) as url:
            with (site / "site1" / "settings.py").open("a") as settings:
                settings.write(SITE_SETTINGS % url)
            with (site / "site1" / "urls.py").open("a") as urls:
                urls.write(SITE_URLS)
            manage = (python, "-W", "error", "manage.py")
            run(*manage, "makemigrations", "--check", "--dry-run", cwd=site)
            run(*manage, "migrate", "--verbosity", "0", cwd=site)
            run(*manage, "check", "--fail-level", "WARNING", cwd=site)
            (site / "visit_site.py").write_text((HERE / "visit_site.py").read_text())
            run(python, "visit_site.py", "fill", url, cwd=site)
            run(*manage, "resend_pull", cwd=site)
            run(python, "visit_site.py", "visit", cwd=site)
    print("The wheel works in a fresh project.")


if __name__ == "__main__":
    main()
