"""The app's configuration."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DjangoResendConfig(AppConfig):
    name = "django_resend"
    verbose_name = _("Resend")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registers the system checks)
        from .csvfiles import jobs  # noqa: F401  (registers its operations)
        from .signals import job_queued, outbox_changed
        from .sync.jobs import contacts, engine  # noqa: F401  (registers the operations)
        from .tasks import ask_for_jobs, ask_for_push

        outbox_changed.connect(ask_for_push, dispatch_uid="django_resend.ask_for_push")
        job_queued.connect(ask_for_jobs, dispatch_uid="django_resend.ask_for_jobs")
