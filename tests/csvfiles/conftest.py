"""Where uploads go in these tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def uploads_folder(settings: Any, tmp_path: Path) -> Path:
    """The folder in the default storage that holds the uploaded files."""
    from django_resend.csvfiles.uploads import FOLDER

    settings.MEDIA_ROOT = str(tmp_path)
    folder = tmp_path / FOLDER
    folder.mkdir()
    return folder
