"""Columns of a frame by name: which are missing, which occur twice."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from clustereffects.errors import ColumnError, PanelError, Problem

_SHOWN = 3


def missing_columns(wanted: Iterable[str], present: Sequence[Hashable], what: str = "the frame") -> list[Problem]:
    """Problems for columns that are not there, with close matches as a hint.

    Parameters
    ----------
    wanted : iterable of str
    present : sequence of column names
    what : str
        What was searched, for the message.

    Returns
    -------
    list of Problem

    Raises
    ------
    TypeError
        If ``wanted`` is not iterable.

    Examples
    --------
    >>> missing_columns(["yaer"], ["firm", "year"])[0].remedy
    "did you mean 'year'?"
    """
    names = [str(name) for name in present]
    problems = []
    for column in wanted:
        if column in present:
            continue
        close = difflib.get_close_matches(column, names, n=2)
        hint = " or ".join(repr(name) for name in close)
        problems.append(
            Problem(
                what=f"column {column!r} is missing",
                where=f"columns of {what}: {', '.join(names[:12])}" + (" …" if len(names) > 12 else ""),
                expected="a column of that name",
                remedy=f"did you mean {hint}?" if hint else "add the column or name another",
            )
        )
    return problems


def require_columns(wanted: Iterable[str], present: Sequence[Hashable], what: str = "the panel") -> None:
    """Raise one error that lists all missing columns.

    Parameters
    ----------
    wanted : iterable of str
    present : sequence of column names
    what : str

    Raises
    ------
    ColumnError
        If any column is missing.

    Examples
    --------
    >>> require_columns(["year"], ["firm", "year"])
    """
    problems = missing_columns(wanted, present, what)
    if problems:
        raise ColumnError(problems)


def repeated_columns(present: Sequence[Hashable]) -> list[Problem]:
    """Column names that occur more than once."""
    twice = sorted(name for name, count in Counter(map(str, present)).items() if count > 1)
    if not twice:
        return []
    return [
        Problem(
            what=f"{len(twice)} column names occur more than once",
            where=shown(twice),
            expected="every column under a name of its own",
            remedy="rename or drop the repeated columns",
        )
    ]


def cluster_columns(cluster: object) -> tuple[str, ...]:
    """Names of the columns of the assignment level: none, one or two; an error for anything else."""
    if cluster is None or isinstance(cluster, str):
        return () if cluster is None else (cluster,)
    if isinstance(cluster, list | tuple):
        names = [name for name in cluster if isinstance(name, str)]
        if len(set(names)) == len(cluster) <= 2:
            return tuple(names)
    raise PanelError(
        Problem(
            what=f"option cluster={cluster!r}",
            where="",
            expected="the name of a column, or a list of two different names",
            remedy="name the one or two levels at which treatment was assigned or shocks are shared",
        )
    )


def shown(values: Iterable[object], total: int | None = None) -> str:
    """First few values for a message, with the count of the rest.

    Parameters
    ----------
    values : iterable
    total : int, optional
        How many there are in all, if ``values`` holds only the first.

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If ``values`` is not iterable.

    Examples
    --------
    >>> shown([1, 2, 3, 4])
    '1, 2, 3 and 1 more'
    """
    items = [str(value) for value in values]
    rest = (len(items) if total is None else total) - min(len(items), _SHOWN)
    return ", ".join(items[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
