"""The API's addresses; include them under any prefix: ``include("django_resend.api.urls")``."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from .views import ContactViewSet, PropertyViewSet, SegmentViewSet, TopicViewSet

app_name = "django_resend_api"

router = SimpleRouter()
# With or without the slash: a POST to the other form would lose its body in a redirect.
router.trailing_slash = "/?"
router.register("contacts", ContactViewSet, basename="contact")
router.register("segments", SegmentViewSet, basename="segment")
router.register("properties", PropertyViewSet, basename="property")
router.register("topics", TopicViewSet, basename="topic")

urlpatterns = router.urls
