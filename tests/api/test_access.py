"""Who may do what, and what the host decides."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.test import APIClient
from rest_framework.views import APIView

from django_resend.models import Contact, ContactProperty, Segment, Topic

from .helpers import ROOT, UserMaker

PATHS = ["contacts/", "segments/", "properties/", "topics/"]
MODELS = {
    "contacts/": "contact",
    "segments/": "segment",
    "properties/": "contactproperty",
    "topics/": "topic",
}


class OnlyHelen(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.user.get_username() == "helen"


class Everybody(BasePermission):
    pass


@pytest.mark.parametrize("path", PATHS)
def test_the_addresses_have_names(path: str) -> None:
    name = {"properties/": "property"}.get(path, path.removesuffix("s/"))
    assert reverse(f"django_resend_api:{name}-list") == (ROOT + path).removesuffix("/")


@pytest.mark.parametrize("method", ["get", "head", "options", "post"])
@pytest.mark.parametrize("path", PATHS)
def test_nobody_gets_in_without_signing_in(path: str, method: str) -> None:
    response = getattr(APIClient(), method)(ROOT + path)
    assert response.status_code in {401, 403}


@pytest.mark.parametrize("method", ["get", "head", "options"])
@pytest.mark.parametrize("path", PATHS)
def test_reading_needs_the_permission_to_view(user_with: UserMaker, path: str, method: str) -> None:
    stranger = user_with(*(f"view_{model}" for model in MODELS.values() if model != MODELS[path]))
    assert getattr(stranger, method)(ROOT + path).status_code == 403
    User.objects.all().delete()
    reader = user_with(f"view_{MODELS[path]}")
    assert getattr(reader, method)(ROOT + path).status_code == 200


def test_a_session_opens_the_api(client: APIClient) -> None:
    visitor = APIClient()
    visitor.force_login(User.objects.get(username="grace"))
    assert visitor.get(f"{ROOT}contacts/").status_code == 200


WRITES: list[tuple[str, str, dict[str, Any], str]] = [
    ("post", "contacts/", {"email": "new@example.org"}, "add_contact"),
    ("patch", "contacts/{contact}/", {"first_name": "A"}, "change_contact"),
    ("post", "contacts/{contact}/segments/", {"segment": "{segment}"}, "change_contact"),
    ("delete", "contacts/{contact}/segments/{member}/", {}, "change_contact"),
    ("post", "contacts/{contact}/resubscribe/", {"reason": "asked"}, "change_contact"),
    (
        "post",
        "contacts/{contact}/topics/",
        {"topic": "{topic}", "subscription": "opt_out"},
        "change_contact",
    ),
    ("delete", "contacts/{contact}/", {}, "delete_contact"),
    ("post", "segments/", {"name": "New"}, "add_segment"),
    ("patch", "segments/{segment}/", {"name": "New"}, "change_segment"),
    ("post", "topics/", {"name": "New", "default_subscription": "opt_in"}, "add_topic"),
    ("post", "properties/", {"key": "new"}, "add_contactproperty"),
]


@pytest.fixture
def ids(contact: Contact) -> dict[str, int]:
    member = Segment.objects.create(name="Joined")
    contact.segments.add(member)
    return {
        "contact": contact.pk,
        "member": member.pk,
        "segment": Segment.objects.create(name="Members").pk,
        "topic": Topic.objects.create(name="News", default_subscription="opt_in").pk,
        "property": ContactProperty.objects.create(key="plan").pk,
    }


def send(
    client: APIClient, method: str, path: str, body: dict[str, Any], ids: dict[str, int]
) -> Any:
    filled = {
        key: value.format(**ids) if isinstance(value, str) else value for key, value in body.items()
    }
    return getattr(client, method)(ROOT + path.format(**ids), filled, format="json")


@pytest.mark.parametrize(("method", "path", "body", "needed"), WRITES)
def test_the_api_is_read_only_by_default(
    client: APIClient, ids: dict[str, int], method: str, path: str, body: Any, needed: str
) -> None:
    response = send(client, method, path, body, ids)
    assert response.status_code == 405
    assert "API_WRITABLE" in response.json()["detail"]
    assert not {"POST", "PATCH", "PUT", "DELETE"} & set(response["Allow"].split(", "))


@pytest.mark.parametrize(("method", "path", "body", "needed"), WRITES)
def test_each_write_needs_its_permission(
    writable: None,
    user_with: UserMaker,
    ids: dict[str, int],
    method: str,
    path: str,
    body: Any,
    needed: str,
) -> None:
    codes = [f"{verb}_{m}" for m in MODELS.values() for verb in ("view", "add", "change", "delete")]
    others = user_with(*(code for code in codes if code != needed))
    assert send(others, method, path, body, ids).status_code == 403
    User.objects.all().delete()
    holder = user_with(needed)
    assert send(holder, method, path, body, ids).status_code in {200, 201, 204}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", "contacts/{contact}/"),
        ("delete", "segments/{segment}/"),
        ("delete", "topics/{topic}/"),
        ("delete", "properties/{property}/"),
        ("patch", "topics/{topic}/"),
        ("patch", "properties/{property}/"),
    ],
)
def test_what_the_api_does_not_offer_stays_closed(
    writable: None, client: APIClient, ids: dict[str, int], method: str, path: str
) -> None:
    assert send(client, method, path, {}, ids).status_code == 405


def test_the_site_may_name_other_permissions(
    settings: Any, client: APIClient, user_with: UserMaker
) -> None:
    settings.RESEND = {
        **settings.RESEND,
        "API_PERMISSION_CLASSES": ["tests.api.test_access.OnlyHelen"],
    }
    assert client.get(f"{ROOT}contacts/").status_code == 403
    assert user_with().get(f"{ROOT}contacts/").status_code == 200


def test_nobody_opts_a_person_in_without_a_name(settings: Any, contact: Contact) -> None:
    settings.RESEND = {
        **settings.RESEND,
        "API_WRITABLE": True,
        "API_PERMISSION_CLASSES": ["tests.api.test_access.Everybody"],
    }
    Contact.objects.filter(pk=contact.pk).update(unsubscribed=True)
    url = f"{ROOT}contacts/{contact.pk}/resubscribe/"
    response = APIClient().post(url, {"reason": "asked"}, format="json")
    assert response.status_code in {401, 403}
    contact.refresh_from_db()
    assert contact.unsubscribed


def test_no_cache_keeps_personal_data(client: APIClient) -> None:
    assert "no-store" in client.get(f"{ROOT}contacts/")["Cache-Control"]


def test_answers_are_json_whatever_the_client_likes(client: APIClient) -> None:
    response = client.get(f"{ROOT}contacts/", {"format": "json"})
    assert response["Content-Type"] == "application/json"
    assert client.get(f"{ROOT}contacts/", HTTP_ACCEPT="text/html").status_code == 406


def test_forms_are_not_taken_for_json(writable: None, client: APIClient) -> None:
    body = {"email": "new@example.org"}
    assert client.post(f"{ROOT}contacts/", body, format="multipart").status_code == 415
