"""Largest values of a function over a box, by a search along lines from several starts."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
#: Value of each point (n, dimensions) for the function whose number stands beside it (n,).
Values: TypeAlias = Callable[[FloatArray, IntArray], FloatArray]

#: How often the neighbourhood of the best value on a line is divided again, into how many parts; sweeps over all lines.
_ZOOMS, _PARTS, _SWEEPS = 3, 8, 12
#: Values of each input in the grid of starts, by the number of inputs; of more inputs the ends only, up to ten inputs.
_START_STEPS = {1: 2, 2: 9, 3: 5, 4: 3, 5: 3}
_MOST_CORNERS = 10
_STARTS = 3
_SMALLEST_GAIN = 1e-4


def largest_in_box(
    values: Values, low: FloatArray, high: FloatArray, functions: IntArray, points: int = 33
) -> tuple[FloatArray, FloatArray]:
    """Where in a box each of several functions is largest, and how large.

    Parameters
    ----------
    values : callable
        Takes points of shape (n, dimensions) and the number of a function for each, returns n values.
    low, high : array, shape (dimensions,)
    functions : array of int, shape (functions,)
        Numbers of the functions.
    points : int
        How many values are tried on a line at first.

    Returns
    -------
    points : array, shape (functions, dimensions)
    values : array, shape (functions,)

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    A search, not a proof: from the best three local maxima of a coarse grid that holds the corners, along each input in
    turn and along the way the last turn has led, the interval around the best value on a line divided by 8 three times. Corners are all there for up to ten inputs; with more, the search starts from the middle and from two
    opposite corners.

    Examples
    --------
    >>> import numpy as np
    >>> hill = lambda x, f: -((x - np.array([0.3, 0.7])) ** 2).sum(axis=1)
    >>> largest_in_box(hill, np.zeros(2), np.ones(2), np.array([0]))[0].round(3).tolist()
    [[0.3, 0.7]]
    """
    if not low.size:
        nowhere = np.zeros((functions.size, 0))
        return nowhere, values(nowhere, functions)
    found, best, function = _starts(values, low, high, functions)
    for _ in range(_SWEEPS if low.size > 1 else 1):
        before, worth = found, best
        for direction in np.eye(low.size):
            way = np.broadcast_to(direction, found.shape)
            found, best = _along(values, (found, best, function), way, (low, high), points)
        if low.size > 1:
            found, best = _along(values, (found, best, function), found - before, (low, high), points)
        if (best - worth <= _SMALLEST_GAIN).all():
            break
    top = [np.flatnonzero(function == one)[best[function == one].argmax()] for one in functions]
    return found[top], best[top]


def _starts(
    values: Values, low: FloatArray, high: FloatArray, functions: IntArray
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Highest local maxima of each function on a coarse grid: points, values and functions."""
    steps = _START_STEPS.get(low.size, 2)
    axis = np.linspace(0, 1, steps)
    if low.size <= _MOST_CORNERS:
        share = np.array(list(product(axis, repeat=low.size)))
    else:
        share = np.repeat([[0.0], [0.5], [1.0]], low.size, axis=1)
    grid = low + share * (high - low)
    height = values(np.tile(grid, (functions.size, 1)), np.repeat(functions, len(grid))).reshape(functions.size, -1)
    points, best, function = [], [], []
    near = (
        np.abs(share[:, None] - share).max(axis=2) <= 1.01 / max(steps - 1, 1) if steps > 2 else np.eye(len(grid)) > 0
    )
    for one, row in zip(functions, height, strict=True):
        summit = np.flatnonzero(row >= np.where(near, row, -np.inf).max(axis=1))
        chosen = summit[np.argsort(-row[summit], kind="stable")][:_STARTS]
        points.append(grid[chosen])
        best.append(row[chosen])
        function.append(np.full(chosen.size, one))
    return np.concatenate(points), np.concatenate(best), np.concatenate(function)


def _along(
    values: Values,
    state: tuple[FloatArray, FloatArray, IntArray],
    direction: FloatArray,
    box: tuple[FloatArray, FloatArray],
    width: int,
) -> tuple[FloatArray, FloatArray]:
    """Points and values after a search along a line through each point, as far as the box reaches."""
    points, best, function = state
    start, stop = _reach(points, direction, box)
    row = np.arange(best.size)
    for _ in range(_ZOOMS + 1):
        way = start[:, None] + (stop - start)[:, None] * np.linspace(0, 1, width)
        tried = np.clip(points[:, None] + way[:, :, None] * direction[:, None], *box)
        value = values(tried.reshape(-1, direction.shape[1]), np.repeat(function, width)).reshape(-1, width)
        top = value.argmax(axis=1)
        better = value[row, top] > best
        best = np.where(better, value[row, top], best)
        moved = np.where(better, way[row, top], 0.0)
        step = (stop - start) / (width - 1)
        points = np.clip(points + moved[:, None] * direction, *box)
        start, stop = np.maximum(start - moved, -step), np.minimum(stop - moved, step)
        width = _PARTS + 1
    return points, best


def _reach(
    points: FloatArray, direction: FloatArray, box: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """How many times the direction each point can be moved backwards and forwards without leaving the box."""
    still = direction == 0
    divisor = np.where(still, 1.0, direction)
    ends = np.stack([(box[0] - points) / divisor, (box[1] - points) / divisor])
    back = np.where(still, -np.inf, ends.min(axis=0)).max(axis=1)
    ahead = np.where(still, np.inf, ends.max(axis=0)).min(axis=1)
    idle = still.all(axis=1)
    return np.where(idle, 0.0, back), np.where(idle, 0.0, ahead)
