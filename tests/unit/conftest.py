"""Regions that are simulated once per session and copied for each test."""

import shutil
from pathlib import Path

import pytest

from support.regions import write_region


@pytest.fixture(scope="session")
def pristine(tmp_path_factory) -> Path:
    """A small region that nobody changes."""
    folder = tmp_path_factory.mktemp("pristine") / "region"
    write_region(folder)
    return folder


@pytest.fixture
def region(pristine, tmp_path) -> Path:
    """A copy of the small region for one test to spoil."""
    return Path(shutil.copytree(pristine, tmp_path / "region"))
