"""Scorecard: what an auditor asks of a claim about effects, and what in the run answers it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pandas as pd

from clustereffects.results import Check
from clustereffects.results.evidence import BiasEvidence, BiasTerm, Diagnostic, Estimate
from clustereffects.triangulation._scorecard_words import ANSWERS, CRITERIA, EFFECT, QUESTIONS, STATUS
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.overrides import Override
from clustereffects.triangulation.prior_conflict import prior_conflict
from clustereffects.triangulation.sentences import Language, check_language
from clustereffects.triangulation.sorting import CellEvidence
from clustereffects.triangulation.theory import Theory

Status = Literal["met", "not met", "unknown", "not applicable"]

_SHOWN = 5
_SURPRISING = 0.05
_DECIDED = {"beneficial", "probably beneficial", "no material effect", "probably harmful", "harmful"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the evidence alone cannot tell and a study knows.

    Parameters
    ----------
    comparison : str
        Whom the members are compared with, such as ``"matched firms of the same county and industry"``; empty if the
        economic estimates have no comparison group, or nobody says so.
    checks : tuple of Check
        Outcomes of the checks of the estimators; those on trends before joining are used.
    plan_registered : bool, optional
        Whether the plan that was run is the one registered beforehand; ``None`` if nothing is known.
    designs : tuple of str
        Designs whose results were compared.

    Raises
    ------
    TypeError
        If an argument is unknown.

    Examples
    --------
    >>> RunFacts(comparison="matched firms", designs=("matched", "group-time")).plan_registered is None
    True
    """

    comparison: str = ""
    checks: tuple[Check, ...] = ()
    plan_registered: bool | None = None
    designs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardLine:
    """One question with its answer.

    Parameters
    ----------
    id : str
        Short name of the question.
    criterion : {"counterfactual", "assumptions", "choices"}
    status : {"met", "not met", "unknown", "not applicable"}
    good, total : int
        How many of how many.
    named : tuple of str
        Which ones the answer is about: those that fall short, or what speaks for it.
    essential : bool
        Whether the word "effect" hangs on it.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> ScorecardLine(id="biases", criterion="assumptions", status="met", good=2, total=2).essential
    False
    """

    id: str
    criterion: str
    status: Status
    good: int = 0
    total: int = 0
    named: tuple[str, ...] = ()
    essential: bool = False

    def answer(self, language: Language) -> str:
        """Evidence found in the run, in words."""
        words = ANSWERS[language]
        shown = [*self.named[:_SHOWN]]
        shown += [words["more"].format(n=len(self.named) - _SHOWN)] if len(self.named) > _SHOWN else []
        good: object = self.good
        if self.id == "design":
            good = words["not known"] if not self.total else words["yes" if self.good else "no"]
        return words[self.id].format(good=good, all=self.total, named=", ".join(shown) or words["none"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """Three audit criteria, each with its questions.

    Parameters
    ----------
    lines : tuple of ScorecardLine

    Raises
    ------
    TypeError
        If the lines are missing.

    Notes
    -----
    The criteria are those by which auditors judge evaluations of business support: a counterfactual; assumptions that are
    stated and justified; choices that are justified. Nothing is added up: three met and one not met is not 75 %.

    Examples
    --------
    >>> Scorecard(lines=()).may_say_effect
    False
    """

    lines: tuple[ScorecardLine, ...]

    @property
    def may_say_effect(self) -> bool:
        """Whether every question on which the word "effect" hangs is met; an unknown answer is not."""
        essential = [line.status == "met" for line in self.lines if line.essential]
        return bool(essential) and all(essential)

    @property
    def open(self) -> tuple[str, ...]:
        """Essential questions that are not met."""
        return tuple(line.id for line in self.lines if line.essential and line.status != "met")

    def table(self, language: Language = "en") -> pd.DataFrame:
        """Criterion, question, status and evidence in words."""
        check_language(language)
        rows = [
            {
                "criterion": CRITERIA[language][line.criterion],
                "question": QUESTIONS[language][line.id],
                "status": STATUS[language][line.status],
                "evidence": line.answer(language),
                "essential": line.essential,
            }
            for line in self.lines
        ]
        return pd.DataFrame(rows, columns=["criterion", "question", "status", "evidence", "essential"])


def effect_word(scorecard: Scorecard, language: Language = "en") -> str:
    """Word for what was estimated, as far as the scorecard allows.

    Parameters
    ----------
    scorecard : Scorecard
    language : {"en", "sv"}

    Returns
    -------
    str
        ``"effect"`` or ``"difference"``, in Swedish ``"effekt"`` or ``"skillnad"``.

    Raises
    ------
    OptionError
        If the language is neither English nor Swedish.

    Examples
    --------
    >>> effect_word(Scorecard(lines=())), effect_word(Scorecard(lines=()), "sv")
    ('difference', 'skillnad')
    """
    check_language(language)
    return EFFECT[language][scorecard.may_say_effect]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    theory: Theory
    cells: Sequence[CellFinding]
    evidence: Sequence[CellEvidence]
    overrides: Sequence[Override]
    facts: RunFacts
    estimates: tuple[Estimate, ...]
    diagnostics: tuple[Diagnostic, ...]
    bias: tuple[BiasEvidence, ...]


def scorecard(
    theory: Theory, cells: Sequence[CellFinding], overrides: Sequence[Override] = (), facts: RunFacts | None = None
) -> Scorecard:
    """Answer the audit questions from a run.

    Parameters
    ----------
    theory : Theory
    cells : sequence of CellFinding
    overrides : sequence of Override
    facts : RunFacts, optional
        Without them everything that only a study knows is unknown.

    Returns
    -------
    Scorecard

    Raises
    ------
    numpy.linalg.LinAlgError
        If a covariance matrix is singular.

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> scorecard(theory, []).open
    ('comparison', 'trends', 'biases', 'grounds', 'design')
    """
    evidence = [cell.evidence for cell in cells]
    run = _Run(
        theory=theory,
        cells=[cell for cell in cells if cell.verdict != "silent"],
        evidence=evidence,
        overrides=overrides,
        facts=facts or RunFacts(),
        estimates=tuple(one for cell in evidence for one in cell.estimates),
        diagnostics=tuple(one for cell in evidence for one in (*cell.diagnostics, *cell.rivals)),
        bias=tuple(one for cell in evidence for one in cell.bias if one.observed),
    )
    return Scorecard(lines=(*_counterfactual(run), *_assumptions(run), *_choices(run)))


def _status(good: int, total: int) -> Status:
    if not total:
        return "not applicable"
    return "met" if good == total else "not met"


def _line(name: str, criterion: str, short: Iterable[str], total: int, *, essential: bool = False) -> ScorecardLine:
    """A line about items of which some fall short; an essential question without any item stays open."""
    named = tuple(short)
    status: Status = "not met" if essential and not total else _status(total - len(named), total)
    return ScorecardLine(
        id=name,
        criterion=criterion,
        status=status,
        good=total - len(named),
        total=total,
        named=named,
        essential=essential,
    )


def _counterfactual(run: _Run) -> Iterator[ScorecardLine]:
    economic = sum(one.stream == "economic" for one in run.estimates)
    compared = run.facts.comparison.strip()
    answered: Status = "met" if compared else "unknown"
    yield ScorecardLine(
        id="comparison",
        criterion="counterfactual",
        status=answered if economic else "not met",
        good=economic if compared else 0,
        total=economic,
        named=(compared,) if compared else (),
        essential=True,
    )
    checks = [check for check in run.facts.checks if "trend" in check.name and check.verdict != "info"]
    passed = sum(check.ok for check in checks)
    yield ScorecardLine(
        id="trends",
        criterion="counterfactual",
        status=_status(passed, len(checks)) if checks else "unknown",
        good=passed,
        total=len(checks),
        named=tuple(dict.fromkeys(check.name for check in checks)),
        essential=True,
    )


def _name(item: Estimate | Diagnostic | BiasEvidence) -> str:
    return f"{item.id} ({item.claim} × {item.group})"


def _assumptions(run: _Run) -> Iterator[ScorecardLine]:
    criterion = "assumptions"
    unstated = (_name(one) for one in run.estimates if not any(_says_something(term) for term in one.bias))
    yield _line("biases", criterion, unstated, len(run.estimates), essential=True)
    judged = [(_name(one), term.note) for one in run.estimates for term in one.bias]
    judged += [(_name(one), one.note.strip() or one.source) for one in run.bias]
    groundless = (name for name, note in judged if not note.strip())
    yield _line("grounds", criterion, groundless, len(judged), essential=True)
    claims = run.theory.claims
    yield _line("rivals named", criterion, (c.id for c in claims if not c.rivals), len(claims), essential=True)
    targets = {(one.claim, one.target.removeprefix("rival:")) for one in run.diagnostics}
    wanted = [(claim.id, rival) for claim in claims for rival in claim.rivals]
    yield _line("rivals examined", criterion, (f"{r} ({c})" for c, r in wanted if (c, r) not in targets), len(wanted))
    said = [items for cell in run.evidence for items in _answers(cell)]
    loose = (_name(one) for items in said for one in _unmatched(items))
    yield _line("dependence", criterion, loose, sum(map(len, said)))


def _answers(cell: CellEvidence) -> Iterator[list[Estimate | Diagnostic]]:
    """What persons said on the effect, and on each rival, of one organisation."""
    pools: dict[str, list[Estimate | Diagnostic]] = defaultdict(list)
    items: list[Estimate | Diagnostic] = [*cell.estimates, *cell.diagnostics, *cell.rivals]
    for one in items:
        if one.stream in {"survey", "interviews"}:
            pools[one.target if isinstance(one, Diagnostic) else "effect"].append(one)
    yield from pools.values()


def _unmatched(items: Sequence[Estimate | Diagnostic]) -> Iterator[Estimate | Diagnostic]:
    """Answers of unnamed persons; a dependence group within one perspective does not say who answered in the other."""
    streams: dict[str, set[str]] = defaultdict(set)
    for one in items:
        streams[one.dependence].add(one.stream)
    everywhere = len({one.stream for one in items})
    for one in items:
        if not (one.respondents or (one.dependence and len(streams[one.dependence]) == everywhere)):
            yield one


def _says_something(term: BiasTerm) -> bool:
    """Whether a bias could be other than zero: to be certain that there is none states no bias."""
    return bool(term.mean or term.sd or (term.mean_range and any(term.mean_range)))


def _choices(run: _Run) -> Iterator[ScorecardLine]:
    yield _design(run.facts)
    criterion = "choices"
    yield _tests(run)
    clashes = [(cell, prior_conflict(cell.model)) for cell in run.cells]
    measured = [(cell, found.p_adjusted) for cell, found in clashes if found is not None]
    yield _line("prior", criterion, (_cell(c) for c, p in measured if p < _SURPRISING), len(measured))
    decided = [cell for cell in run.cells if cell.verdict in _DECIDED]
    yield _line("robust", criterion, (_cell(cell) for cell in decided if not cell.robust), len(decided))
    yield _line("overrides", criterion, (one.by for one in run.overrides if not one.reason), len(run.overrides))


def _tests(run: _Run) -> ScorecardLine:
    known = [(one, _announced(one)) for one in run.diagnostics]
    short = tuple(_name(one) for one, announced in known if not announced)
    undecided = bool(short) and not any(announced is False for _, announced in known)
    line = _line("tests", "choices", short, len(known))
    return replace(line, status="unknown") if undecided else line


def _cell(cell: CellFinding) -> str:
    return " × ".join(cell.key.values())


def _announced(item: Diagnostic) -> bool | None:
    """Whether a sign was announced before the data; None if nothing says so."""
    if item.suggested_by:
        return False
    return item.provenance.pre_registered if item.provenance is not None else None


def _design(facts: RunFacts) -> ScorecardLine:
    designs = tuple(dict.fromkeys(name.strip() for name in facts.designs if name.strip()))
    justified = bool(facts.plan_registered) or len(designs) > 1
    known = facts.plan_registered is not None or bool(designs)
    otherwise: Status = "not met" if known else "unknown"
    return ScorecardLine(
        id="design",
        criterion="choices",
        status="met" if justified else otherwise,
        good=int(bool(facts.plan_registered)),
        total=int(facts.plan_registered is not None),
        named=designs,
        essential=True,
    )
