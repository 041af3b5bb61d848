"""The benchmarks' site: the app itself, and the slim tables of the scripts it is held against."""

from __future__ import annotations

import os

import environ

env = environ.Env()

SECRET_KEY = "only for benchmarks"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django_resend",
    "tests.benchmarks.plain",
]
DATABASES = {"default": env.db("DATABASE_URL")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 60,
    }
CACHES = {"default": env.cache("CACHE_URL", default="locmemcache://")}
CACHES["default"]["KEY_PREFIX"] = env.str("BENCHMARK_PREFIX", default="")
# As a site under load would: connecting anew costs more than a request.
DATABASES["default"]["CONN_MAX_AGE"] = None
CELERY_BROKER_URL = "memory://"
CELERY_TASK_IGNORE_RESULT = True
ROOT_URLCONF = "tests.benchmarks.urls"
ALLOWED_HOSTS = ["testserver"]
WEBHOOK_SECRET = "whsec_bWlycm9yLXRlc3Qtc2VjcmV0LTAxMjM0NTY3ODlhYmM="
RESEND = {
    "API_KEY": "re_test",
    "BASE_URL": env.str("RESEND_BASE_URL"),
    "LIMITER": env.str("BENCHMARK_LIMITER", default="database"),
    "WEBHOOK_SECRET": WEBHOOK_SECRET,
}
if "BENCHMARK_UNLIMITED" in os.environ:
    RESEND["RATE_LIMIT"] = 0
