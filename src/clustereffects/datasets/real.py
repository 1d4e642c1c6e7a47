"""Three public data sets with their provenance: counties, firms and persons."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
import pandas as pd

from clustereffects.errors import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDescription:
    """Where a data set comes from and what it holds.

    Parameters
    ----------
    name : str
        Name in `describe`; the loader is ``load_<name>``.
    title : str
        Subject, places and years.
    carrier : str
        Package and file the table was taken from.
    licence : str
        Licence of the carrier; the numbers themselves are facts.
    citation : str
        Publication to cite.
    rows, columns : int
        Shape of the file.
    note : str
        What a user must know before using it.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> describe("jobtraining").licence
    'NCSA'
    """

    name: str
    title: str
    carrier: str
    licence: str
    citation: str
    rows: int
    columns: int
    note: str


DATASETS = (
    DatasetDescription(
        name="mpdta",
        title="Teen employment and minimum wages in 500 US counties, 2003–2007",
        carrier="R package did, data/mpdta.rda; as CSV also in the Python package csdid, data/mpdta.csv",
        licence="MIT (csdid); did itself is GPL-3",
        citation="Callaway, B., Sant'Anna, P. H. C. (2021). Journal of Econometrics 225(2), 200–230",
        rows=2500,
        columns=6,
        note="first.treat is the first year with a higher minimum wage; 0 = never in the period",
    ),
    DatasetDescription(
        name="jobtraining",
        title="Training grants to 157 manufacturing firms in Michigan, 1987–1989 (jtrain)",
        carrier="Python package linearmodels 7.1, datasets/jobtraining/jobtraining.csv.bz2",
        licence="NCSA",
        citation="Holzer, H., Block, R., Cheatham, M., Knott, J. (1993). ILR Review 46(4), 625–636",
        rows=471,
        columns=30,
        note="lscrap is known for 54 firms only; the loader adds first_grant, the year of the first grant (NaN = never)",
    ),
    DatasetDescription(
        name="lalonde",
        title="Earnings of 185 trainees of National Supported Work and 429 controls",
        carrier="R package MatchIt, data/lalonde.rda; the persons of nsw_dw and cps_controls3 in the R package lalonde",
        licence="CC0 (lalonde); MatchIt itself is GPL >= 2",
        citation="LaLonde, R. (1986). AER 76(4), 604–620; Dehejia, R., Wahba, S. (1999). JASA 94(448), 1053–1062",
        rows=614,
        columns=10,
        note="the controls are CPS-3, although MatchIt's help page calls them PSID",
    ),
)


def describe(name: str) -> DatasetDescription:
    """Provenance of a shipped data set.

    Parameters
    ----------
    name : {"mpdta", "jobtraining", "lalonde"}

    Returns
    -------
    DatasetDescription

    Raises
    ------
    InputError
        If no data set has this name.

    Examples
    --------
    >>> describe("mpdta").rows
    2500
    """
    for description in DATASETS:
        if description.name == name:
            return description
    raise InputError(
        Problem(
            what=f"there is no data set named {name!r}",
            where="datasets.describe",
            expected="one of " + ", ".join(description.name for description in DATASETS),
            remedy="use one of these names",
        )
    )


def load_mpdta() -> pd.DataFrame:
    """County teen employment and minimum-wage increases (Callaway & Sant'Anna 2021).

    Returns
    -------
    DataFrame
        2,500 rows: ``year, countyreal, lpop, lemp, first.treat`` (0 = never)``, treat``.

    Raises
    ------
    FileNotFoundError
        If the installation is incomplete.

    References
    ----------
    Callaway, B., Sant'Anna, P. H. C. (2021). Difference-in-differences with multiple time periods. Journal of
    Econometrics 225(2), 200–230.

    Examples
    --------
    >>> load_mpdta().groupby("first.treat")["countyreal"].nunique().to_dict()
    {0: 309, 2004: 20, 2006: 40, 2007: 131}
    """
    return _read("mpdta")


def load_jobtraining() -> pd.DataFrame:
    """Training grants to Michigan firms 1987–1989 (Holzer et al. 1993), known as jtrain.

    Returns
    -------
    DataFrame
        471 rows, one per firm (``fcode``) and year; ``first_grant`` is the year of the firm's first grant, NaN = never.

    Raises
    ------
    FileNotFoundError
        If the installation is incomplete.

    References
    ----------
    Holzer, H., Block, R., Cheatham, M., Knott, J. (1993). Are training subsidies for firms effective? The Michigan
    experience. Industrial and Labor Relations Review 46(4), 625–636.

    Examples
    --------
    >>> firms = load_jobtraining().drop_duplicates("fcode")
    >>> firms["first_grant"].value_counts().sort_index().to_dict(), int(firms["first_grant"].isna().sum())
    ({1988.0: 36, 1989.0: 30}, 91)
    """
    frame = _read("jobtraining")
    granted = frame["year"].where(frame["grant"] == 1, np.nan)
    return frame.assign(first_grant=granted.groupby(frame["fcode"]).transform("min"))


def load_lalonde() -> pd.DataFrame:
    """National Supported Work trainees and CPS-3 controls (LaLonde 1986; Dehejia & Wahba 1999).

    Returns
    -------
    DataFrame
        614 rows: ``id, treat, age, educ, race, married, nodegree, re74, re75, re78``.

    Raises
    ------
    FileNotFoundError
        If the installation is incomplete.

    References
    ----------
    Dehejia, R., Wahba, S. (1999). Causal effects in nonexperimental studies: reevaluating the evaluation of training
    programs. Journal of the American Statistical Association 94(448), 1053–1062.

    Examples
    --------
    >>> load_lalonde()["treat"].value_counts().to_dict()
    {0: 429, 1: 185}
    """
    return _read("lalonde")


def _read(name: str) -> pd.DataFrame:
    with resources.files(__package__).joinpath("files", f"{name}.csv").open("rb") as handle:
        return pd.read_csv(handle)
