"""Keys and secrets never show, whatever the vendor echoes."""

from __future__ import annotations

import logging
import pickle
import string
import traceback
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from django_resend.client import Client, errors
from django_resend.client.errors import ResendError
from django_resend.client.redact import HIDDEN, presentable, redact
from tests.client.canned import BASE_URL, answer, client_of

TOKEN = string.ascii_letters + string.digits
KEYS = st.text(TOKEN + "_", min_size=8, max_size=40).map("re_".__add__)
OTHER_KEYS = st.text(TOKEN + string.punctuation, min_size=12, max_size=40).map("Zq9".__add__)
SECRETS = st.text(TOKEN + "+/", min_size=8, max_size=40).map(lambda text: f"whsec_{text}==")


def visible(error: BaseException) -> Iterator[str]:
    """Yield every text in which a person or a tool may see the error."""
    yield str(error)
    yield repr(error)
    yield repr(error.args)
    yield repr(vars(error))
    yield "".join(traceback.format_exception(error))
    yield pickle.dumps(error).decode("latin-1")
    for linked in (error.__cause__, error.__context__):
        if linked:
            yield from visible(linked)
            request = getattr(linked, "request", None)
            yield repr(getattr(request, "headers", None))


def local_variables(error: BaseException) -> Iterator[str]:
    """Yield what tools that report errors print of the client's frames."""
    trace = error.__traceback__
    while trace:
        if "django_resend" in trace.tb_frame.f_code.co_filename:
            yield repr(trace.tb_frame.f_locals)
        trace = trace.tb_next


class Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage() + repr(vars(record)))


@pytest.fixture(scope="module")
def heard() -> Iterator[Heard]:
    handler = Heard()
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(level)


@given(
    key=KEYS | OTHER_KEYS,
    secret=SECRETS,
    status=st.sampled_from([200, 302, 400, 401, 403, 404, 409, 422, 429, 451, 500, 503]),
    shape=st.sampled_from(["message", "name", "body", "id", "quoted"]),
)
def test_no_key_shows_in_an_error_though_the_vendor_echoes_it(
    heard: Heard, key: str, secret: str, status: int, shape: str
) -> None:
    echo = f"Key {key} and secret {secret} (Bearer {key}) are bad: {key}."
    bodies: dict[str, object] = {
        "message": {"name": "validation_error", "message": echo},
        "name": {"name": echo, "message": "no"},
        "body": echo.encode(),
        "id": {"object": "contact", "token": echo},
        "quoted": {"message": f"?key={quote(key, safe='')}&secret={quote(secret, safe='')}"},
    }
    heard.lines.clear()
    client, _ = client_of(lambda _: answer(status, bodies[shape]), key=key)
    with pytest.raises(ResendError) as caught:
        client.contacts.get("c1")
    seen = [*visible(caught.value), *heard.lines, repr(client), repr(client.session.auth)]
    hidden = {key, secret, quote(key, safe=""), quote(secret, safe="")}
    assert not [text for text in seen for part in hidden if part in text]


@given(key=KEYS | OTHER_KEYS, status=st.sampled_from([302, 401, 403, 422, 429, 500]))
def test_no_key_is_in_the_local_variables_of_a_refusal(key: str, status: int) -> None:
    client, _ = client_of(lambda _: answer(status, f"bad key {key}".encode()), key=key)
    with pytest.raises(ResendError) as caught:
        client.contacts.update("c1", {"first_name": "Ada"})
    shown = list(local_variables(caught.value))
    assert shown
    assert not [text for text in shown if key in text]


@given(key=KEYS | OTHER_KEYS, lost=st.booleans())
def test_no_key_shows_when_the_connection_fails(heard: Heard, key: str, lost: bool) -> None:
    def fail(request: requests.PreparedRequest) -> urllib3.HTTPResponse:
        fault = requests.ReadTimeout if lost else requests.ConnectTimeout
        raise fault(f"{request.headers} timed out", request=request)

    heard.lines.clear()
    client, _ = client_of(fail, key=key)
    with pytest.raises(errors.AnswerLost if lost else errors.Unreachable) as caught:
        client.contacts.get("ada@example.org")
    seen = [*visible(caught.value), *local_variables(caught.value), *heard.lines]
    assert not [text for text in seen if key in text]
    assert not [line for line in heard.lines if "ada" in line]


@pytest.mark.parametrize("thing", ["client", "session", "auth", "resource"])
def test_what_holds_the_key_is_not_pickled(thing: str) -> None:
    client = Client("re_never_pickled", base_url=BASE_URL)
    things = {
        "client": client,
        "session": client.session,
        "auth": client.session.auth,
        "resource": client.contacts,
    }
    with pytest.raises(TypeError):
        pickle.dumps(things[thing])


@pytest.mark.parametrize(
    "key", ["", " ", "re_a b", "re_abc\n", "re_\u00e9t\u00e9", "re_\x7f", "re_“q”"]
)
def test_a_key_that_cannot_be_one_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        Client(key)
    assert len(key) < 2 or key not in str(caught.value)


def test_words_that_only_resemble_a_key_stay() -> None:
    text = "more_info: missing_re_try, core_value, restricted_api_key"
    assert redact(text) == text


def test_a_key_at_the_cut_of_a_long_text_leaves_no_half() -> None:
    shown = presentable("x" * 490 + " re_0123456789abcdef", length=500)
    assert "re_0" not in shown
    assert redact("re_0123456789") == HIDDEN


def test_a_signing_secret_is_not_in_the_repr_of_its_row() -> None:
    told = {"id": "w1", "signing_secret": "whsec_c2VjcmV0"}
    client, _ = client_of(lambda _: answer(201, told))
    row = client.webhooks.create("https://example.org/hook", ["contact.created"])
    assert row.signing_secret == "whsec_c2VjcmV0"
    assert "whsec_" not in repr(row)
