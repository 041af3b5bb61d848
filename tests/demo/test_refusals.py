"""When the demo does not start, and what `--live` may do."""

from __future__ import annotations

from pathlib import Path

from django_resend.testing import FakeResend

from .conftest import Site


def test_a_real_key_is_refused_before_anything_starts(site: Site) -> None:
    code, output = site.run("--once", RESEND_API_KEY="re_real_123")

    assert code == 2
    assert "A real Resend API key is set" in output
    assert "--live" in output
    assert "re_real_123" not in output
    assert not (site.home / "var" / "demo").exists()


def test_live_needs_a_real_key(site: Site) -> None:
    for key in ("", "re_test"):
        code, output = site.run("--live", "--once", RESEND_API_KEY=key)
        assert code == 2
        assert "--live needs your Resend API key" in output


def test_live_pulls_and_writes_nothing(site: Site) -> None:
    fake = FakeResend(api_keys=("re_real_123",))
    fake.dashboard.seed(30, segments=2, topics=1, properties=1)
    with fake.serve() as server:
        before = fake.state()
        code, output = site.run(
            "--live", "--once", RESEND_API_KEY="re_real_123", RESEND_BASE_URL=server.url
        )

    assert code == 0, output
    assert "30 contacts, 2 segments, 30 memberships" in output
    assert {route.split()[0] for route in fake.ledger.by_route} == {"GET"}
    assert fake.state() == before


def test_without_the_sdk_it_says_how_to_install_it(site: Site, tmp_path: Path) -> None:
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text("import sys; sys.modules['resend'] = None")

    code, output = site.run("--once", PYTHONPATH=str(hook))

    assert code == 2
    assert "pip install -e '.[demo]'" in output


def test_a_port_must_be_one(site: Site) -> None:
    code, output = site.run("--port", "70000")

    assert code == 2
    assert "a port is a number from 1 to 65535" in output
