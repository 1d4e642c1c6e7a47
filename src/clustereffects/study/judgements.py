"""What people judged, beside what was measured: probabilities of signs before the data, and verdicts after them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path

from clustereffects.data import read_table
from clustereffects.errors import OptionError, PlanError, Problem
from clustereffects.interviews import Bridge
from clustereffects.interviews.bridge import BridgeRow
from clustereffects.results import Check
from clustereffects.triangulation import Override, Theory
from clustereffects.triangulation.elicitation import Elicitation

_NEEDED = ("claim", "organisation", "by", "reason")
_OPTIONAL = ("verdict", "code", "streams", "date")
_STREAMS = ("economic", "survey", "interviews")


def read_judgements(path: str | Path, theory: Theory | None) -> Elicitation:
    """Read elicited judgements and hold them against the theory.

    Parameters
    ----------
    path : str or Path
        As ``Elicitation.from_toml`` reads it. Judgements that were asked for the claim before the rival are kept, and
        flagged by ``judgement_checks``.
    theory : Theory or None
        ``None`` if it cannot be read.

    Returns
    -------
    Elicitation

    Raises
    ------
    EvidenceError
        With everything that is wrong, claims and rivals that the theory does not have included.

    Examples
    --------
    >>> read_judgements("no-such-file.toml", None)
    Traceback (most recent call last):
    ...
    clustereffects.errors.FileError: no judgements can be read ...
    """
    elicitation = Elicitation.from_toml(path, order="flag")
    if theory is not None:
        elicitation.against(theory)
    return elicitation


def judged_bridge(bridge: Bridge | None, elicitation: Elicitation) -> Bridge:
    """Bridge in which the judges' ranges stand for the probabilities of the same tests.

    Parameters
    ----------
    bridge : Bridge or None
        Tests that nobody was asked about keep their probabilities.
    elicitation : Elicitation
        Its tests on a code that the bridge does not have are added.

    Returns
    -------
    Bridge

    Raises
    ------
    PlanError
        Lists every test that the two describe differently.

    Examples
    --------
    >>> from clustereffects.triangulation.elicitation import ElicitedTest, Judgement
    >>> row = BridgeRow(code="M1", claim="growth", test="T01", p_benefit=0.6, p_negligible=0.3, p_harm=0.15)
    >>> one = Judgement(test="T01", judge="A", rival="boom", p_negligible="unlikely", p_benefit="likely",
    ...                 asked_first="p_negligible")
    >>> elicitation = Elicitation(tests=(ElicitedTest(id="T01", claim="growth", code="M1"),), judgements=(one,))
    >>> judged_bridge(Bridge(rows=(row,)), elicitation).rows[0].p_negligible
    (0.1, 0.33)
    """
    if bridge is None:
        return elicitation.to_bridge()
    own = {row.test: row for row in bridge.rows}
    judged = {row.test: row for row in elicitation.to_bridge().rows}
    problems = [
        _differs(name, elicitation.name, bridge.name)
        for name, row in judged.items()
        if name in own and _about(row) != _about(own[name])
    ]
    if problems:
        raise PlanError(problems)
    rows = [_judged(row, judged.get(row.test)) for row in bridge.rows]
    return replace(bridge, rows=(*rows, *(row for name, row in judged.items() if name not in own)))


def _about(row: BridgeRow) -> tuple[str, str, str]:
    return row.code, row.claim, row.target


def _judged(row: BridgeRow, judged: BridgeRow | None) -> BridgeRow:
    if judged is None:
        return row
    return replace(row, p_benefit=judged.p_benefit, p_negligible=judged.p_negligible, p_harm=judged.p_harm)


def _differs(test: str, file: str, bridge: str) -> Problem:
    return Problem(
        what=f"test {test!r} has another code, claim or target than in {bridge or 'the bridge'}",
        where=f"[tests.{test}]",
        expected="the same code, claim and target in both files",
        remedy="correct one of them, or give the test another name",
        file=file,
    )


def judgement_checks(elicitation: Elicitation) -> Iterable[Check]:
    """What may be wrong with the judgements: order of the questions, number of judges, their agreement.

    Parameters
    ----------
    elicitation : Elicitation

    Returns
    -------
    iterable of Check

    Raises
    ------
    ValueError
        If the bootstrap cannot be done.

    Examples
    --------
    >>> from clustereffects.triangulation.elicitation import ElicitedTest, Judgement
    >>> one = Judgement(test="T01", judge="A", rival="boom", p_negligible="unlikely", p_benefit="likely",
    ...                 asked_first="p_benefit")
    >>> made = Elicitation(tests=(ElicitedTest(id="T01", claim="growth"),), judgements=(one,), order="flag")
    >>> [check.verdict for check in judgement_checks(made)]
    ['warn', 'info']
    """
    table = elicitation.table()
    flagged = [f"{test}: {flags}" for test, flags in zip(table["test"], table["flags"], strict=True) if flags]
    yield Check(
        name="elicited judgements",
        verdict="warn" if flagged else "pass",
        message="; ".join(flagged) or f"{len(table)} tests, each judged against a rival first and by enough judges",
        remedy="ask again, for the rival first and with more judges" if flagged else "",
    )
    tests = ", ".join(table["test"])
    judges = len({one.judge for one in elicitation.judgements})
    yield Check(
        name="probabilities from judgements",
        verdict="info",
        message=f"{judges} judges' ranges stand for the probabilities of {tests}; they were the plan's file "
        f"{elicitation.name or 'of judgements'} with the fingerprint {elicitation.fingerprint[:12]}",
    )


def read_overrides(path: str | Path, claims: Collection[str], groups: Collection[str]) -> tuple[Override, ...]:
    r"""Read what researchers judged instead of the computed verdicts and codes.

    Parameters
    ----------
    path : str or Path
        Table with the columns ``claim, organisation, by, reason`` and ``verdict``, or ``code`` with ``streams`` (two,
        joined by ``+``); may have ``date``.
    claims, groups : collection of str
        Known claims, and organisations with the programme.

    Returns
    -------
    tuple of Override

    Raises
    ------
    PlanError
        Lists everything that is wrong with every row.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "overrides.csv"
    ...     _ = path.write_text("claim,organisation,by,reason,verdict\ngrowth,K01,AL,two members moved,undecided\n")
    ...     read_overrides(path, ["growth"], ["K01"])[0].verdict
    'undecided'
    """
    path = Path(path)
    frame = read_table(path).frame
    absent = [name for name in _NEEDED if name not in frame]
    if absent:
        expected = ", ".join((*_NEEDED, *_OPTIONAL))
        raise PlanError(_problem("columns are missing: " + ", ".join(absent), "", expected, path.name))
    names = [*_NEEDED, *(name for name in _OPTIONAL if name in frame)]
    problems: list[Problem] = []
    found: list[Override] = []
    for row, values in enumerate(frame[names].fillna("").astype(str).to_dict("records"), start=2):
        text = {str(key): str(value).strip() for key, value in values.items()}
        problems += _strange(text, row, claims, groups, path.name)
        try:
            found.append(_override(text))
        except OptionError as error:
            problems += [replace(one, where=f"row {row}", file=path.name) for one in error.problems]
    problems += _twice(found, path.name)
    if problems:
        raise PlanError(problems)
    return tuple(found)


def _override(text: dict[str, str]) -> Override:
    streams = tuple(name.strip() for name in text.pop("streams", "").split("+") if name.strip())
    return Override(group=text.pop("organisation"), streams=streams, **text)


def _strange(
    text: dict[str, str], row: int, claims: Collection[str], groups: Collection[str], file: str
) -> Iterable[Problem]:
    for column, known in (("claim", claims), ("organisation", groups)):
        if text[column] and known and text[column] not in known:
            what = f"{column} {text[column]!r} is not known"
            yield _problem(what, f"row {row}", "one of " + ", ".join(known), file)
    streams = {name.strip() for name in text.get("streams", "").split("+")} - {"", *_STREAMS}
    for name in sorted(streams):
        yield _problem(f"stream {name!r} is not part of a study", f"row {row}", "two of " + ", ".join(_STREAMS), file)


def _twice(found: Iterable[Override], file: str) -> Iterable[Problem]:
    seen: set[tuple[str, ...]] = set()
    for one in found:
        key = (one.by, one.what, *one.about)
        if key in seen:
            yield _problem(f"{one.by} judged twice", " × ".join(one.about), "one judgement", file)
        seen.add(key)


def _problem(what: str, where: str, expected: str, file: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy="correct the table", file=file)
