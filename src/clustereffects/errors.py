"""One tree of errors and warnings, one message grammar.

Every message says *what is wrong – where – what was expected – what to do*. A check that finds several things wrong
collects ``Problem`` records and raises them all at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with an input, in the grammar of all messages.

    Parameters
    ----------
    what : str
        What is wrong.
    where : str
        Where it was found: column, count, first rows.
    expected : str
        What was expected instead.
    remedy : str
        What the user should do.
    file : str
        Name of the file, empty for data in memory.
    row : int, optional
        First row concerned, counted as a spreadsheet counts (the header is row 1).

    Raises
    ------
    TypeError
        If a part of the grammar is missing.

    Examples
    --------
    >>> problem = Problem(
    ...     what="two rows for the same firm and year",
    ...     where="columns firm, year: 1 pair (5561234567, 2004)",
    ...     expected="one row per firm and year",
    ...     remedy="keep the latest statement of each year",
    ... )
    >>> print(problem)
    two rows for the same firm and year – columns firm, year: 1 pair (5561234567, 2004) – expected one row per firm and year – keep the latest statement of each year
    """

    what: str
    where: str
    expected: str
    remedy: str
    file: str = ""
    row: int | None = None

    def __str__(self) -> str:
        place = self.file + (f" row {self.row}" if self.row is not None else "")
        parts = [f"{place}: {self.what}" if place else self.what]
        parts += [self.where] if self.where else []
        parts += [f"expected {self.expected}"] if self.expected else []
        parts += [self.remedy] if self.remedy else []
        return " – ".join(parts)


class ClusterEffectsError(Exception):
    """Base of all errors of this library.

    Parameters
    ----------
    problems : str, Problem or sequence of Problem
        What went wrong; a sequence is printed as a numbered list.

    Raises
    ------
    ValueError
        If the sequence of problems is empty.

    Examples
    --------
    >>> str(ClusterEffectsError("nothing to estimate"))
    'nothing to estimate'
    """

    def __init__(self, problems: str | Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = _as_problems(problems)
        super().__init__(problems if isinstance(problems, str) else _listing(self.problems))


class InputError(ClusterEffectsError, ValueError):
    """Input that cannot be used as it is; ``problems`` lists everything that is wrong.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(InputError("wrong"), ClusterEffectsError)
    True
    """


class OptionError(InputError):
    """An option of an estimator has a value it cannot have.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(OptionError("wrong"), ClusterEffectsError)
    True
    """


class ColumnError(InputError):
    """A column is missing or has the wrong kind of content.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(ColumnError("wrong"), ClusterEffectsError)
    True
    """


class FileError(InputError):
    """A file is missing, unreadable or not what its name says.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(FileError("wrong"), ClusterEffectsError)
    True
    """


class UnsafeFileError(FileError):
    """An archive or document was refused because reading it would be dangerous.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(UnsafeFileError("wrong"), ClusterEffectsError)
    True
    """


class PanelError(InputError):
    """A frame is not a valid panel; lists every problem at once.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(PanelError("wrong"), ClusterEffectsError)
    True
    """


class SurveyError(InputError):
    """Survey answers and codebook do not fit together.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(SurveyError("wrong"), ClusterEffectsError)
    True
    """


class CodingError(InputError):
    """Codings, coders or the bridge to the claims are not usable.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(CodingError("wrong"), ClusterEffectsError)
    True
    """


class TheoryError(InputError):
    """The theory of change is incomplete or contradicts itself.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(TheoryError("wrong"), ClusterEffectsError)
    True
    """


class EvidenceError(InputError):
    """An evidence item cannot enter the triangulation.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(EvidenceError("wrong"), ClusterEffectsError)
    True
    """


class PlanError(InputError):
    """A study plan has missing files, unknown keys or impossible choices.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(PlanError("wrong"), ClusterEffectsError)
    True
    """


class EstimationError(ClusterEffectsError):
    """The data are valid but the estimand is not identified in them.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(EstimationError("wrong"), ClusterEffectsError)
    True
    """


class NotStoredError(ClusterEffectsError, LookupError):
    """A result was asked for something it does not hold; the message names the option that stores it.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(NotStoredError("wrong"), ClusterEffectsError)
    True
    """


class StudyError(ClusterEffectsError):
    """A study cannot run.

    Raises
    ------
    ValueError
        If it is built from an empty list of problems.

    Examples
    --------
    >>> isinstance(StudyError("wrong"), ClusterEffectsError)
    True
    """


class ClusterEffectsWarning(UserWarning):
    """Base of all warnings of this library.

    Raises
    ------
    UserWarning
        Itself, where the user has warnings turned into errors.

    Examples
    --------
    >>> issubclass(ClusterEffectsWarning, UserWarning)
    True
    """


class FewClustersWarning(ClusterEffectsWarning):
    """Treatment was assigned to so few clusters that large-sample errors mislead.

    Raises
    ------
    UserWarning
        Itself, where the user has warnings turned into errors.

    Examples
    --------
    >>> issubclass(FewClustersWarning, ClusterEffectsWarning)
    True
    """


class ConvergenceWarning(ClusterEffectsWarning):
    """An iteration or a sampler did not converge well enough to be trusted.

    Raises
    ------
    UserWarning
        Itself, where the user has warnings turned into errors.

    Examples
    --------
    >>> issubclass(ConvergenceWarning, ClusterEffectsWarning)
    True
    """


def _as_problems(problems: str | Problem | Sequence[Problem]) -> tuple[Problem, ...]:
    if isinstance(problems, str):
        return ()
    if isinstance(problems, Problem):
        return (problems,)
    if not problems:
        raise ValueError("an error needs at least one problem")
    return tuple(problems)


def _listing(problems: tuple[Problem, ...]) -> str:
    if len(problems) == 1:
        return str(problems[0])
    lines = [f"{len(problems)} problems:"]
    return "\n".join(lines + [f"  {i}. {problem}" for i, problem in enumerate(problems, 1)])
