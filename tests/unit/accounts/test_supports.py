import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import read_supports
from clustereffects.errors import InputError


def test_supports_and_what_is_not_usable():
    frame = pd.DataFrame(
        {
            "orgnr": ["165560000019", "556000-0018", None],
            "year": [2004] * 3,
            "programme": "Konsultcheck",
            "amount": ["42", "", "7"],
        }
    )
    supports = read_supports(frame, name="supports.csv")
    assert supports.frame.values.tolist() == [[5560000019, 2004, "Konsultcheck", 42.0]]
    table = supports.ledger.to_frame()
    assert table["row"].tolist() == [3, 4]
    assert table["detail"].tolist() == ["'556000-0018': wrong check digit", "empty"]


def test_amounts_and_programmes_may_be_missing():
    frame = read_supports(pd.DataFrame({"orgnr": [5560000019], "year": [2004]})).frame
    assert np.isnan(frame["amount"].iloc[0])


def test_problems_of_the_file_at_once():
    with pytest.raises(InputError, match="2 problems"):
        read_supports(pd.DataFrame({"orgnr": [5560000019], "year": ["i fjol"], "amount": ["mycket"]}))
