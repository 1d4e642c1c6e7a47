"""A region small enough to read: four firms, a key, a deflator, a dirty member list."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import accounts as module

# Invented numbers with right check digits, except for the last digit of the ones that tests spoil.
FIRMS = (5560000019, 5560000027, 5560000035, 5560000043)
YEARS = tuple(range(2005, 2011))


def statement(orgnr, year, **cells):
    usual = {
        "orgnr": orgnr,
        "year": year,
        "legal_form": 49,
        "status": "A",
        "sni": "28110" if year <= 2007 else "25110",
        "municipality": "1780",
        "group_orgnr": None,
        "net_turnover": 2000.0,
        "value_added": 900.0,
        "personnel_cost": 700.0,
        "depreciation": 50.0,
        "operating_profit": 150.0,
        "total_assets": 1500.0,
        "employees": 2.0,
    }
    return {**usual, **cells}


@pytest.fixture
def make_statement():
    return statement


@pytest.fixture
def firms():
    return FIRMS


@pytest.fixture
def clean_frame():
    rows = [
        statement(firm, year, value_added=900.0 * (1 + 0.1 * place) ** (year - 2005))
        for place, firm in enumerate(FIRMS)
        for year in YEARS
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def key_frame():
    return pd.DataFrame(
        {"sni2002": ["28110", "22220", "22220"], "sni2007": ["25110", "18122", "58110"], "share": [1, 0.6, 0.4]}
    )


@pytest.fixture
def deflator_frame():
    return pd.DataFrame({"year": YEARS, "index": np.linspace(90, 100, len(YEARS))})


@pytest.fixture
def columns():
    return module.ACCOUNT_COLUMNS
