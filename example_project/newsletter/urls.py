from __future__ import annotations

from django.urls import path

from example_project.newsletter import views

app_name = "newsletter"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-up/", views.sign_up, name="sign-up"),
]
