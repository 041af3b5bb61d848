"""A small newsletter site that uses django-resend as any site would."""

from example_project.celery import app as celery_app

__all__ = ["celery_app"]
