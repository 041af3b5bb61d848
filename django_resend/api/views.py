"""The four resources."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from ..models import Contact, ContactProperty, Segment, Subscription, Topic
from . import filters
from .contact_serializers import (
    ChoiceSerializer,
    ContactSerializer,
    MembershipSerializer,
    ResubscribeSerializer,
    store_choices,
)
from .pagination import ContactPages
from .rows import with_links
from .serializers import (
    PropertySerializer,
    SegmentDetailSerializer,
    SegmentSerializer,
    TopicSerializer,
)
from .viewsets import ChangeMixin, CreateMixin


class ContactViewSet(CreateMixin, ChangeMixin):
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    pagination_class = ContactPages
    filters: ClassVar[dict[str, filters.Filter]] = {
        "email": filters.by_email,
        "search": filters.by_search,
        "segment": filters.by_segment,
        "topic": filters.by_topic,
        "subscription": filters.by_subscription,
        "unsubscribed": filters.by_unsubscribed,
        "suppressed": filters.by_suppressed,
        "updated_after": filters.by_updated_after,
        "sync_state": filters.by_sync_state,
    }

    def get_queryset(self) -> QuerySet[Any]:
        return with_links(super().get_queryset())

    def destroy(self, request: Request, **kwargs: Any) -> Response:
        with self.writing():
            self.get_object().delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    @action(detail=True, methods=["post"])
    def resubscribe(self, request: Request, **kwargs: Any) -> Response:
        """Opt the person in again; a person who is subscribed stays so and nothing is recorded."""
        with self.writing():
            contact = self.get_object()
            said = checked(ResubscribeSerializer(data=request.data))
            if contact.unsubscribed:
                contact.resubscribe(by=who(request), reason=said["reason"])
            return self.answer(contact.pk)

    @action(detail=True, methods=["post"])
    def topics(self, request: Request, **kwargs: Any) -> Response:
        """Store a topic choice; opting in is recorded with the user and the reason."""
        with self.writing():
            contact = self.get_object()
            said = checked(ChoiceSerializer(data=request.data))
            choice = {said["topic"]: said["subscription"]}
            chosen = contact.topicsubscription_set.filter(
                topic=said["topic"], subscription=said["subscription"]
            )
            if said["subscription"] == Subscription.OPT_OUT:
                store_choices(contact, choice)
            elif not chosen.exists():
                contact.opt_in(said["topic"], by=who(request), reason=said["reason"])
            return self.answer(contact.pk)

    @action(detail=True, methods=["post"], url_path="segments")
    def add_segment(self, request: Request, **kwargs: Any) -> Response:
        with self.writing():
            contact = self.get_object()
            contact.segments.add(checked(MembershipSerializer(data=request.data))["segment"])
            return self.answer(contact.pk)

    @action(detail=True, methods=["delete"], url_path="segments/(?P<segment>[0-9]+)")
    def remove_segment(self, request: Request, segment: str, **kwargs: Any) -> Response:
        with self.writing():
            contact = self.get_object()
            contact.segments.remove(get_object_or_404(contact.segments, pk=segment))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SegmentViewSet(CreateMixin, ChangeMixin):
    queryset = Segment.objects.all()

    def get_serializer_class(self) -> type[SegmentSerializer]:
        return SegmentSerializer if self.action == "list" else SegmentDetailSerializer


class TopicViewSet(CreateMixin):
    queryset = Topic.objects.all()
    serializer_class = TopicSerializer


class PropertyViewSet(CreateMixin):
    queryset = ContactProperty.objects.all()
    serializer_class = PropertySerializer


def checked(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    said: dict[str, Any] = serializer.validated_data
    return said


def who(request: Request) -> str:
    """The name for the consent log, also where the site's permissions ask for nobody's.

    Raises ``NotAuthenticated``.
    """
    if not getattr(request.user, "is_authenticated", False):
        raise NotAuthenticated()
    return str(request.user.get_username())
