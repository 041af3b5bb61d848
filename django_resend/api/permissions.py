"""Who may use the API, unless ``RESEND["API_PERMISSION_CLASSES"]`` names other classes."""

from __future__ import annotations

from django.contrib.auth import get_permission_codename
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView


class ModelPermissions(BasePermission):
    """Signed-in users with Django's permission on the view's model.

    Reading needs ``view``, creating ``add``, deleting ``delete``; all else, such as a membership
    or a topic choice of a contact, ``change``.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not getattr(request.user, "is_authenticated", False):
            return False
        if request.method in SAFE_METHODS:
            verb = "view"
        else:
            action = getattr(view, "action", None)
            verb = {"create": "add", "destroy": "delete"}.get(str(action), "change")
        options = view.queryset.model._meta  # type: ignore[attr-defined]  # a generic view's
        return request.user.has_perm(
            f"{options.app_label}.{get_permission_codename(verb, options)}"
        )
