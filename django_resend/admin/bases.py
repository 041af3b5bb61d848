"""Django's admin classes with the type arguments that they take only while types are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.forms.models import BaseInlineFormSet, ModelChoiceField, ModelMultipleChoiceField

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    InlineFormSet = BaseInlineFormSet[Any, Any, Any]
    ModelForm = forms.ModelForm[Any]
    ChoiceField = ModelChoiceField[Any]
    BasePaginator = Paginator[Any]
    MultipleChoiceField = ModelMultipleChoiceField[Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    InlineFormSet = BaseInlineFormSet
    ModelForm = forms.ModelForm
    ChoiceField = ModelChoiceField
    BasePaginator = Paginator
    MultipleChoiceField = ModelMultipleChoiceField

__all__ = [
    "BasePaginator",
    "ChoiceField",
    "InlineFormSet",
    "ModelAdmin",
    "ModelForm",
    "MultipleChoiceField",
    "TabularInline",
]
