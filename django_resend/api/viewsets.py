"""What all viewsets share. Nothing here depends on the site's ``REST_FRAMEWORK`` setting, but
for authentication and throttling, which are the site's own affair."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import IntegrityError, router, transaction
from django.db.models import QuerySet
from django.utils.cache import patch_cache_control
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from rest_framework import status
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from ..conf import resend_settings
from .filters import Filter, QueryStringFilters, by_sync_state
from .pagination import DefinitionPages
from .rows import with_sync_state
from .values import PortableJSONParser

READ_ONLY = _("This API is read-only. RESEND['API_WRITABLE'] = True in the settings opens it.")


class MirrorViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Any]):
    """Lists and shows the rows of ``queryset``; writes only where the site allows them."""

    renderer_classes = [JSONRenderer]
    parser_classes = [PortableJSONParser]
    pagination_class: Any = DefinitionPages
    filter_backends = [QueryStringFilters]
    versioning_class = None
    lookup_value_regex = "[0-9]+"
    filters: ClassVar[dict[str, Filter]] = {"sync_state": by_sync_state}

    def get_permissions(self) -> list[Any]:
        return [import_string(path)() for path in resend_settings.api_permission_classes]

    @property
    def allowed_methods(self) -> list[str]:
        methods = super().allowed_methods
        if resend_settings.api_writable:
            return methods
        return [method for method in methods if method in SAFE_METHODS]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS and not resend_settings.api_writable:
            raise MethodNotAllowed(str(request.method), detail=READ_ONLY)

    def finalize_response(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, *args, **kwargs)
        # Personal data: a cache that knows no tokens would show it to the next visitor.
        patch_cache_control(response, private=True, no_store=True)
        return response

    def get_queryset(self) -> QuerySet[Any]:
        rows = with_sync_state(super().get_queryset().order_by("id"))
        return rows if self.request.method in SAFE_METHODS else rows.select_for_update()

    def writing(self) -> transaction.Atomic:
        """One transaction for reading, checking and writing: all of a request, or nothing."""
        return transaction.atomic(using=router.db_for_write(super().get_queryset().model))

    def store(self, serializer: BaseSerializer[Any]) -> int:
        """Check and save; returns the row's id.

        Raises ``ValidationError``, also where another request stored its like in between.
        """
        serializer.is_valid(raise_exception=True)
        try:
            with self.writing():
                return int(serializer.save().pk)
        except IntegrityError:
            serializer.run_validation(serializer.initial_data)
            raise

    def answer(self, pk: int, code: int = status.HTTP_200_OK) -> Response:
        """The row as it is stored now."""
        return Response(self.get_serializer(self.get_queryset().get(pk=pk)).data, status=code)


class CreateMixin(MirrorViewSet):
    def create(self, request: Request, **kwargs: Any) -> Response:
        with self.writing():
            pk = self.store(self.get_serializer(data=request.data))
            return self.answer(pk, status.HTTP_201_CREATED)


class ChangeMixin(MirrorViewSet):
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        with self.writing():
            row = self.get_object()
            pk = self.store(self.get_serializer(row, data=request.data, partial=True))
            return self.answer(pk)
