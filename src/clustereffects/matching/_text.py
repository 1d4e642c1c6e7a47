"""Values as text: codes that may have come as numbers, and their leading characters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

_SEPARATORS = re.compile(r"[^0-9A-Za-z]")


def text_of(value: Any) -> str:
    """A value as text; whole numbers without a decimal point."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value)


def as_texts(values: Iterable[Any]) -> list[str]:
    """Values as text."""
    return [text_of(value) for value in values]


def leading(code: str, digits: int) -> str | None:
    """First characters of a code, separators left out; None if it is shorter, so that it is not known so finely."""
    plain = _SEPARATORS.sub("", code)
    return plain[:digits] if len(plain) >= digits else None
