"""Writes anduryl.json: calibration, information and weights of Cooke's classical model by anduryl 1.2.2.

Run with anduryl and its requirements installed (its window toolkit is not needed and replaced by a dummy):
    python make.py
"""

import json
import sys
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np

for name in ("PyQt5", "PyQt5.QtCore", "PyQt5.QtGui", "PyQt5.QtWidgets", "anduryl.ui", "anduryl.ui.dialogs"):
    sys.modules[name] = MagicMock()

from anduryl.core.main import Project  # noqa: E402

HERE = Path(__file__).parent
LEVELS = [0.05, 0.5, 0.95]


def judgements():
    """Four judges of different bias and width on twelve seed questions, rounded to one decimal."""
    rng = np.random.default_rng(11)
    answers = np.round(rng.normal(50, 20, 12), 1)
    stated = []
    for bias, width in [(0, 25), (10, 10), (-5, 60), (0, 15)]:
        middle = answers + rng.normal(bias, 12, answers.size)
        spread = rng.uniform(0.6, 1.2, (2, answers.size)) * width
        stated.append(np.round(np.stack([middle - spread[0], middle, middle + spread[1]], axis=1), 1))
    return np.array(stated), answers


def main():
    stated, answers = judgements()
    project = Project()
    project.initialize(len(stated), answers.size, 0, len(LEVELS))
    names = [f"judge {i}" for i in range(len(stated))]
    project.experts.ids[:] = names
    project.experts.actual_experts[:] = range(len(names))
    project.items.ids[:] = [f"seed {i}" for i in range(answers.size)]
    project.items.scales[:] = ["uni"] * answers.size
    project.items.realizations[:] = answers
    project.items.use_quantiles[:] = True
    project.items.bounds[:] = project.items.overshoots[:] = np.nan
    project.assessments.quantiles[:] = LEVELS
    project.assessments.array[:] = stated.transpose(0, 2, 1)
    project.experts.calculate_weights(overshoot=0.1, alpha=0.05, calpower=1.0, experts=names)
    found = {
        "levels": LEVELS,
        "quantiles": stated.tolist(),
        "answers": answers.tolist(),
        "calibration": project.experts.calibration.tolist(),
        "information": project.experts.info_real.tolist(),
    }
    (HERE / "anduryl.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


main()
