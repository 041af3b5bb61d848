"""A slim mirror, for the contenders that aren't this project."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models


class Segment(models.Model):
    remote_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __str__(self) -> str:
        return self.name


class Topic(models.Model):
    remote_id = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=50)
    default_subscription = models.CharField(max_length=8)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __str__(self) -> str:
        return self.name


class Property(models.Model):
    remote_id = models.CharField(max_length=64, unique=True)
    key = models.CharField(max_length=50, unique=True)
    type = models.CharField(max_length=8)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __str__(self) -> str:
        return self.key


class Contact(models.Model):
    remote_id = models.CharField(max_length=64, unique=True, blank=True, default=None, null=True)
    email = models.EmailField(max_length=320, unique=True)
    first_name = models.TextField(blank=True, default="")
    last_name = models.TextField(blank=True, default="")
    unsubscribed = models.BooleanField(default=False)
    properties = models.JSONField(default=dict)
    segments: models.ManyToManyField[Segment, Any] = models.ManyToManyField(
        Segment, related_name="contacts"
    )

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __str__(self) -> str:
        return self.email


class Choice(models.Model):
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="choices")
    topic = models.ForeignKey(Topic, on_delete=models.CASCADE)
    subscription = models.CharField(max_length=8)

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "topic"], name="plain_choice_once")
        ]

    def __str__(self) -> str:
        return f"{self.topic}: {self.subscription}"


class PlainEvent(models.Model):
    message_id = models.CharField(max_length=255, unique=True)
    payload = models.JSONField()

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    def __str__(self) -> str:
        return self.message_id
