"""Sphinx: turns the Markdown pages of this folder into a site."""

project = "django-resend"
extensions = ["myst_parser"]
html_theme = "furo"
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
