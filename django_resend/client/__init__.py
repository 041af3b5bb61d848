"""Resend's HTTP API as Python objects. Knows no Django."""

from django_resend.client import errors
from django_resend.client.answers import Reply
from django_resend.client.client import Client
from django_resend.client.paging import Page
from django_resend.client.rows import MISSING, Missing
from django_resend.client.transport import Throttle

__all__ = ["MISSING", "Client", "Missing", "Page", "Reply", "Throttle", "errors"]
