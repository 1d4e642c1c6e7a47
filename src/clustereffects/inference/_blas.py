"""Linear algebra of blocks that fit the cache: a second thread would only wait for the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep the linear algebra library at one thread; usable as a decorator too."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    # Finding the loaded libraries takes a millisecond, limiting them microseconds.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
