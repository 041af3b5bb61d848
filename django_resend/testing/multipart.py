"""The parts of a multipart/form-data body."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser

from .replies import invalid


def form_parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """Part name -> content; 422 when the body isn't multipart."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise invalid("The request body must be multipart/form-data.")
    parts: dict[str, bytes] = {}
    for chunk in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
        head, _, content = chunk.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = BytesParser().parsebytes(head).get_param("name", header="content-disposition")
        if isinstance(name, str):
            parts[name] = content
    return parts
