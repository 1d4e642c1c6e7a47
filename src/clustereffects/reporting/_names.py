"""What sections share: names of claims and organisations, probabilities and tables as people read them."""

from __future__ import annotations

import math

import pandas as pd

from clustereffects.reporting.content import Content
from clustereffects.reporting.tables import number
from clustereffects.reporting.words import Wording


def claim_name(content: Content, say: Wording, claim: object) -> str:
    """Label of a claim: the theory's own, else that of a common claim, else its identifier."""
    own = content.labels.get(f"claims.{say.language}", {}).get(str(claim), "")
    return own or say.term("claim", claim).replace("_", " ")


def group_name(content: Content, say: Wording, group: object) -> str:
    """Name of an organisation, or the word for all together or for non-members."""
    return content.labels.get("organisations", {}).get(str(group)) or say.term("group", str(group).replace("-", "_"))


def named(content: Content, say: Wording, table: pd.DataFrame) -> pd.DataFrame:
    """Table with the names of its claims and organisations."""
    return table.assign(
        claim=[claim_name(content, say, claim) for claim in table["claim"]],
        group=[group_name(content, say, group) for group in table["group"]],
    )


def chance(value: float, say: Wording) -> str:
    """Probability in whole per cent, never 0 or 100: nothing here is that certain."""
    if not math.isfinite(value):
        return "–"
    shown = min(max(round(100 * value), 1), 99)
    return f"{shown}\u00a0%" if say.language == "sv" else f"{shown}%"


def chances(low: float, high: float, say: Wording) -> str:
    """Two probabilities, or one where both look the same."""
    first, last = chance(low, say), chance(high, say)
    return first if first == last else f"{first} – {last}"


def share(value: float, say: Wording) -> str:
    """Share in whole per cent; all of it is 100 %."""
    if not math.isfinite(value):
        return "–"
    return f"{100 * value:.0f}\u00a0%" if say.language == "sv" else f"{value:.0%}"


def shown(table: pd.DataFrame, say: Wording) -> pd.DataFrame:
    """Table with numbers as people read them and headers in the language of the report."""
    result = table.copy()
    for column in result.columns:
        if pd.api.types.is_float_dtype(result[column].dtype):
            result[column] = [number(float(value), say.language, 2) for value in result[column]]
    return result.set_axis([say.term("column", name) for name in result.columns], axis=1)
