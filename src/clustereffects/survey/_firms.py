"""From respondents to firms: one score per firm and wave, one over the waves, and the register they come from."""

from __future__ import annotations

import pandas as pd

from clustereffects.survey.frame import SurveyFrame

#: Label of the row over all waves, and of the firms that belong to no organisation.
ALL_WAVES = "all"
NON_MEMBERS = "non-members"
_FIRM = ["organisation", "orgnr"]


def firm_scores(scores: pd.DataFrame, scales: tuple[str, ...]) -> pd.DataFrame:
    """Score of each firm: the mean of its respondents in a wave; over the waves, the mean of its waves."""
    long = scores.melt(id_vars=[*_FIRM, "wave"], value_vars=list(scales), var_name="scale", value_name="score")
    answered = long.dropna(subset=["score"])
    by_wave = answered.groupby([*_FIRM, "wave", "scale"])["score"].agg(score="mean", respondents="size").reset_index()
    by_wave["wave"] = by_wave["wave"].astype(object)
    over = by_wave.groupby([*_FIRM, "scale"]).agg(score=("score", "mean"), respondents=("respondents", "sum"))
    return pd.concat([by_wave, over.reset_index().assign(wave=ALL_WAVES)], ignore_index=True)


def without_former_members(firms: pd.DataFrame, register: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Firms without those non-members that are members in another wave, and how many firms that leaves out."""
    members = set(register.loc[register["organisation"] != "", "orgnr"])
    mixed = (firms["organisation"] == "") & firms["orgnr"].isin(members)
    return firms.loc[~mixed], int(firms.loc[mixed, "orgnr"].nunique())


def firm_register(responses: pd.DataFrame, frame: SurveyFrame | None) -> pd.DataFrame:
    """Firms by organisation and wave: ``listed`` in the frame, ``asked``, ``answered``, number of ``respondents``.

    Without a frame only the firms that answered are known, and nothing says who was asked.
    """
    keys = [*_FIRM, "wave"]
    answered = responses.groupby(keys).size().rename("respondents").reset_index()
    listed = answered[keys].iloc[:0].assign(asked=False) if frame is None else frame.firms
    table = listed.assign(listed=True).merge(answered, on=keys, how="outer")
    for name in ("listed", "asked"):
        table[name] = table[name].eq(True)
    table["respondents"] = table["respondents"].fillna(0).astype("int64")
    table["answered"] = table["respondents"] > 0
    return table[[*keys, "listed", "asked", "answered", "respondents"]]


def populations(register: pd.DataFrame) -> dict[tuple[str, object], tuple[int, int]]:
    """Firms in the register and firms asked, by organisation and wave and over the waves."""
    ever = register.groupby(_FIRM)["asked"].any().reset_index().assign(wave=ALL_WAVES)
    sizes: dict[tuple[str, object], tuple[int, int]] = {}
    for table in (register, ever):
        for (organisation, wave), asked in table.groupby(["organisation", "wave"])["asked"]:
            sizes[str(organisation), wave] = (len(asked), int(asked.sum()))
    return sizes


def response_table(register: pd.DataFrame) -> pd.DataFrame:
    """Response rates by organisation and wave; the row over all waves sums them."""
    flags = register.assign(
        answered_asked=register["answered"] & register["asked"], unlisted=register["answered"] & ~register["listed"]
    )
    counted = {
        "population": ("orgnr", "size"),
        "asked": ("asked", "sum"),
        "answered": ("answered", "sum"),
        "answered_asked": ("answered_asked", "sum"),
        "unlisted": ("unlisted", "sum"),
        "respondents": ("respondents", "sum"),
    }
    by_wave = flags.groupby(["organisation", "wave"]).agg(**counted).reset_index()
    over = by_wave.groupby("organisation")[list(counted)].sum().reset_index().assign(wave=ALL_WAVES)
    table = pd.concat([by_wave.astype({"wave": object}), over], ignore_index=True)
    asked = table["asked"].where(table["asked"] > 0)
    table["response_rate"] = table.pop("answered_asked") / asked
    table["nonmember"] = table["organisation"] == ""
    table = table.sort_values(["nonmember", "organisation"], kind="stable").drop(columns="nonmember")
    table["organisation"] = table["organisation"].replace("", NON_MEMBERS)
    return table.reset_index(drop=True)
