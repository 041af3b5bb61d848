from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class SignUpForm(forms.Form):
    email = forms.EmailField(label=_("Your e-mail address"), max_length=320)
    first_name = forms.CharField(label=_("First name"), max_length=100, required=False)
