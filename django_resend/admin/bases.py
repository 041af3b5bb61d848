"""Django's admin classes with the type arguments that they take only while types are checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.forms.models import BaseInlineFormSet, ModelMultipleChoiceField

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
    TabularInline = admin.TabularInline[Any, Any]
    InlineFormSet = BaseInlineFormSet[Any, Any, Any]
    ModelForm = forms.ModelForm[Any]
    MultipleChoiceField = ModelMultipleChoiceField[Any]
else:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
    InlineFormSet = BaseInlineFormSet
    ModelForm = forms.ModelForm
    MultipleChoiceField = ModelMultipleChoiceField

__all__ = ["InlineFormSet", "ModelAdmin", "ModelForm", "MultipleChoiceField", "TabularInline"]
