"""Judgements on registered tests: several judges, levels instead of numbers, the rival before the claim.

Every judge answers two questions on every test and rival, in this order: how probable is the observation if the
organisation makes no difference and the *rival* accounts for what happened, and how probable is it if the organisation
does make the difference? Disagreement between judges becomes the range, never an average.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from clustereffects.errors import EvidenceError, Problem
from clustereffects.interviews.bridge import Bridge, BridgeRow
from clustereffects.results.evidence import Diagnostic, Evidence
from clustereffects.triangulation.elicitation.agreement import level_agreement
from clustereffects.triangulation.elicitation.checks import elicitation_problems, order_flag, theory_problems
from clustereffects.triangulation.elicitation.levels import (
    LIKELIHOOD_SCALE,
    LevelScale,
    Range,
    kinds_of_test,
    likelihood_ratio_range,
    support_words,
)
from clustereffects.triangulation.theory import Theory

CHANCES = ("p_benefit", "p_negligible", "p_harm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one judge thinks of one test against one rival, in levels.

    Parameters
    ----------
    test, judge : str
        The registered test and the (pseudonym of the) judge.
    rival : str
        Other explanation that the judge was asked to suppose.
    p_negligible : str
        Level of the probability of the observation if the organisation makes no difference and the rival accounts for
        what happened. To be asked first: people rarely think of it by themselves.
    p_benefit : str
        Level of the probability of the observation if the organisation does what the claim says.
    p_harm : str
        Level if the organisation does harm; empty if it was not asked, then as without an effect.
    asked_first : {"p_negligible", "p_benefit"}
        Which of the two was asked first.
    note : str

    Raises
    ------
    EvidenceError
        When the elicitation that contains it is built, if a part is empty or not a level.

    Examples
    --------
    >>> one = Judgement(test="T01", judge="A", rival="export_boom", p_negligible="unlikely", p_benefit="likely",
    ...                 asked_first="p_negligible")
    >>> one.level("p_harm")
    'unlikely'
    """

    test: str
    judge: str
    rival: str
    p_negligible: str
    p_benefit: str
    p_harm: str = ""
    asked_first: str
    note: str = ""

    def level(self, chance: str) -> str:
        """Level given for a probability; harm as without an effect if it was not asked."""
        return str(getattr(self, chance)) or self.p_negligible


