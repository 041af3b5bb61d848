"""The example site under a strict content security policy."""

from __future__ import annotations

from example_project.settings import *  # noqa: F403  (Django's own way to vary settings)
from example_project.settings import MIDDLEWARE, env

MIDDLEWARE = ["tests.browser.policy.strict_policy", *MIDDLEWARE]
LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
