"""Settings of the site that is tortured: the test site with a broker of files and a quick beat."""

from __future__ import annotations

from tests.settings import *  # noqa: F403  (settings build on settings)
from tests.settings import env

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
if CELERY_BROKER_URL.startswith("filesystem:"):
    folder = env.str("TORTURE_FOLDER")
    CELERY_BROKER_TRANSPORT = "example_project.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": folder,
        "data_folder_out": folder,
        "control_folder": f"{folder}/control",
    }
CELERY_BEAT_SCHEDULE = {
    "push": {"task": "django_resend.push", "schedule": 1.0, "options": {"expires": 5}},
    "pull": {"task": "django_resend.pull", "schedule": 4.0, "options": {"expires": 5}},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
