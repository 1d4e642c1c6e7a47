"""Time, memory and agreement of group-time effects, beside other packages.

Usage::

    python benchmarks/group_time.py                                    # cases A to E, this package alone
    python benchmarks/group_time.py --peers /path/to/python            # beside the packages of that interpreter
    python benchmarks/group_time.py --peers ... --cases A B C --packages diff-diff statspai --repeats 5
    python benchmarks/group_time.py --cases notyet varying unbalanced shuffled n100k n200k n400k

The cases are in ``group_time_data.py``. The second kind (``notyet`` … ``n400k``) goes to this package and diff-diff only.
A panel is simulated once per case and read by every run, so that all packages see the same rows. Each run is a process
of its own (``peers_group_time.py``, which says what is timed and how each package is called) after a warm-up on 400 units;
runs of different packages take turns, so that a busy moment does not hit one of them alone. ``--timeout`` ends a run
after so many seconds.

Results go to ``benchmarks/group_time.json`` (``--out``) after every run, with machine, versions and load; a table is printed
at the end. For figures worth keeping, let nothing else run: CPU seconds hardly suffer from company, wall seconds do. Case
D with all packages needs about 16 GB of memory and, with three repeats, an hour and a half.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from group_time_data import BEYOND, CASES, Case, simulate
from processes import figures, machine, run, write_columns

HERE = Path(__file__).resolve().parent
OWN = "clustereffects"
PEERS = ("diff-diff", "statspai", "csdid", "moderndid", "differences")
HEADER = """
| case | package | CPU s (min, median) | wall s (min, median) | CPU as multiple of ours | µs CPU per unit | memory added, MB | × frame | \
estimates differ by, s.e. | s.e. differ by |
|---|---|---|---|---|---|---|---|---|---|"""


@dataclass(frozen=True)
class Plan:
    """What is run: interpreters by package, repeats, seconds allowed, and where results go."""

    interpreters: dict[str, str]
    repeats: int
    timeout: float
    out: Path


def main() -> None:
    """Measure, write down, print."""
    plan, names = _arguments()
    results = {"machine": machine(), "started": time.strftime("%Y-%m-%d %H:%M"), "cases": {}}
    for name in names:
        results["cases"][name] = {}
        _case(name, plan, results)
    print(table(results))


def _arguments() -> tuple[Plan, list[str]]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=[*CASES, *BEYOND], metavar="CASE")
    parser.add_argument("--peers", help="interpreter that has the other packages")
    parser.add_argument("--packages", nargs="+", choices=PEERS, help="other packages to run, default all")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=1200.0, help="seconds for one run")
    parser.add_argument("--out", type=Path, default=HERE / "group_time.json")
    given = parser.parse_args()
    interpreters = {OWN: sys.executable}
    if given.peers:
        interpreters |= dict.fromkeys(given.packages or PEERS, given.peers)
    return Plan(interpreters, given.repeats, given.timeout, given.out), given.cases


def _case(name: str, plan: Plan, results: dict) -> None:
    """All runs of one case; what is known is written after each."""
    case = (CASES | BEYOND)[name]
    packages = [p for p in plan.interpreters if name in CASES or p in {OWN, "diff-diff"}]
    runs: dict[str, list[dict]] = {package: [] for package in packages}
    with tempfile.TemporaryDirectory() as folder:
        panel, warm_up = Path(folder) / "panel", Path(folder) / "warm_up"
        write(case, panel)
        write(replace(case, units=400), warm_up)
        for _ in range(plan.repeats):
            for package in packages:
                if not any("failure" in run for run in runs[package]):
                    runs[package].append(_run(package, plan, panel, warm_up))
                    print(name, package, _brief(runs[package][-1]), file=sys.stderr, flush=True)
                    results["cases"][name] = {"case": asdict(case), "packages": _summary(runs)}
                    plan.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def write(case: Case, folder: Path) -> None:
    """Columns of the panel in their order, and the case."""
    write_columns(simulate(case), folder)
    (folder / "case.json").write_text(json.dumps(asdict(case)), encoding="utf-8")


def _run(package: str, plan: Plan, panel: Path, warm_up: Path) -> dict:
    """One process; a failure is a result too."""
    target = panel.parent / "result.json"
    command = [plan.interpreters[package], HERE / "peers_group_time.py", package, panel, warm_up, target]
    return run(command, target, plan.timeout)


def _brief(run: dict) -> str:
    return run.get("failure") or f"{run['cpu_s']:.2f} s CPU, {run['wall_s']:.2f} s, {run['peak_mb']:.0f} MB"


def _summary(runs: dict[str, list[dict]]) -> dict[str, dict]:
    """Figures by package, and how far its answers are from ours."""
    own = next((run for run in runs[OWN] if "failure" not in run), None)
    return {package: _figures(done, own) for package, done in runs.items() if done}


def _figures(runs: list[dict], own: dict | None) -> dict:
    found = figures(runs)
    good = [one for one in runs if "failure" not in one]
    if good:
        kept = ("frame_mb", "versions", "python", "threads", "overall", "event")
        found |= {key: good[0][key] for key in kept}
        found["differs"] = difference(good[0], own) if own else None
    return found


def difference(one: dict, other: dict) -> dict[str, float]:
    """Largest difference of estimates, in standard errors, and of standard errors, relative; and what only one has."""
    pairs = [(one["overall"], other["overall"])]
    shared = one["event"].keys() & other["event"].keys()
    pairs += [(one["event"][e], other["event"][e]) for e in shared]
    ours, theirs = (np.array([pair[k] for pair in pairs], dtype=float) for k in (1, 0))
    return {
        "estimates_in_se": float(np.max(np.abs(theirs[:, 0] - ours[:, 0]) / ours[:, 1])),
        "std_errors_relative": float(np.max(np.abs(theirs[:, 1] / ours[:, 1] - 1))),
        "event_times_in_one_only": len(one["event"].keys() ^ other["event"].keys()),
    }


def table(results: dict) -> str:
    """Markdown table of everything measured."""
    lines = [HEADER]
    for name, entry in results["cases"].items():
        own = entry["packages"].get(OWN, {}).get("cpu_s")
        lines += [_line(name, entry, package, own) for package in entry["packages"]]
    return "\n".join(lines)


def _line(name: str, entry: dict, package: str, own: dict | None) -> str:
    figures = entry["packages"][package]
    if "cpu_s" not in figures:
        return f"| {name} | {package} | {'; '.join(figures['failures'])} |" + " |" * 7
    cpu, wall, peak = figures["cpu_s"], figures["wall_s"], figures["peak_mb"]["min"]
    multiple = cpu["min"] / own["min"] if own else float("nan")
    each = 1e6 * cpu["min"] / entry["case"]["units"]
    far = figures["differs"] or {}
    cells = [
        name,
        package,
        f"{cpu['min']:.3g}, {cpu['median']:.3g}",
        f"{wall['min']:.3g}, {wall['median']:.3g}",
        f"{multiple:.1f}",
        f"{each:.2f}",
        f"{peak:.0f}",
        f"{peak / figures['frame_mb']:.1f}",
        f"{far.get('estimates_in_se', float('nan')):.1e}",
        f"{far.get('std_errors_relative', float('nan')):.1e}",
    ]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
