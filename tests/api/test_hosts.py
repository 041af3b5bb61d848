"""The API is the same in every host: only authentication and throttling are the host's affair."""

from __future__ import annotations

import json
import subprocess
import sys

from django.contrib.auth.models import User

from django_resend.models import Contact

from .helpers import ContactMaker

VISIT = """
import base64, json, django
django.setup()
from rest_framework.test import APIClient

client = APIClient()
anonymous = client.get("/mailing/v1/contacts/").status_code
key = base64.b64encode(b"grace:secret").decode()
client.credentials(HTTP_AUTHORIZATION=f"Basic {key}")
page = client.get("/mailing/v1/contacts/?page_size=2")
print(json.dumps({"anonymous": anonymous, "status": page.status_code, "page": page.json()}))
"""


def test_the_settings_of_rest_framework_change_nothing(
    child_env: dict[str, str], contacts: ContactMaker
) -> None:
    User.objects.create_superuser("grace", password="secret")
    rows = contacts(3)
    env = {**child_env, "DJANGO_SETTINGS_MODULE": "tests.api.hostile_host"}
    done = subprocess.run([sys.executable, "-c", VISIT], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["anonymous"], seen["status"]) == (401, 200)
    assert [row["id"] for row in seen["page"]["results"]] == [rows[0].pk, rows[1].pk]
    assert seen["page"]["next"]
    shown = seen["page"]["results"][0]["updated_at"]
    stored = Contact.objects.get(pk=rows[0].pk).updated_at
    assert shown == stored.isoformat().replace("+00:00", "Z")
