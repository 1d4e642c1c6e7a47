"""The hand-over from results to figures: a result names its figure, the reporting package draws it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_FIGURES = "clustereffects.reporting.figures"


def draw(figure: str, result: Any, ax: Any = None, **options: Any) -> Any:
    """Draw a result with the figure function of that name.

    The package of figures is looked up at run time, because results lie below reporting: a result may say how it
    wants to be drawn, but must not depend on drawing.

    Parameters
    ----------
    figure : str
        Name of a function in ``clustereffects.reporting.figures``.
    result : object
    ax : matplotlib Axes, optional
    **options
        Passed on to the figure function.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    AttributeError
        If there is no figure of that name.

    Examples
    --------
    >>> draw("no_such_figure", None)
    Traceback (most recent call last):
    ...
    AttributeError: module 'clustereffects.reporting.figures' has no attribute 'no_such_figure'
    """
    return getattr(import_module(_FIGURES), figure)(result, ax=ax, **options)
