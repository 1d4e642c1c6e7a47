"""Judgements on tests made before the data, and what data say about them."""

from clustereffects.triangulation.elicitation.calibration import (
    CalibratedTest,
    Calibration,
    CalibrationOptions,
    calibrate_tests,
)
from clustereffects.triangulation.elicitation.cooke import CookeScores, cooke_scores
from clustereffects.triangulation.elicitation.errors import (
    NegativeControls,
    answers_from_items,
    coding_errors,
    negative_controls,
    type_one_errors,
    type_one_ranges,
)
from clustereffects.triangulation.elicitation.judges import Elicitation, ElicitedTest, Judgement
from clustereffects.triangulation.elicitation.levels import (
    LIKELIHOOD_SCALE,
    Level,
    LevelScale,
    informant_sensitivity,
    kind_of_test,
    likelihood_ratio_range,
    support_words,
)
from clustereffects.triangulation.elicitation.scores import ForecastScores

__all__ = [
    "LIKELIHOOD_SCALE",
    "CalibratedTest",
    "Calibration",
    "CalibrationOptions",
    "CookeScores",
    "Elicitation",
    "ElicitedTest",
    "ForecastScores",
    "Judgement",
    "Level",
    "LevelScale",
    "NegativeControls",
    "answers_from_items",
    "calibrate_tests",
    "coding_errors",
    "cooke_scores",
    "informant_sensitivity",
    "kind_of_test",
    "likelihood_ratio_range",
    "negative_controls",
    "support_words",
    "type_one_errors",
    "type_one_ranges",
]
