"""Time and memory of importing the package and of a whole study, each in a process of its own.

Usage: python benchmarks/run.py [study.toml]

Without a plan a region of 40,000 firms is simulated. Figures go to benchmarks/results.json with the machine's
description; they are measured, never asserted.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPEATS = 7


def imported(module: str) -> float:
    """Median wall seconds of importing a module in a fresh interpreter, less the bare interpreter's."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(REPEATS)
    ]
    return statistics.median(float(run.stdout) for run in runs)


def study(plan: str, out: str) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of a run from files to report, as the command line does it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "clustereffects.cli", "run", plan, "--out", out]
    subprocess.run(command, check=True, capture_output=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_mb": round(after.ru_maxrss / 1024)}


def main() -> None:
    """Measure and write down."""
    pandas, own = imported("pandas"), imported("clustereffects")
    figures: dict[str, object] = {"import_s": {"pandas": pandas, "clustereffects": own, "ratio": own / pandas}}
    with tempfile.TemporaryDirectory() as folder:
        plan = sys.argv[1] if len(sys.argv) > 1 else str(simulated(folder))
        figures["study"] = study(plan, str(Path(folder) / "report"))
    figures["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_1min": os.getloadavg()[0],
    }
    (HERE / "results.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


def simulated(folder: str) -> Path:
    """Plan of a simulated region of the usual size."""
    from clustereffects.datasets import RegionOptions, simulate_region

    options = RegionOptions(n_firms=40_000, n_organisations=12, n_members=700, n_interviews=116)
    return simulate_region(Path(folder) / "region", options, rng=2013).study


if __name__ == "__main__":
    main()
