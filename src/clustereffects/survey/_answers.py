"""From cells to answers: every cell of an item has one state, and every row a firm and a wave."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.survey._cells import is_organisation_number, numbers, organisation_number, text, unanswered, whole
from clustereffects.survey._findings import Finding
from clustereffects.survey._sheet import Sheet
from clustereffects.survey.codebook import Codebook, Scale

STATES = ("answered", "dont_know", "not_applicable", "not_answered", "not_asked", "invalid")
_ANSWERED, _DONT_KNOW, _NOT_APPLICABLE, _NOT_ANSWERED, _NOT_ASKED, _INVALID = range(len(STATES))

# What is wrong, what was expected, what to do, what a repair does.
_NO_FIRM = ("no organisation number", "the firm of every respondent", "fill it in", "row left out")
_ODD_FIRM = ("not an organisation number", "ten digits", "correct it", "kept as it stands")
_NO_WAVE = ("no wave", "the year of the wave, a whole number", "fill it in", "row left out")
_UNNAMED = ("no respondent", "a name or number of the respondent", "fill it in", "named after the row")


def decode_keys(sheet: Sheet) -> tuple[pd.DataFrame, NDArray[np.bool_], list[Finding]]:
    """Respondent, firm, organisation, wave and role of each row; whether the row can be used; what was wrong."""
    frame = sheet.frame
    written = text(frame["orgnr"])
    orgnr = written.map(organisation_number)
    wave = whole(frame["wave"])
    no_firm, no_wave = (orgnr == "").to_numpy(dtype=bool), np.isnan(wave)
    odd = ~no_firm & ~orgnr.map(is_organisation_number).to_numpy(dtype=bool)
    respondent = text(frame["respondent"])
    unnamed = (respondent == "").to_numpy(dtype=bool)
    names = [f"{sheet.file or 'row'} {row}" for row in sheet.rows]
    keys = pd.DataFrame(
        {
            "respondent": respondent.where(~unnamed, pd.Series(names, index=respondent.index, dtype=object)),
            "orgnr": orgnr,
            "organisation": text(frame["organisation"]),
            "wave": np.where(no_wave, 0, wave).astype(np.int64),
            "role": text(frame["role"]) if "role" in frame else [""] * len(frame),
        }
    ).astype({"respondent": str, "orgnr": str, "organisation": str, "role": str})
    findings = [
        *_found(sheet, "orgnr", no_firm, _NO_FIRM),
        *_found(sheet, "orgnr", odd, _ODD_FIRM),
        *_found(sheet, "wave", no_wave, _NO_WAVE),
        *_found(sheet, "respondent", unnamed, _UNNAMED),
    ]
    return keys, ~(no_firm | no_wave), findings


def decode(sheet: Sheet, codebook: Codebook) -> tuple[pd.DataFrame, NDArray[np.int8], list[Finding]]:
    """Answers (NaN where none was given), the state of each cell, and the codes that are outside their scale."""
    values, states, findings = {}, [], []
    for scale in codebook.scales:
        for item in scale.items:
            if item in sheet.frame:
                value, state = _item(sheet.frame[item], scale, codebook)
                findings += _outside(sheet, item, state == _INVALID, scale)
            else:
                value, state = np.full(len(sheet.frame), np.nan), np.full(len(sheet.frame), _NOT_ASKED, dtype=np.int8)
            values[item] = value
            states.append(state)
    return pd.DataFrame(values), np.column_stack(states), findings


def missing_table(waves: pd.Series, states: NDArray[np.int8], codebook: Codebook) -> pd.DataFrame:
    """How many cells are in each state, by wave and item."""
    items = codebook.item_names
    counts = []
    for wave in sorted(waves.unique()):
        rows = states[(waves == wave).to_numpy(dtype=bool)]
        tally = np.stack([(rows == state).sum(axis=0) for state in range(len(STATES))], axis=1)
        counts.append(pd.DataFrame(tally, columns=list(STATES)).assign(wave=int(wave), item=items))
    return pd.concat(counts, ignore_index=True)[["wave", "item", *STATES]]


def _item(column: pd.Series, scale: Scale, codebook: Codebook) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    code = numbers(column)
    inside = (code >= scale.minimum) & (code <= scale.maximum) & (code == np.floor(code))
    state = np.full(len(code), _INVALID, dtype=np.int8)
    state[inside] = _ANSWERED
    state[np.isin(code, codebook.dont_know)] = _DONT_KNOW
    state[np.isin(code, codebook.not_applicable)] = _NOT_APPLICABLE
    state[unanswered(column)] = _NOT_ANSWERED
    return np.where(state == _ANSWERED, code, np.nan), state


def _outside(sheet: Sheet, item: str, invalid: NDArray[np.bool_], scale: Scale) -> list[Finding]:
    expected = f"a whole number from {scale.minimum} to {scale.maximum}, or a code of [missing]"
    remedy = "correct the answer, or declare the code in the codebook"
    return _found(sheet, item, invalid, ("a code outside the scale", expected, remedy, "set to missing"))


def _found(sheet: Sheet, column: str, bad: NDArray[np.bool_], wording: tuple[str, str, str, str]) -> list[Finding]:
    if not bad.any():
        return []
    what, expected, remedy, repair = wording
    rows = tuple(int(row) for row in sheet.rows[bad])
    return [
        Finding(
            file=sheet.file,
            column=column,
            what=what,
            rows=rows,
            cells=tuple(text(sheet.frame[column])[bad]),
            expected=expected,
            remedy=remedy,
            repair=repair,
        )
    ]
