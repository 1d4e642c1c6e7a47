"""What the evidence of a survey is made from: scores of firms, and who answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from clustereffects.results import EvidenceProvenance
from clustereffects.survey.codebook import Codebook, Scale
from clustereffects.survey.means import PROGRAMME


@dataclass(frozen=True, kw_only=True, eq=False)
class SurveyMaterial:
    """What the evidence of a survey is made from.

    Parameters
    ----------
    scores : DataFrame
        Scores of firms over all waves, indexed by ``organisation`` (empty for non-members) and ``orgnr``, one column
        per scale.
    asked : mapping of str to bool
        Whether any firm of an organisation was asked.
    alphas : mapping of str to float
        Reliability of each scale over all waves.
    codebook : Codebook
    respondents : mapping of (str, str) to tuple of str
        Pseudonyms of those who answered, respondents and firms, by organisation and scale.
    provenance : EvidenceProvenance, optional

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> growth = Scale(name="growth", items=("g1",), minimum=1, maximum=5)
    >>> index = pd.MultiIndex.from_tuples([("K01", "1"), ("", "2")], names=["organisation", "orgnr"])
    >>> scores = pd.DataFrame({"growth": [4.0, 3.5]}, index=index)
    >>> material = SurveyMaterial(scores=scores, asked={"K01": True}, alphas={}, codebook=Codebook(scales=(growth,)))
    >>> material.centred("K01", growth).tolist()
    [1.0]
    """

    scores: pd.DataFrame
    asked: Mapping[str, bool]
    alphas: Mapping[str, float]
    codebook: Codebook
    respondents: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    provenance: EvidenceProvenance | None = None

    def centred(self, organisation: str, scale: Scale) -> pd.Series:
        """Scores of an organisation's firms relative to the neutral answer, one per firm that has one.

        For the programme those of all members, one per organisation and firm.
        """
        rows = self._rows(organisation)
        return rows[scale.name].dropna() - scale.neutral if scale.name in rows else self._nobody(organisation)

    def control(self, organisation: str, scale: Scale) -> pd.Series:
        """Mean of the negative controls with the same answer codes, relative to the neutral answer."""
        own = [
            self.centred(organisation, other)
            for other in self.codebook.scales
            if other.negative_control and (other.minimum, other.maximum) == (scale.minimum, scale.maximum)
        ]
        return pd.concat(own, axis=1).mean(axis=1) if own else self._nobody(organisation)

    def answered_by(self, organisation: str, scale: Scale) -> tuple[str, ...]:
        """Pseudonyms of those whose answers are behind a mean."""
        if organisation != PROGRAMME:
            return self.respondents.get((organisation, scale.name), ())
        members = set(self.scores.index.get_level_values("organisation")) - {""}
        return tuple(sorted({one for name in members for one in self.respondents.get((name, scale.name), ())}))

    def without_small(self, scale: Scale, minimum: int) -> SurveyMaterial:
        """Without the organisations of which too few firms have a score on the scale to say anything.

        What the programme says, and what the other organisations say, would give them away.
        """
        names = self.scores.index.get_level_values("organisation")
        scored = self.scores[scale.name].notna() if scale.name in self.scores else pd.Series(dtype=bool)
        firms = scored.groupby(level="organisation").sum() if len(scored) else scored
        kept = {"", *firms.index[firms >= minimum]}
        return replace(self, scores=self.scores.loc[names.isin(kept)])

    def _rows(self, organisation: str) -> pd.DataFrame:
        names = self.scores.index.get_level_values("organisation")
        if organisation == PROGRAMME:
            return self.scores.loc[names != ""]
        return self.scores.loc[names == organisation].droplevel("organisation")

    def _nobody(self, organisation: str) -> pd.Series:
        return pd.Series(dtype=np.float64, index=self._rows(organisation).index[:0])
