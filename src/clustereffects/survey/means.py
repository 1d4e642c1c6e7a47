"""Mean scale scores of organisations, relative to the neutral answer, with design-based standard errors."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from clustereffects.data import SampleAccount
from clustereffects.results import Check, Provenance, Summary, tidy_frame
from clustereffects.survey._firms import ALL_WAVES, NON_MEMBERS, populations
from clustereffects.survey.codebook import Codebook, Scale
from clustereffects.survey.design import DesignMean, difference, simple_mean, stratified_mean

PROGRAMME = "programme"
_LABELS = ["organisation", "scale", "wave"]
_ESTIMANDS = {
    "members": "mean scale score of the member firms minus the neutral answer",
    "non_members": "mean scale score of comparable non-member firms minus the neutral answer",
    "difference": "mean scale score of the member firms minus that of the non-member firms",
}
_METHODS = {
    "members": "firm means; finite-population correction for the firms in the register",
    "no_frame": "firm means; no finite-population correction, as there is no frame",
    "strata": "firm means; strata are organisations, weighted by the firms in the register, with correction in each",
    "non_members": "firm means; no finite-population correction",
    "difference": "independent means, Welch degrees of freedom",
}
_SUSPICIOUS = 0.05


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaleMeans:
    """Means of organisations (or of the programme) by scale and wave, and their differences to non-members.

    Parameters
    ----------
    cells : DataFrame
        One row per mean: ``organisation, scale, wave, term`` (``"mean"`` or ``"difference"``), ``mean`` (on the scale
        of the answers), ``estimate`` (relative to the neutral answer), ``std_error, df, sd``, ``firms`` (with a
        score), ``respondents``, ``population`` (firms in the register), ``asked``, ``response_rate``, ``estimand``,
        ``method`` and the ``reason`` where there is no standard error.
    negative_controls : tuple of str
        Scales about something that membership cannot affect.
    sample : SampleAccount
    provenance : Provenance

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> from clustereffects.survey import Codebook, Scale, Survey
    >>> answers = pd.DataFrame({"respondent": list("abc"), "orgnr": [5560000001, 5560000002, 5560000003],
    ...                         "organisation": "K01", "wave": 2012, "g1": [4, 5, 3]})
    >>> survey = Survey(answers, codebook=Codebook(scales=(Scale(name="growth", items=("g1",), minimum=1, maximum=5),)))
    >>> survey.aggregate("organisation").tidy()[["organisation", "wave", "estimate"]].values.tolist()
    [['K01', 2012, 1.0], ['K01', 'all', 1.0]]
    """

    cells: pd.DataFrame
    sample: SampleAccount
    negative_controls: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    @property
    def estimand(self) -> str:
        """What is estimated, in words."""
        return "; ".join(dict.fromkeys(self.cells["estimand"]))

    def tidy(self, level: float = 0.95) -> pd.DataFrame:
        """One row per mean or difference: ``organisation, scale, wave``, then the columns of every tidy table."""
        labels = self.cells[_LABELS].set_axis(pd.Index(self.cells["term"], name="term"), axis=0)
        estimate, error, df = (self.cells[name].to_numpy(dtype=np.float64) for name in ("estimate", "std_error", "df"))
        table = tidy_frame(labels, estimate, error, level=level, df=df, text=("pointwise t", "", ""))
        return table.assign(estimand=self.cells["estimand"].to_numpy(), method=self.cells["method"].to_numpy())

    def glance(self) -> pd.DataFrame:
        """One row about the whole table."""
        counts = {name.replace(" ", "_"): count for name, count in self.sample.counts.items()}
        no_error = int(self.cells["std_error"].isna().sum())
        return pd.DataFrame([{"means": len(self.cells), "without_std_error": no_error, **counts}])

    def summary(self) -> Summary:
        """Means and differences over all waves."""
        over = self.tidy().loc[lambda t: t["wave"] == ALL_WAVES]
        shown = over[["organisation", "scale", "term", "estimate", "std_error", "conf_low", "conf_high"]]
        notes = (*dict.fromkeys(self.cells["method"]), *_reasons(self.cells))
        facts = (("Estimand", self.estimand), ("Scale", "0 is the neutral answer"))
        return Summary(title="Survey scales, all waves", facts=facts, table=shown, notes=notes)

    def checks(self) -> list[Check]:
        """Whether organisations report effects on what membership cannot affect."""
        table = self.tidy()
        table = table.loc[table["scale"].isin(self.negative_controls) & (table["wave"] == ALL_WAVES)]
        table = table.loc[table["term"] == "difference"]
        return [_control_check(table, scale) for scale in self.negative_controls if (table["scale"] == scale).any()]


def scale_means(
    firms: pd.DataFrame, register: pd.DataFrame, codebook: Codebook, *, by: str, framed: bool
) -> pd.DataFrame:
    """Cells of a ``ScaleMeans``: every scale and wave, members, non-members and their difference.

    Over all waves a firm's score is the mean of the waves it answered, and the population is every firm that was in
    the register of any wave.

    Parameters
    ----------
    firms : DataFrame
        ``organisation, orgnr, wave, scale, score, respondents``.
    register : DataFrame
        ``organisation, orgnr, wave, asked``, one row per firm.
    codebook : Codebook
    by : {"organisation", "programme"}
    framed : bool
        Whether the register is complete, so that its size is the population.

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        If more firms answered than there are in the register.

    Examples
    --------
    >>> from clustereffects.survey import Scale
    >>> codebook = Codebook(scales=(Scale(name="growth", items=("g1",), minimum=1, maximum=5),))
    >>> firms = pd.DataFrame({"organisation": "K01", "orgnr": ["1", "2"], "wave": "all", "scale": "growth",
    ...                       "score": [4.0, 5.0], "respondents": 1})
    >>> register = pd.DataFrame({"organisation": "K01", "orgnr": ["1", "2", "3", "4"], "wave": 2012, "asked": True})
    >>> cells = scale_means(firms, register, codebook, by="organisation", framed=True)
    >>> cells.loc[cells["wave"] == "all", ["estimate", "std_error", "population"]].round(4).values.tolist()
    [[1.5, 0.3536, 4.0]]
    """
    sizes = populations(register)
    groups = dict(tuple(firms.groupby(["organisation", "scale", "wave"])))
    organisations = sorted({name for name in register["organisation"] if name})
    keys = [(scale, wave) for scale in codebook.scales for wave in (*sorted(set(register["wave"])), ALL_WAVES)]
    method = {True: "members" if framed else "no_frame", False: "non_members"}
    cells = {
        (name, scale.name, wave): _cell(
            groups.get((name, scale.name, wave)),
            sizes.get((name, wave), (0, 0)),
            finite=framed and name != "",
            method=method[name != ""],
        )
        for scale, wave in keys
        for name in ("", *organisations)
    }
    if by == PROGRAMME:
        for scale, wave in keys:
            cells[PROGRAMME, scale.name, wave] = _programme([cells[n, scale.name, wave] for n in organisations])
        organisations = [PROGRAMME]
    rows = []
    for name in (*organisations, ""):
        for scale, wave in keys:
            rows += _rows((name, scale, wave), cells[name, scale.name, wave], cells["", scale.name, wave])
    table = pd.DataFrame(rows)
    return table if framed else table.assign(population=np.nan, asked=np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """Mean of some firms, and how many of them there are."""

    mean: DesignMean
    respondents: int
    population: int
    asked: int
    method: str


def _cell(group: pd.DataFrame | None, size: tuple[int, int], *, finite: bool, method: str) -> _Cell:
    scores = group["score"].to_numpy(dtype=np.float64) if group is not None else np.empty(0)
    population, asked = size
    return _Cell(
        mean=simple_mean(scores, float(population) if finite else np.inf),
        respondents=int(group["respondents"].sum()) if group is not None else 0,
        population=population,
        asked=asked,
        method=_METHODS[method],
    )


def _programme(cells: list[_Cell]) -> _Cell:
    present = [cell for cell in cells if cell.population]
    return _Cell(
        mean=stratified_mean([cell.mean for cell in present]),
        respondents=sum(cell.respondents for cell in present),
        population=sum(cell.population for cell in present),
        asked=sum(cell.asked for cell in present),
        method=_METHODS["strata"],
    )


def _rows(label: tuple[str, Scale, object], cell: _Cell, outside: _Cell) -> list[dict[str, object]]:
    if not cell.population:
        return []
    if not label[0]:
        return [_row((NON_MEMBERS, *label[1:]), cell, "non_members")]
    rows = [_row(label, cell, "members")]
    if outside.mean.n:
        rows.append(_row(label, cell, "difference", difference(cell.mean, outside.mean)))
    return rows


def _row(
    label: tuple[str, Scale, object], cell: _Cell, kind: str, contrast: DesignMean | None = None
) -> dict[str, object]:
    organisation, scale, wave = label
    shown = contrast or cell.mean
    return {
        "organisation": organisation,
        "scale": scale.name,
        "wave": wave,
        "term": "difference" if contrast else "mean",
        "mean": cell.mean.mean,
        "estimate": shown.mean if contrast else shown.mean - scale.neutral,
        "std_error": shown.std_error,
        "df": shown.df,
        "sd": cell.mean.sd,
        "firms": cell.mean.n,
        "respondents": cell.respondents,
        "population": cell.population,
        "asked": cell.asked,
        "response_rate": min(cell.mean.n / cell.asked, 1.0) if cell.asked else np.nan,
        "estimand": _ESTIMANDS[kind],
        "method": _METHODS["difference"] if contrast else cell.method,
        "reason": shown.reason,
    }


def _reasons(cells: pd.DataFrame) -> list[str]:
    missing = cells.loc[(cells["reason"] != "") & (cells["wave"] == ALL_WAVES)]
    return [f"{r.organisation}, {r.scale}: {r.reason}" for r in missing.itertuples()]


def _control_check(table: pd.DataFrame, scale: str) -> Check:
    rows = table.loc[table["scale"] == scale]
    high = rows.loc[(rows["p_value"] < _SUSPICIOUS) & (rows["estimate"] > 0), "organisation"].tolist()
    share = len(high) / len(rows)
    message = f"{len(high)} of {len(rows)} organisations agree more than non-members with {scale!r}, which asks about "
    message += "something that membership cannot affect" + (f": {', '.join(high)}" if high else "")
    return Check(
        name=f"negative control {scale}",
        verdict="warn" if high else "pass",
        statistic=share,
        threshold=_SUSPICIOUS,
        message=message,
        remedy="read the other scales net of this one; as_evidence declares it as bias" if high else "",
    )