@dataclass(frozen=True, slots=True, kw_only=True)
class ElicitedTest:
    """A test that judges are asked about: everything a row of the bridge needs except its probabilities.

    Parameters
    ----------
    id, claim : str
        The test and the claim it speaks to.
    code : str
        Code in the interviews; empty if the observation comes from elsewhere.
    target : str
        ``"effect"``, ``"rival:<id>"`` or ``"bias:<stream>"``.
    group : str
        Tests of one group hang together.
    registered : date, optional
    roles : tuple of str
    suggested_by : str
        Test whose reports suggested this one, empty if none did.

    Raises
    ------
    EvidenceError
        When the elicitation that contains it is built, if a name is empty.

    Examples
    --------
    >>> ElicitedTest(id="T01", claim="growth", code="M1").target
    'effect'
    """

    id: str
    claim: str
    code: str = ""
    target: str = "effect"
    group: str = ""
    registered: date | None = None
    roles: tuple[str, ...] = ()
    suggested_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicitation:
    """All judgements on all tests.

    Parameters
    ----------
    tests : tuple of ElicitedTest
    judgements : tuple of Judgement
    scale : LevelScale
    order : {"refuse", "flag"}
        What happens to judgements that were asked for the claim before the rival.
    minimum_judges : int
        Tests with fewer judges are flagged.
    name : str
        File for messages.

    Raises
    ------
    EvidenceError
        With everything that is wrong: unknown tests, tests without a judgement, words that are no level, missing rivals,
        the same judge twice on the same test and rival, and, if so chosen, the wrong order.

    Notes
    -----
    The range of a probability is the hull over judges and rivals. The hull over rivals holds whatever the rivals'
    shares are: P(E | no effect) = Σ P(E | rival)·P(rival | no effect) never leaves it.

    Examples
    --------
    >>> def judged(judge, negligible, benefit):
    ...     return Judgement(test="T01", judge=judge, rival="export_boom", p_negligible=negligible, p_benefit=benefit,
    ...                      asked_first="p_negligible")
    >>> found = Elicitation(tests=(ElicitedTest(id="T01", claim="growth", code="M1"),),
    ...                     judgements=(judged("A", "unlikely", "likely"), judged("B", "unlikely", "very likely")))
    >>> found.chances("T01")["p_benefit"]
    (0.66, 0.99)
    >>> found.to_bridge().rows[0].p_negligible
    (0.1, 0.33)
    """

    tests: tuple[ElicitedTest, ...]
    judgements: tuple[Judgement, ...]
    scale: LevelScale = field(default=LIKELIHOOD_SCALE, repr=False)
    order: Literal["refuse", "flag"] = "refuse"
    minimum_judges: int = 2
    name: str = ""

    def __post_init__(self) -> None:
        problems = elicitation_problems(self)
        if problems:
            raise EvidenceError(problems)

    @classmethod
    def from_toml(cls, path: str | Path, *, order: Literal["refuse", "flag"] = "refuse") -> Elicitation:
        """Judgements from a file with ``[tests.<id>]`` tables, each with ``judgements``; ``[scale]`` is optional."""
        from clustereffects.triangulation.elicitation.reading import parts_of_toml

        tests, judgements, scale, name = parts_of_toml(path)
        return cls(tests=tests, judgements=judgements, scale=scale, order=order, name=name)

    @classmethod
    def from_frame(
        cls,
        judgements: pd.DataFrame,
        tests: pd.DataFrame,
        *,
        scale: LevelScale = LIKELIHOOD_SCALE,
        order: Literal["refuse", "flag"] = "refuse",
    ) -> Elicitation:
        """Judgements from two tables whose columns are the fields of ``Judgement`` and ``ElicitedTest``."""
        from clustereffects.triangulation.elicitation.reading import parts_of_frames

        tested, judged = parts_of_frames(judgements, tests)
        return cls(tests=tested, judgements=judged, scale=scale, order=order)

    def about(self, test: str) -> tuple[Judgement, ...]:
        """All judgements on one test."""
        found = tuple(one for one in self.judgements if one.test == test)
        if not found:
            known = ", ".join(one.id for one in self.tests)
            raise EvidenceError(
                Problem(what=f"no test {test!r}", where=self.name, expected=known, remedy="use one of these")
            )
        return found

    def only(self, judges: Collection[str]) -> Elicitation:
        """The same without the other judges, for example those whose answers to seed questions were not calibrated."""
        kept = tuple(one for one in self.judgements if one.judge in judges)
        return replace(self, judgements=kept)

    def against(self, theory: Theory) -> pd.DataFrame:
        """One row per test and rival of its claim: how many judges were asked to suppose it. Nobody asked is a gap.

        Claims that the theory does not have, and rivals that are not those of the claim, are an ``EvidenceError``.
        """
        problems = theory_problems(self, theory)
        if problems:
            raise EvidenceError(problems)
        rows = [
            (test.id, test.claim, rival, len({one.judge for one in self.about(test.id) if one.rival == rival}))
            for test in self.tests
            for rival in theory.claim(test.claim).rivals
        ]
        return pd.DataFrame(rows, columns=["test", "claim", "rival", "judges"])

    def chances(self, test: str, measured: Mapping[str, Range] | None = None) -> dict[str, Range]:
        """Ranges ``p_benefit``, ``p_negligible``, ``p_harm`` of a test, ready for a ``Diagnostic`` or ``BridgeRow``.

        ``measured`` holds, by test, ranges of P(E | no effect) that were observed, for example among firms outside all
        organisations; they replace the judges' range.
        """
        ranges = {name: self._hull(test, name) for name in CHANCES}
        return ranges | ({"p_negligible": measured[test]} if measured and test in measured else {})

    def _hull(self, test: str, chance: str) -> Range:
        ranges = [self.scale.range_of(one.level(chance)) for one in self.about(test)]
        return min(low for low, _ in ranges), max(high for _, high in ranges)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of tests, judgements and scale, whatever their order: the pre-registration."""
        lines = sorted(repr(one) for one in (*self.tests, *self.judgements))
        return hashlib.sha256("\n".join([*lines, repr(self.scale.levels)]).encode()).hexdigest()

    def marked(self, evidence: Iterable[Evidence]) -> list[Evidence]:
        """Evidence in which diagnostics on the elicited tests name this elicitation, for the audit."""
        tests = {one.id for one in self.tests}
        mark = f"{self.name or 'elicitation'} {self.fingerprint[:12]}"
        return [
            replace(one, elicitation=mark) if isinstance(one, Diagnostic) and one.test in tests else one
            for one in evidence
        ]

    def to_bridge(self, measured: Mapping[str, Range] | None = None) -> Bridge:
        """Bridge of all tests on a code, with the judges' ranges as probabilities."""
        rows = [self._bridge_row(one, self.chances(one.id, measured)) for one in self.tests if one.code]
        return Bridge(rows=tuple(rows), name=self.name)

    @staticmethod
    def _bridge_row(test: ElicitedTest, chances: Mapping[str, Range]) -> BridgeRow:
        return BridgeRow(
            test=test.id,
            code=test.code,
            claim=test.claim,
            target=test.target,
            group=test.group,
            registered=test.registered,
            roles=test.roles,
            suggested_by=test.suggested_by,
            p_benefit=chances["p_benefit"],
            p_negligible=chances["p_negligible"],
            p_harm=chances["p_harm"],
        )

    def table(self, measured: Mapping[str, Range] | None = None) -> pd.DataFrame:
        """One row per test: judges, rivals, ranges, what kind of test follows, how strong it is, and flags."""
        return pd.DataFrame([self._row(one, measured or {}) for one in self.tests])

    def _row(self, test: ElicitedTest, measured: Mapping[str, Range]) -> dict[str, object]:
        chances, judged = self.chances(test.id, measured), self.about(test.id)
        without = tuple(map(max, chances["p_negligible"], chances["p_harm"]))
        ratios = likelihood_ratio_range(chances["p_benefit"], (without[0], without[1]))
        ends = {f"{name}_{end}": chances[name][i] for name in CHANCES for i, end in enumerate(("low", "high"))}
        return {
            "test": test.id,
            "claim": test.claim,
            "judges": len({one.judge for one in judged}),
            "rivals": ", ".join(dict.fromkeys(one.rival for one in judged)),
            **ends,
            "kind": " or ".join(kinds_of_test(chances["p_benefit"], (without[0], without[1]))),
            "ratio_low": ratios[0],
            "ratio_high": ratios[1],
            "support_if_seen": support_words(ratios),
            "flags": "; ".join(self._flags(test, judged, measured)),
        }

    def _flags(self, test: ElicitedTest, judged: tuple[Judgement, ...], measured: Mapping[str, Range]) -> list[str]:
        judges = len({one.judge for one in judged})
        flags = [order_flag(one) for one in judged]
        flags += [f"{judges} of at least {self.minimum_judges} judges"] if judges < self.minimum_judges else []
        flags += [] if any(one.p_harm for one in judged) else ["harm not asked, taken as no effect"]
        flags += ["p_negligible measured, not judged"] if test.id in measured else []
        return [flag for flag in flags if flag]

    def agreement(self, *, level: float = 0.95, draws: int = 999, rng: int | None = None) -> pd.DataFrame:
        """Ordinal alpha of the judges with bootstrap intervals, by question and over all of them.

        Units are tests × rivals; the bootstrap draws tests. NaN where no unit was judged twice or nobody varied.
        """
        rows = [
            (one.test, one.rival, one.judge, name, getattr(one, name)) for one in self.judgements for name in CHANCES
        ]
        ranks = [(*row[:4], self.scale.rank(row[4])) for row in rows if row[4]]
        return level_agreement(ranks, level=level, draws=draws, rng=rng)
