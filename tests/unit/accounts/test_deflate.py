import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import deflate, read_deflator
from clustereffects.errors import InputError


def test_prices_of_the_base_year():
    deflator = read_deflator(pd.DataFrame({"year": [2010, 2004], "index": [100.0, 80.0]}))
    assert deflator.years.tolist() == [2004, 2010]
    real = deflate([80.0, np.nan, -40.0], [2004, 2004, 2010], deflator, 2010)
    np.testing.assert_allclose(real, [100.0, np.nan, -40.0])
    np.testing.assert_allclose(deflate([100.0], [2010], deflator, 2004), [80.0])


def test_every_year_that_is_missing_is_listed():
    deflator = read_deflator(pd.DataFrame({"year": [2010], "index": [100.0]}), name="kpi")
    with pytest.raises(InputError, match="the deflator does not cover every year – missing: 2004, 2007") as error:
        deflator.factor([2007, 2004, 2010, 2004], 2010)
    assert error.value.problems[0].file == "kpi"
    with pytest.raises(InputError, match="missing: 1999"):
        deflator.factor([2010], 1999)


def test_all_problems_of_the_file_at_once(tmp_path):
    path = tmp_path / "deflator.csv"
    path.write_text("year;index\n2004;93,4\n2004;x\n2005,5;95\n", encoding="utf-8")
    with pytest.raises(InputError, match="3 problems") as error:
        read_deflator(path)
    assert [problem.what for problem in error.value.problems] == [
        "column 'year' holds fractions",
        "column 'index' holds something that is not a number",
        "a year occurs twice",
    ]


def test_an_index_is_positive():
    with pytest.raises(InputError, match="the price index is not positive – row 3: 0"):
        read_deflator(pd.DataFrame({"year": [2004, 2005], "index": [90, 0]}))
    with pytest.raises(InputError, match="row 3: empty"):
        read_deflator(pd.DataFrame({"year": [2004, 2005], "index": [90, None]}))
