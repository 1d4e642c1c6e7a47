import math

import numpy as np
import pytest

from clustereffects.errors import OptionError
from clustereffects.triangulation.elicitation import cooke_scores


def test_scores_worked_by_hand():
    """Two questions, quantiles at 10, 50 and 90 %; background 0–10 with ten per cent beyond on both sides."""
    quantiles = [[[2.0, 4.0, 6.0], [2.0, 4.0, 6.0]], [[0.0, 5.0, 10.0], [0.0, 5.0, 10.0]]]
    scores = cooke_scores(quantiles, [3.0, 7.0], levels=(0.1, 0.5, 0.9))
    assert scores.counts.tolist() == [[0, 1, 0, 1], [0, 1, 1, 0]]
    # shares (0, ½, 0, ½) against (.1, .4, .4, .1): I = ½ ln(1.25) + ½ ln 5 = .916291, 2·2·I = 3.665163
    # χ² with 3 degrees of freedom: 1 − F(x) = erfc(√(x/2)) + √(2x/π) e^(−x/2)
    x = 4 * (0.5 * math.log(1.25) + 0.5 * math.log(5))
    tail = math.erfc(math.sqrt(x / 2)) + math.sqrt(2 * x / math.pi) * math.exp(-x / 2)
    assert scores.calibration[0] == pytest.approx(tail, rel=1e-12)
    assert tail == pytest.approx(0.29999, abs=2e-4)
    # bins of the first judge on a range of 12: 3, 2, 2, 5; of the second: 1, 5, 5, 1
    first = 0.1 * math.log(0.1 * 12 / 3) + 0.8 * math.log(0.4 * 12 / 2) + 0.1 * math.log(0.1 * 12 / 5)
    second = 0.2 * math.log(0.1 * 12 / 1) + 0.8 * math.log(0.4 * 12 / 5)
    assert scores.information == pytest.approx([first, second], rel=1e-12)
    assert scores.weights()[1] == pytest.approx(
        scores.calibration[1] * second / (scores.calibration[0] * first + scores.calibration[1] * second)
    )


def test_the_cut_removes_judges():
    scores = cooke_scores([[[1.0, 2, 3]] * 3, [[1.9, 2, 2.1]] * 3], [0.0, 9.0, 8.0])
    assert scores.weights(cut=0.0).sum() == pytest.approx(1)
    with pytest.raises(OptionError, match=r"no judge reaches the calibration 0.9"):
        scores.weights(cut=0.9)


@pytest.mark.parametrize(
    ("quantiles", "answers", "options", "message"),
    [
        (np.ones((1, 2, 3)), [1.0], {}, "shapes|quantiles"),
        ([[[1.0, 1.0, 2.0]]], [1.0], {}, "do not rise"),
        ([[[1.0, 1.5, np.nan]]], [1.0], {}, "do not rise or numbers are missing"),
        ([[[1.0, 1.5, 2.0]]], [1.0], {"levels": (0.5, 0.1, 0.9)}, "levels"),
        ([[[1.0, 1.5, 2.0]]], [1.0], {"overshoot": 0.0}, "overshoot"),
    ],
)
def test_what_cannot_be_scored(quantiles, answers, options, message):
    with pytest.raises(OptionError, match=message):
        cooke_scores(quantiles, answers, **options)
