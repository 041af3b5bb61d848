"""The broker of files that the example site has where none is configured."""

from __future__ import annotations

from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection

OPTIONS = ("data_folder_in", "data_folder_out", "control_folder")


@pytest.fixture
def channel(tmp_path: Path) -> Any:
    options = {name: str(tmp_path) for name in OPTIONS}
    return Connection(
        "filesystem://localhost",
        transport="example_project.broker:Transport",
        transport_options={**options, "store_processed": False},
    ).default_channel


def test_messages_come_in_the_order_in_which_they_were_sent(channel: Any) -> None:
    for number in range(20):
        channel._put("celery", {"number": number})

    assert [channel._get("celery")["number"] for _ in range(20)] == list(range(20))
    with pytest.raises(Empty):
        channel._get("celery")


def test_a_worker_that_looks_while_a_message_is_written_sees_none(
    channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_text
    looked: list[str] = []

    def slowly(path: Path, text: str, **kwargs: Any) -> int:
        write(path, text[: len(text) // 2], **kwargs)
        with pytest.raises(Empty):
            channel._get("celery")
        looked.append(path.name)
        return write(path, text, **kwargs)

    monkeypatch.setattr(Path, "write_text", slowly)
    channel._put("celery", {"number": 1})

    assert looked
    assert channel._get("celery") == {"number": 1}
