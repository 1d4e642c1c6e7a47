"""A study: the whole method on a region's own files."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clustereffects.errors import ClusterEffectsWarning, PlanError, Problem, StudyError
from clustereffects.study._withheld import hidden_cells
from clustereffects.study.content import Results, build_content, policy_of
from clustereffects.study.evidence import gather
from clustereffects.study.firms import estimate, prepare
from clustereffects.study.inputs import examine
from clustereffects.study.plan import Plan
from clustereffects.study.report import Report
from clustereffects.study.triangulate import triangulation_of

STEPS = (
    "reading and checking the files",
    "building the panel",
    "matching and estimating effects",
    "triangulating the three perspectives",
    "writing up",
)


@dataclass(frozen=True, slots=True)
class Study:
    """A plan with its files, ready to be checked and run.

    Parameters
    ----------
    plan : Plan

    Raises
    ------
    PlanError
        From ``from_toml``, if the plan itself is not valid; the problems of the files are listed with it.
    StudyError
        From ``run``, if the files have problems; ``preflight`` lists them.

    Examples
    --------
    >>> import tempfile
    >>> from clustereffects.datasets import simulate_region
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = Study.from_toml(simulate_region(folder, rng=1).study)
    ...     study.preflight()
    []
    """

    plan: Plan

    @classmethod
    def from_toml(cls, path: str | Path) -> Study:
        """Study from a plan file."""
        plan, problems = Plan.read(path)
        if problems:
            # The files are looked at with the defaults in place of what is wrong, so that one call lists everything.
            raise PlanError([*problems, *examine(plan)[1]])
        return cls(plan)

    def preflight(self) -> list[Problem]:
        """Every problem of every file, in one list, before anything is fitted."""
        return examine(self.plan)[1]

    def run(self, *, progress: bool = True) -> Report:
        """Run the study; ``progress`` shows a bar on the terminal."""
        with warnings.catch_warnings(), _bar(progress=progress) as step:
            # What the estimators warn of stands among the checks of the report.
            warnings.simplefilter("ignore", ClusterEffectsWarning)
            step(0)
            inputs, problems = examine(self.plan)
            if inputs is None or problems:
                raise StudyError(problems)
            step(1)
            data = prepare(self.plan, inputs)
            step(2)
            horizons = frozenset(int(claim.horizon) for claim in inputs.theory.claims if claim.scale == "log")
            firms = estimate(self.plan, data, horizons)
            step(3)
            hidden = hidden_cells(self.plan, inputs.theory, firms, policy_of(self.plan))
            evidence = tuple(gather(self.plan, inputs, firms))
            triangulation = triangulation_of(self.plan, inputs.theory, hidden)
            findings = triangulation.fit(evidence, overrides=inputs.overrides)
            step(4)
            results = Results(
                plan=self.plan,
                inputs=inputs,
                data=data,
                firms=firms,
                evidence=evidence,
                findings=findings,
                hidden=hidden,
                truth=_truth(self.plan),
            )
            content, files = build_content(results)
        return Report(content=content, files=files, languages=self.plan.languages, results=results)


def _truth(plan: Plan) -> Mapping[str, float]:
    """True programme effects of a simulated region, by outcome; empty for real ones."""
    path = plan.path("truth.json")
    if not path.is_file():
        return {}
    names = {"log_net_turnover": "log_turnover"}
    outcomes = (f"log_{name}" for name in plan.outcomes.names)
    try:
        true = json.loads(path.read_text(encoding="utf-8"))["programme"]["att"]["evaluable"]
        found = {outcome: true.get(names.get(outcome, outcome)) for outcome in outcomes}
        return {outcome: float(effect["overall_0_5"]) for outcome, effect in found.items() if effect}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}  # Somebody else's file of that name.


@contextmanager
def _bar(*, progress: bool) -> Iterator[Any]:
    if not progress:
        yield lambda _number: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<40}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(STEPS[0], total=len(STEPS))
        yield lambda number: bar.update(task, description=STEPS[number], completed=number)
        bar.update(task, description="done", completed=len(STEPS))
