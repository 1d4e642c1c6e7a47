"""What benchmarks share: measuring one call, and running measurements in processes of their own.

Needs NumPy and pandas only, so that the interpreters of all packages can read it.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd


def write_columns(frame: pd.DataFrame, folder: Path) -> None:
    """Columns of a frame in their order, one file each."""
    folder.mkdir(parents=True)
    for position, (name, values) in enumerate(frame.items()):
        np.save(folder / f"{position:02d}_{name}.npy", values.to_numpy())


def read_columns(folder: Path) -> pd.DataFrame:
    """Frame as it was written."""
    return pd.DataFrame({path.stem[3:]: np.load(path) for path in sorted(folder.glob("*.npy"))})


def measure(call: Callable[[], dict[str, object]], frame: pd.DataFrame) -> dict[str, object]:
    """Answer of a call with its CPU and wall seconds and the largest resident memory above that before it."""
    _forget_peak()
    before, cpu, wall = _resident("VmRSS"), cpu_seconds(), time.perf_counter()
    answer = call()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    megabytes = float(frame.memory_usage(index=False).sum()) / 2**20
    return {"cpu_s": cpu, "wall_s": wall, "peak_mb": _resident("VmHWM") - before, "frame_mb": megabytes, **answer}


def cpu_seconds() -> float:
    """CPU seconds of all threads and of finished children."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _resident(field: str) -> float:
    """Megabytes that the kernel reports for this process."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def _forget_peak() -> None:
    """Start the kernel's record of the largest resident memory anew."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def end_me_first() -> None:
    """Whoever runs out of memory here should be the one that the kernel ends."""
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def threads() -> dict[str, str]:
    """Environment variables that limit threads."""
    return {name: os.environ[name] for name in os.environ if name.endswith("_NUM_THREADS")}


def run(command: list[object], target: Path, timeout: float, environment: dict[str, str] | None = None) -> dict:
    """What a process wrote to ``target``, with the load before it; a failure is a result too."""
    target.unlink(missing_ok=True)
    load = os.getloadavg()[0]
    environment = os.environ | (environment or {})
    try:
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return {"failure": f"not finished after {timeout:.0f} s", "load_1min": load}
    if done.returncode or not target.exists():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return {"failure": f"ended with {done.returncode}: {last}", "load_1min": load}
    return json.loads(target.read_text(encoding="utf-8")) | {"load_1min": load}


def figures(runs: list[dict]) -> dict:
    """Least, median and all of what repeated runs took; failures and loads."""
    good = [run for run in runs if "failure" not in run]
    found: dict = {"failures": [run["failure"] for run in runs if "failure" in run]}
    found["load_1min"] = [round(run["load_1min"], 2) for run in runs]
    for key in ("cpu_s", "wall_s", "peak_mb") if good else ():
        values = [run[key] for run in good]
        found[key] = {"min": min(values), "median": statistics.median(values), "all": values}
    return found


def machine() -> dict[str, object]:
    """Processor, cores and memory."""
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.split(":")[1].strip() for line in facts if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"processor": model, "cores": os.cpu_count(), "memory_gb": round(memory, 1), "system": platform.system()}
