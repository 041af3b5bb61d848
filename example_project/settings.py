"""Settings of the example site. The defaults need no server; the environment replaces them.

Read from the environment: DEBUG, SECRET_KEY, ALLOWED_HOSTS, VAR_DIR, DATABASE_URL, CACHE_URL,
CELERY_BROKER_URL, and by django-resend itself RESEND_API_KEY, RESEND_WEBHOOK_SECRET,
RESEND_BASE_URL and RESEND_DIRECTION.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import environ

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = env.bool("DEBUG", default=True)
SECRET_KEY = env.str("SECRET_KEY", default="for-development-only") if DEBUG else env("SECRET_KEY")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_resend",
    "example_project.newsletter",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
ASGI_APPLICATION = "example_project.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

SQLITE_URL = f"sqlite:///{quote(str(VAR_DIR / 'db.sqlite3'))}"
DATABASES = {"default": env.db("DATABASE_URL", default=SQLITE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # The site, the worker and the commands write to one file: readers must not block the writer,
    # and a second writer must wait for its turn instead of failing.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost")
if CELERY_BROKER_URL.startswith("filesystem:"):
    BROKER_DIR = VAR_DIR / "broker"
    for folder in ("messages", "control"):
        (BROKER_DIR / folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT = "example_project.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # One folder: the site publishes where the worker reads.
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "store_processed": False,
        # Looked into so often, in seconds: a webhook's news should not wait.
        "polling_interval": 0.1,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
# A task that waited past its successor's start is dropped: a stopped worker finds no backlog.
CELERY_BEAT_SCHEDULE = {
    "push local changes": {
        "task": "django_resend.push",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "apply webhooks": {
        "task": "django_resend.apply_events",
        "schedule": 60,
        "options": {"expires": 60},
    },
    "pull remote changes": {
        "task": "django_resend.pull",
        "schedule": 15 * 60,
        "options": {"expires": 15 * 60},
    },
    "pull properties and subscriptions": {
        "task": "django_resend.deep_pull",
        "schedule": 60 * 60,
        "options": {"expires": 60 * 60},
    },
    "check the webhook": {
        "task": "django_resend.check_webhook",
        "schedule": 24 * 60 * 60,
        "options": {"expires": 24 * 60 * 60},
    },
    "delete old bookkeeping": {
        "task": "django_resend.clean_up",
        "schedule": 24 * 60 * 60,
        "options": {"expires": 24 * 60 * 60},
    },
}
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")

# The API key and the webhook secret come from RESEND_API_KEY and RESEND_WEBHOOK_SECRET.
RESEND = {"CONFLICTS": "remote"}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_resend": {"handlers": ["console"], "level": "INFO"}},
}
