"""The bridge from codes to claims: which observation was expected how often under benefit, no effect and harm.

A code without a row in the bridge moves nothing. A row registers a *test* before the interviews are read: the claim it
speaks to, its target (the effect, a rival explanation, or the bias of another perspective) and the probability of
hearing the code in one interview under each state of the effect.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from clustereffects.data.files import read_table
from clustereffects.errors import CodingError, ColumnError, Problem
from clustereffects.interviews._bridge_table import outside, row_problem, table_problems

Chance: TypeAlias = float | tuple[float, float]

STREAMS = ("economic", "survey", "interviews", "documents")
COLUMNS = ("code", "claim", "test", "target", "p_benefit", "p_negligible", "p_harm")
OPTIONAL = ("group", "registered", "roles", "suggested_by")
_STATES = ("p_benefit", "p_negligible", "p_harm")
_HIGH, _LOW = 0.8, 0.1
_NUMBER = r"[+-]?\d*\.?\d+(?:[eE][+-]?\d+)?"
_CHANCE = re.compile(rf"\s*(?P<lower>{_NUMBER})\s*(?:[-–−]\s*(?P<upper>{_NUMBER})\s*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeRow:
    """One registered test: what hearing a code says about a claim.

    Parameters
    ----------
    code, claim, test : str
        The code, the claim it speaks to, and the identifier of the test.
    target : str
        ``"effect"``, ``"rival:<id>"`` or ``"bias:<stream>"``.
    p_benefit, p_negligible, p_harm : float or tuple of two floats
        Probability that one interview brings up the code under each state; a tuple is a range.
    group : str
        Tests of one group hang together (the same people say both); empty if the test stands alone.
    registered : date, optional
        When the test was written down.
    roles : tuple of str
        Respondents' roles that could have brought up the code; empty means all.
    suggested_by : str
        Test on the same claim and target whose interviews gave the idea. If this one is registered after the data, what it
        hears in an interview and what that one hears there are one observation.

    Raises
    ------
    CodingError
        If a name is empty, the target is unknown or a probability is not one.

    Examples
    --------
    >>> row = BridgeRow(code="M1", claim="growth", test="T01", p_benefit=0.6, p_negligible=0.3, p_harm=0.15)
    >>> row.kind, row.likelihood_ratio
    ('straw in the wind', 2.0)
    """

    code: str
    claim: str
    test: str
    target: str = "effect"
    p_benefit: Chance
    p_negligible: Chance
    p_harm: Chance
    group: str = ""
    registered: date | None = None
    roles: tuple[str, ...] = ()
    suggested_by: str = ""

    def __post_init__(self) -> None:
        problems = _row_problems(self)
        if problems:
            raise CodingError(problems)

    @property
    def bias_stream(self) -> str:
        """The stream whose bias the test is about, empty for other targets."""
        kind, _, name = self.target.partition(":")
        return name if kind == "bias" else ""

    @property
    def likelihood_ratio(self) -> float:
        """How many times more probable the code is under benefit than without, at the middles of ranges.

        Without benefit means under the state, negligible or harm, that makes the code more probable.
        """
        benefit, without = _middle(self.p_benefit), max(_middle(self.p_negligible), _middle(self.p_harm))
        return benefit / without if without > 0 else math.inf if benefit > 0 else 1.0

    @property
    def direction(self) -> str:
        """What hearing the code speaks for: benefit, no benefit, or neither."""
        ratio = self.likelihood_ratio
        return "neither" if ratio == 1 else "benefit" if ratio > 1 else "no benefit"

    @property
    def kind(self) -> str:
        """Name of the test, derived and never typed in.

        Sensitivity is the probability of the code in the direction it speaks for, high from 0.8; false positives are
        its probability in the other direction, low up to 0.1. High sensitivity makes a hoop, few false positives make
        a smoking gun, both a doubly decisive test, neither a straw in the wind.
        """
        chances = _middle(self.p_benefit), max(_middle(self.p_negligible), _middle(self.p_harm))
        sensitive, decisive = max(chances) >= _HIGH, min(chances) <= _LOW
        if sensitive:
            return "doubly decisive" if decisive else "hoop"
        return "smoking gun" if decisive else "straw in the wind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """All registered tests of a study.

    Parameters
    ----------
    rows : tuple of BridgeRow
    name : str
        File the tests were read from.

    Raises
    ------
    CodingError
        If two rows have the same test, or the same code, claim and target, or a row was suggested by none of the others.

    Examples
    --------
    >>> row = BridgeRow(code="M1", claim="growth", test="T01", p_benefit=0.6, p_negligible=0.3, p_harm=0.15)
    >>> bridge = Bridge(rows=(row,))
    >>> bridge.codes, len(bridge.fingerprint)
    (('M1',), 64)
    """

    rows: tuple[BridgeRow, ...]
    name: str = ""

    def __post_init__(self) -> None:
        problems = table_problems(self.rows, self.name)
        if problems:
            raise CodingError(problems)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes that have at least one row, in the order of the file."""
        return tuple(dict.fromkeys(row.code for row in self.rows))

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the content, whatever the order of the rows: the pre-registration."""
        # A column that a row leaves empty is no part of what was registered before the column existed.
        text = "\n".join(sorted(repr(row).replace(", suggested_by=''", "") for row in self.rows))
        return hashlib.sha256(text.encode()).hexdigest()

    def table(self) -> pd.DataFrame:
        """One row per test with what is derived from its probabilities: likelihood ratio and kind."""
        names = ("test", "code", "claim", "target", "group", "registered", *_STATES)
        derived = ("likelihood_ratio", "direction", "kind")
        rows = [[getattr(row, name) for name in (*names, *derived)] for row in self.rows]
        return pd.DataFrame(rows, columns=[*names, *derived])


def read_bridge(
    path: str | Path, *, claims: Collection[str] | None = None, rivals: Collection[str] | None = None
) -> Bridge:
    r"""Read the bridge from a CSV, XLSX or Parquet file.

    Parameters
    ----------
    path : str or Path
        Columns ``code, claim, test, target, p_benefit, p_negligible, p_harm`` and, optionally, ``group``,
        ``registered`` (a date), ``roles`` (separated by ``|``) and ``suggested_by`` (a test). A probability may be a range,
        ``0.4-0.7``.
    claims, rivals : collection of str, optional
        Those of the theory of change; names outside are problems.

    Returns
    -------
    Bridge

    Raises
    ------
    FileError
        If the file cannot be read as a table.
    ColumnError
        If a column is missing.
    CodingError
        Everything wrong with the rows, in one list.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> text = "code,claim,test,target,p_benefit,p_negligible,p_harm\nM1,growth,T01,effect,0.4-0.7,0.3,0.15\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "bridge.csv"
    ...     _ = path.write_text(text, encoding="utf-8")
    ...     bridge = read_bridge(path, claims=["growth"])
    >>> bridge.rows[0].p_benefit
    (0.4, 0.7)
    """
    table = read_table(path)
    return bridge_from_frame(table.frame, name=table.name, claims=claims, rivals=rivals)


def bridge_from_frame(
    frame: pd.DataFrame,
    *,
    name: str = "",
    claims: Collection[str] | None = None,
    rivals: Collection[str] | None = None,
) -> Bridge:
    """Build the bridge from a table in memory.

    Parameters
    ----------
    frame : DataFrame
        Columns as in ``read_bridge``.
    name : str
        Name for messages.
    claims, rivals : collection of str, optional
        Those of the theory of change; names outside are problems.

    Returns
    -------
    Bridge

    Raises
    ------
    ColumnError
        If a column is missing.
    CodingError
        Everything wrong with the rows, in one list.

    Examples
    --------
    >>> frame = pd.DataFrame({"code": ["M1"], "claim": ["growth"], "test": ["T01"], "target": ["effect"],
    ...                       "p_benefit": [0.6], "p_negligible": [0.3], "p_harm": [0.15]})
    >>> bridge_from_frame(frame).rows[0].kind
    'straw in the wind'
    """
    _require_columns(frame, name)
    rows: list[BridgeRow] = []
    problems: list[Problem] = []
    for number, record in enumerate(frame.to_dict("records"), start=2):
        cells = {column: _text(record.get(column)) for column in (*COLUMNS, *OPTIONAL)}
        row, found = _read_row(cells)
        problems += [_placed(problem, name, number) for problem in found]
        if row is not None:
            rows.append(row)
            problems += [_placed(problem, name, number) for problem in outside(row, claims, rivals)]
    problems += table_problems(rows, name)
    if problems:
        raise CodingError(problems)
    return Bridge(rows=tuple(rows), name=name)


def _read_row(cells: dict[str, str]) -> tuple[BridgeRow | None, list[Problem]]:
    problems: list[Problem] = []
    chances = {state: _chance(cells[state], state, problems) for state in _STATES}
    registered = _date(cells["registered"], problems)
    if problems:
        return None, problems
    roles = tuple(role.strip() for role in cells["roles"].split("|") if role.strip())
    try:
        row = BridgeRow(
            code=cells["code"],
            claim=cells["claim"],
            test=cells["test"],
            target=cells["target"],
            p_benefit=chances["p_benefit"],
            p_negligible=chances["p_negligible"],
            p_harm=chances["p_harm"],
            group=cells["group"],
            registered=registered,
            roles=roles,
            suggested_by=cells["suggested_by"],
        )
    except CodingError as error:
        return None, list(error.problems)
    return row, []


def _chance(text: str, state: str, problems: list[Problem]) -> Chance:
    match = _CHANCE.fullmatch(text.replace(",", "."))
    if match and match["upper"]:
        return float(match["lower"]), float(match["upper"])
    if match:
        return float(match["lower"])
    problems.append(row_problem(f"{state} is {text!r}", "a probability such as 0.6, or a range such as 0.4-0.7"))
    return math.nan


def _date(text: str, problems: list[Problem]) -> date | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        problems.append(row_problem(f"registered is {text!r}", "a date such as 2013-02-15, or nothing"))
        return None


def _row_problems(row: BridgeRow) -> list[Problem]:
    empty = [name for name in ("code", "claim", "test") if not getattr(row, name).strip()]
    problems = [row_problem(f"{name} is empty", "a name in every row") for name in empty]
    kind, separator, target = row.target.partition(":")
    known = row.target == "effect" or (kind == "rival" and target) or (kind == "bias" and target in STREAMS)
    if not known or (separator and not target):
        expected = "effect, rival:<id> or bias:<stream> with a stream of " + ", ".join(STREAMS)
        problems.append(row_problem(f"target is {row.target!r}", expected))
    for state in _STATES:
        problems += _chance_problems(state, getattr(row, state))
    return problems


def _chance_problems(state: str, chance: Chance) -> list[Problem]:
    low, high = chance if isinstance(chance, tuple) else (chance, chance)
    if not (0 <= low <= 1 and 0 <= high <= 1):
        return [row_problem(f"{state} is {chance}", "a probability between 0 and 1")]
    return [] if low <= high else [row_problem(f"the range of {state} decreases: {chance}", "lower ≤ upper")]


def _require_columns(frame: pd.DataFrame, name: str) -> None:
    missing = [column for column in COLUMNS if column not in frame.columns]
    if missing:
        raise ColumnError(
            Problem(
                what="columns are missing: " + ", ".join(missing),
                where="header has " + ", ".join(map(str, frame.columns)),
                expected=", ".join(COLUMNS),
                remedy=f"add them; {', '.join(OPTIONAL)} are optional",
                file=name,
            )
        )


def _placed(problem: Problem, name: str, row: int) -> Problem:
    return Problem(
        what=problem.what, where=problem.where, expected=problem.expected, remedy=problem.remedy, file=name, row=row
    )


def _text(cell: object) -> str:
    return "" if cell is None or cell is pd.NA or cell != cell else str(cell).strip()  # noqa: PLR0124


def _middle(chance: Chance) -> float:
    return sum(chance) / 2 if isinstance(chance, tuple) else chance
