"""Time and memory of the triangulation: every claim of every organisation, with everything a verdict is tested against.

Usage::

    python benchmarks/triangulation.py                  # all cases, five runs each
    python benchmarks/triangulation.py --cases region   # some of them
    python benchmarks/triangulation.py --table          # nothing is measured, the table is printed

The cases, always 15 organisations × 20 claims, that is 300 cells:

- ``region``: in each cell two estimates with a bias of their own (one with a range) and eight reports on four tests in
  two dependence groups, probabilities and ρ as ranges.
- ``joint``: the same, and survey and interviews share respondents, so that one group with a range of ρ holds an estimate
  and four reports.
- ``proportional``: as ``region``, and one estimate has a proportional bias as well.
- ``blocks``: as ``region``, and both estimates have a proportional bias of their own as well.

Linear algebra runs on one thread. CPU time is what counts where other programs run at the same time; the load of the last
minute is noted. Results go to ``benchmarks/triangulation.json``.
"""

from __future__ import annotations

import argparse
import json
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from processes import figures, machine, measure

from clustereffects.results import BiasTerm, Diagnostic, Estimate, versions
from clustereffects.triangulation import Theory, Triangulation

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "triangulation.json"
CLAIMS, GROUPS, REPORTS = 20, 15, 8
CASES = ("region", "joint", "proportional", "blocks")
DILUTION = BiasTerm(domain="dilution", kind="proportional", sd=0.2)
HEADER = "| case | cells | CPU s (least, median) | wall s (least, median) | memory added, MB | ms a cell |\n|---|---|---|---|---|---|"


def theory() -> Theory:
    """Twenty claims on one link."""
    claim = {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"], "link": "ab"}
    return Theory.from_dict(
        {
            "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
            "links": {"ab": {"from": "a", "to": "b", "perspectives": ["economic", "survey", "interviews"]}},
            "rivals": {"boom": {}},
            "claims": {f"c{i:02d}": claim for i in range(CLAIMS)},
        }
    )


def evidence(case: str) -> list[Estimate | Diagnostic]:
    """Evidence on every cell, drawn with one seed."""
    rng = np.random.default_rng(0)
    cells = [{"claim": f"c{c:02d}", "group": f"K{g:02d}"} for c in range(CLAIMS) for g in range(GROUPS)]
    return [item for about in cells for item in _cell(case, about, rng)]


def _cell(case: str, about: dict[str, str], rng: np.random.Generator) -> list[Estimate | Diagnostic]:
    optimism = BiasTerm(domain="self", mean=0.05, sd=0.05, mean_range=(0.02, 0.1), shared="answers")
    economic = Estimate(
        id="did", stream="economic", value=rng.normal(0.04, 0.05), std_error=0.03, bias=_selection(case), **about
    )
    survey = Estimate(
        id="scale", stream="survey", value=rng.normal(0.1, 0.05), std_error=0.03, bias=(optimism,), **about
    )
    reports = [
        Diagnostic(
            id=f"report {i}",
            stream="interviews",
            observed=bool(rng.random() < 0.5),
            p_benefit=(0.5, 0.7),
            p_negligible=0.3,
            p_harm=0.2,
            unreliability=0.1,
            dependence=f"tests {i % 2}",
            rho=(0.2, 0.8),
            test=f"test {i % 4}",
            **about,
        )
        for i in range(REPORTS)
    ]
    if case == "blocks":
        survey = replace(survey, bias=(optimism, DILUTION))
    if case == "joint":
        survey = replace(survey, dependence="tests 0", rho=(0.2, 0.8))
    return [economic, survey, *reports]


def _selection(case: str) -> tuple[BiasTerm, ...]:
    additive = BiasTerm(domain="selection", sd=0.03)
    return (additive, DILUTION) if case in {"proportional", "blocks"} else (additive,)


def run(case: str) -> dict[str, object]:
    """One fit with the figures of what it took."""
    framework, items = theory(), evidence(case)
    Triangulation(framework).fit(items[:20])

    def fit() -> dict[str, object]:
        return {"cells": len(Triangulation(framework).fit(items).cells)}

    return {**measure(fit, pd.DataFrame()), "load_1min": os.getloadavg()[0]}


def table(results: dict) -> str:
    """Results as a table in Markdown."""
    lines = [HEADER]
    for case, found in results["cases"].items():
        cpu, wall = (f"{found[key]['min']:.2f}, {found[key]['median']:.2f}" for key in ("cpu_s", "wall_s"))
        per_cell = 1000 * found["cpu_s"]["min"] / found["cells"]
        memory = f"{found['peak_mb']['median']:.0f}"
        lines.append(f"| {case} | {found['cells']} | {cpu} | {wall} | {memory} | {per_cell:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure what is asked for, keep the rest, print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--cases", nargs="+", choices=CASES, default=CASES)
    options.add_argument("--repeats", type=int, default=5)
    options.add_argument("--table", action="store_true")
    given = options.parse_args()
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"cases": {}}
    for case in () if given.table else given.cases:
        runs = [run(case) for _ in range(given.repeats)]
        results["cases"][case] = {"cells": runs[0]["cells"], **figures(runs)}
        results |= {"machine": machine(), "versions": versions()}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
