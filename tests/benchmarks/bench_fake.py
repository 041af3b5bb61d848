"""Prints how many calls per second the fake serves, and what the big lists cost.

Usage, with the project installed: python tests/benchmarks/bench_fake.py
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import socket
import sys
import time
from multiprocessing.connection import Connection

from django_resend.testing import FakeResend

CALLS = 20_000
CONTACTS = 100_000
HEADERS = {"user-agent": "bench/1.0", "authorization": "Bearer re_test"}


def say(what: str, count: float, unit: str) -> None:
    sys.stdout.write(f"{what:<44}{count:>12,.1f} {unit}\n")


def timed(started: float) -> float:
    return time.perf_counter() - started


def call_many(port: int, target: str, calls: int, results: Connection) -> None:
    """A keep-alive client as lean as can be, so that the server is what is measured."""
    head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    request = f"GET {target} HTTP/1.1\r\nhost: fake\r\n{head}\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        started = time.perf_counter()
        for _ in range(calls):
            connection.sendall(request)
            received = connection.recv(65_536)
            while not received.endswith(b"}"):
                received += connection.recv(65_536)
        results.send(timed(started))


def small_calls(fake: FakeResend, clients: int) -> float:
    """Calls per second over keep-alive sockets, each client in its own process."""
    with fake.serve() as server:
        receiver, sender = multiprocessing.Pipe(duplex=False)
        arguments = (server.port, "/contacts/person5@example.org", CALLS // clients, sender)
        workers = [
            multiprocessing.Process(target=call_many, args=arguments) for _ in range(clients)
        ]
        for worker in workers:
            worker.start()
        slowest = max(receiver.recv() for _ in workers)
        for worker in workers:
            worker.join()
    return float(CALLS / slowest)


def walk(fake: FakeResend, target: str) -> int:
    """Rows seen by walking a whole list in process."""
    seen, cursor = 0, ""
    while True:
        page = json.loads(fake.handle("GET", f"{target}?limit=100{cursor}", HEADERS).body)
        seen += len(page["data"])
        if not page["has_more"]:
            return seen
        cursor = f"&after={page['data'][-1]['id']}"


def main() -> None:
    fake = FakeResend()
    started = time.perf_counter()
    fake.dashboard.seed(contacts=CONTACTS, segments=2, topics=3, properties=2)
    say(f"seed {CONTACTS:,} contacts", timed(started), "s")
    say("memory after it", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    started = time.perf_counter()
    rows = walk(fake, "/contacts")
    say(f"walk {rows:,} contacts", timed(started), "s")
    segment = next(iter(fake.team.store.segments))
    started = time.perf_counter()
    rows = walk(fake, f"/segments/{segment.id}/contacts")
    say(f"walk {rows:,} members", timed(started), "s")
    for clients in (1, 4):
        say(f"small calls, {clients} keep-alive client(s)", small_calls(fake, clients), "calls/s")
    started = time.perf_counter()
    for _ in range(CALLS):
        fake.handle("GET", "/contacts/person5@example.org", HEADERS)
    say("small calls, in process", CALLS / timed(started), "calls/s")


if __name__ == "__main__":
    main()
