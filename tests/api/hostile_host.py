"""A host whose REST framework settings are all different from what our API wants."""

from __future__ import annotations

from typing import Any

from tests.settings import *  # noqa: F403  (settings modules extend each other this way)

ROOT_URLCONF = "tests.api.urls"
ALLOWED_HOSTS = ["testserver"]

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_FILTER_BACKENDS": ["rest_framework.filters.SearchFilter"],
    "DEFAULT_PAGINATION_CLASS": None,
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.StaticHTMLRenderer"],
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.NamespaceVersioning",
    "ALLOWED_VERSIONS": ["v9"],
    "DATETIME_FORMAT": "%d.%m.%Y",
    "PAGE_SIZE": 1,
    "UNAUTHENTICATED_USER": None,
}
