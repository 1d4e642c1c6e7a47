"""A region that the package simulates itself, evaluated with the truth beside the estimate."""

from __future__ import annotations

import tempfile
from pathlib import Path

from clustereffects.datasets import simulate_region
from clustereffects.study.report import Report
from clustereffects.study.study import Study


def run_demo(folder: str | Path, *, seed: int = 2013, progress: bool = True) -> Report:
    """Simulate a region, evaluate it, and save the report.

    Parameters
    ----------
    folder : str or Path
        Where the report goes.
    seed : int
        Seed of the region.
    progress : bool
        Whether to show a bar on the terminal.

    Returns
    -------
    Report

    Raises
    ------
    OSError
        If the folder cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = run_demo(Path(folder) / "report", seed=1, progress=False)
    >>> "log_value_added" in report.content.truth
    True
    """
    with tempfile.TemporaryDirectory() as temporary:
        study = Study.from_toml(simulate_region(temporary, rng=seed).study)
        report = study.run(progress=progress)
    report.save(folder)
    return report
