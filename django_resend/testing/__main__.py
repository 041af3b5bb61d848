"""`python -m django_resend.testing`: the fake as a server on loopback."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from .fake import FakeResend
from .quirks import UnknownQuirk, describe

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a number up to 65535")
    return int(text)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m django_resend.testing",
        description="A stateful fake of Resend's contact API, on loopback.",
        epilog=f"quirks (default first):\n{describe()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=8025, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", choices=_LOOPBACK)
    parser.add_argument(
        "--rate-limit", type=int, default=10, metavar="N", help="calls per second; 0: no limit"
    )
    parser.add_argument("--latency-ms", type=float, default=0, metavar="MS")
    parser.add_argument(
        "--api-key", action="append", metavar="KEY", help="accept this key; default re_test"
    )
    parser.add_argument("--webhook-url", metavar="URL", help="POST events there (loopback only)")
    parser.add_argument("--webhook-secret", metavar="whsec_...")
    parser.add_argument("--quirk", action="append", default=[], metavar="NAME=VALUE")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit code (2: the arguments are wrong)."""
    options = parser().parse_args(arguments)
    try:
        fake = FakeResend(
            api_keys=tuple(options.api_key or ("re_test",)),
            rate_limit=options.rate_limit,
            quirks=dict(quirk.partition("=")[::2] for quirk in options.quirk),
            webhook_url=options.webhook_url,
            webhook_secret=options.webhook_secret,
            latency_ms=options.latency_ms,
        )
        server = fake.serve(options.port, options.host)
    except UnknownQuirk as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 2
    wanted = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    with server:
        print(f"Fake Resend at {server.url}", flush=True)
        signal.sigwait(wanted)
    fake.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
