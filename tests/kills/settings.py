"""The test site with a broker that a worker in another process can read: a folder."""

from __future__ import annotations

from pathlib import Path

from tests.settings import *  # noqa: F403  (Django's own way to vary settings)
from tests.settings import env

_FOLDER = Path(env.str("TEST_BROKER_DIR"))
CELERY_BROKER_URL = "filesystem://localhost"
CELERY_BROKER_TRANSPORT = "example_project.broker:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": str(_FOLDER / "messages"),
    "data_folder_out": str(_FOLDER / "messages"),
    "control_folder": str(_FOLDER / "control"),
    "store_processed": False,
}
