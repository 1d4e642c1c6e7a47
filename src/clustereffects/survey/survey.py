"""The member survey: scores, reliability, means with design-based errors, response rates."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from clustereffects.data import SampleAccount
from clustereffects.errors import OptionError, Problem, SurveyError
from clustereffects.results import Check, Evidence, EvidenceProvenance, Provenance, pseudonyms
from clustereffects.survey._checks import reliability_checks, response_checks
from clustereffects.survey._firms import (
    ALL_WAVES,
    firm_register,
    firm_scores,
    response_table,
    without_former_members,
)
from clustereffects.survey._material import SurveyMaterial
from clustereffects.survey._reliability_tables import item_table, keyed_answers, scale_table
from clustereffects.survey.codebook import Codebook
from clustereffects.survey.evidence import SurveyRules, survey_evidence
from clustereffects.survey.frame import SurveyFrame, read_frame
from clustereffects.survey.means import PROGRAMME, ScaleMeans, scale_means
from clustereffects.survey.reliability import Missing
from clustereffects.survey.responses import KEYS, Responses, read_responses
from clustereffects.survey.scores import items_needed, scale_scores


class Survey:
    """Answers of a member survey with their codebook and, if there is one, the frame they were drawn from.

    Parameters
    ----------
    responses : Responses, or path, data frame or sequence of these
        Anything but ``Responses`` is read with ``read_responses`` in its strict form.
    codebook : Codebook
    frame : SurveyFrame, path or data frame, optional
        Who is in the register of each wave and who was asked. Without it there are neither response rates nor
        finite-population corrections.

    Raises
    ------
    SurveyError
        If answers, codebook and frame do not fit together; everything that is wrong is listed.

    Examples
    --------
    >>> from clustereffects.survey import Scale
    >>> codebook = Codebook(scales=(Scale(name="growth", items=("g1", "g2"), reversed=("g2",), minimum=1, maximum=5),))
    >>> answers = pd.DataFrame({"respondent": list("abc"), "orgnr": [5560000001, 5560000002, 5560000003],
    ...                         "organisation": "K01", "wave": 2012, "g1": [4, 5, 3], "g2": [2, 1, 3]})
    >>> frame = pd.DataFrame({"orgnr": range(5560000001, 5560000006), "organisation": "K01", "wave": 2012, "asked": 1})
    >>> survey = Survey(answers, codebook=codebook, frame=frame)
    >>> survey.scores()["growth"].tolist()
    [4.0, 5.0, 3.0]
    >>> survey.nonresponse()["response_rate"].tolist()
    [0.6, 0.6]
    """

    def __init__(self, responses: Any, *, codebook: Codebook, frame: Any = None) -> None:
        read = responses if isinstance(responses, Responses) else read_responses(responses, codebook)
        listed = frame if frame is None or isinstance(frame, SurveyFrame) else read_frame(frame, codebook)
        problems = [*_missing_items(read, codebook), *_unknown_organisations(read, listed)]
        if problems:
            raise SurveyError(problems)
        self._responses, self._codebook, self._frame = read, codebook, listed
        self._register = firm_register(read.frame, listed)

    def __repr__(self) -> str:
        read = self._responses
        scales = ", ".join(self._codebook.scale_names)
        return f"Survey({len(read.frame)} answers, {len(read.waves)} waves, scales {scales})"

    @property
    def responses(self) -> Responses:
        """The answers."""
        return self._responses

    @property
    def codebook(self) -> Codebook:
        """The codebook."""
        return self._codebook

    @property
    def frame(self) -> SurveyFrame | None:
        """The frame, if there is one."""
        return self._frame

    def account(self) -> SampleAccount:
        """Account of the rows that were read."""
        return self._responses.account

    def scores(self, rule: str = "half") -> pd.DataFrame:
        """Score of each respondent on each scale: the mean of the answered items, reversed items turned round.

        ``rule`` says how many items must be answered: ``"half"`` of them (the default), ``"all"`` or ``"any"``.
        """
        table = self._responses.frame[list(KEYS)].copy()
        for scale in self._codebook.scales:
            keyed = keyed_answers(self._responses.frame, scale)
            table[scale.name] = scale_scores(keyed, needed=items_needed(rule, len(scale.items)))
        return table

    def reliability(
        self,
        by: Literal["scale", "item"] = "scale",
        *,
        missing: Missing = "pairwise",
        level: float = 0.95,
        respondents: Literal["all", "members", "non-members"] = "all",
    ) -> pd.DataFrame:
        """Cronbach's alpha by scale and wave, or what each item contributes; ``wave`` is ``"all"`` when pooled.

        ``by="scale"``: alpha with Feldt interval and Duhachek–Iacobucci standard error, standardised alpha, number of
        respondents, and the convention for missing answers. ``by="item"``: mean, standard deviation, share of lowest
        and highest answers, item-rest correlation, alpha without the item.
        """
        _option("by", by, ("scale", "item"))
        _option("missing", missing, ("pairwise", "listwise"))
        frame = self._of(respondents)
        if by == "item":
            return item_table(frame, self._codebook, missing=missing)
        return scale_table(frame, self._codebook, missing=missing, level=level)

    def aggregate(self, by: Literal["organisation", "programme"] = "organisation", *, rule: str = "half") -> ScaleMeans:
        """Mean scale score relative to the neutral answer, by organisation or for the whole programme.

        Respondents of a firm are averaged first, then firms. The standard error of an organisation is
        ``√((1 − n/N) s²/n)`` with ``N`` the firms in its register. Over all waves a firm's score is the mean of the
        waves it answered and ``N`` counts the firms that were in any wave's register. The programme is a stratified
        mean with organisations as strata. Non-members get their own row, and each mean its difference to them.
        """
        _option("by", by, ("organisation", PROGRAMME))
        if by == PROGRAMME and self._frame is None:
            raise SurveyError(
                Problem(
                    what="the programme cannot be weighted",
                    where="aggregate('programme')",
                    expected="the number of firms in each organisation",
                    remedy="give the frame of the survey",
                )
            )
        firms, mixed = self._firms(rule)
        cells = scale_means(firms, self._register, self._codebook, by=by, framed=self._frame is not None)
        account = self._responses.account
        counts = {**account.counts, "non-members left out as members of another wave": mixed}
        return ScaleMeans(
            cells=cells,
            negative_controls=tuple(scale.name for scale in self._codebook.scales if scale.negative_control),
            sample=SampleAccount(
                rows_in=account.rows_in, rows_used=account.rows_used, dropped=account.dropped, counts=counts
            ),
            provenance=Provenance.now(fingerprint=self.fingerprint(), options={"by": by, "rule": rule}),
        )

    def nonresponse(self) -> pd.DataFrame:
        """Firms in the register, asked and answered, and the response rate, by organisation and wave.

        ``response_rate`` is answering firms among those asked; ``unlisted`` firms answered without being in the
        frame. The row ``"all"`` sums the waves. Without a frame only ``answered`` and
        ``respondents`` are known.
        """
        table = response_table(self._register)
        if self._frame is None:
            table = table.assign(population=np.nan, asked=np.nan, unlisted=np.nan)
        return table

    def as_evidence(
        self,
        claims: Mapping[str, str] | None = None,
        *,
        estimates: Sequence[str] = (),
        rules: SurveyRules | None = None,
        rule: str = "half",
        by: Literal["organisation", "programme"] = "organisation",
        key: str = "",
    ) -> list[Evidence]:
        """Evidence of each organisation, or of all together, on each claim.

        Parameters
        ----------
        claims : mapping of str to str, optional
            Scale of each claim, empty where none asks about it; by default the claims that the codebook names.
        estimates : sequence of str
            Claims whose unit is the scale itself: they get an Estimate with a declared courtesy bias. All others get a
            Diagnostic, because agreement says nothing in the unit of the claim.
        rules : SurveyRules, optional
        rule : {"half", "all", "any"}
            Rule of ``scores``.
        by : {"organisation", "programme"}
            ``"programme"``: all members together, clustered by organisation.
        key : str
            Secret text with which items carry pseudonyms of their respondents and firms: given the same, interviews are
            recognised as being with somebody who answered. Without it they carry none.
        """
        wanted = dict(self._codebook.claims if claims is None else claims)
        unknown = [claim for claim in estimates if claim not in wanted]
        if unknown:
            raise SurveyError([_no_claim(claim, wanted) for claim in unknown])
        _option("by", by, ("organisation", PROGRAMME))
        return survey_evidence(self._material(rule, key), wanted, tuple(estimates), rules or SurveyRules(), by)

    def checks(self) -> list[Check]:
        """Response rates, reliability of the scales, and negative controls."""
        return [
            *response_checks(self.nonresponse()),
            *reliability_checks(self.reliability()),
            *self.aggregate("organisation").checks(),
        ]

    def fingerprint(self) -> str:
        """Hash of the answers and the frame."""
        digest = hashlib.blake2b(digest_size=16)
        for table in (self._responses.frame, self._register):
            digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        return digest.hexdigest()

    def _firms(self, rule: str) -> tuple[pd.DataFrame, int]:
        firms = firm_scores(self.scores(rule), self._codebook.scale_names)
        return without_former_members(firms, self._register)

    def _of(self, respondents: str) -> pd.DataFrame:
        _option("respondents", respondents, ("all", "members", "non-members"))
        frame = self._responses.frame
        if respondents == "all":
            return frame
        return frame.loc[(frame["organisation"] != "") == (respondents == "members")]

    def _material(self, rule: str, key: str) -> SurveyMaterial:
        firms, _ = self._firms(rule)
        over = firms.loc[firms["wave"] == ALL_WAVES]
        asked = self._register.assign(asked=self._register["asked"] | self._register["answered"])
        alphas = self.reliability().loc[lambda t: t["wave"] == ALL_WAVES].set_index("scale")["alpha"]
        return SurveyMaterial(
            scores=over.pivot_table(index=["organisation", "orgnr"], columns="scale", values="score"),
            asked={
                str(name): bool(any_) for name, any_ in asked.groupby("organisation")["asked"].any().items() if name
            },
            alphas={str(name): float(alpha) for name, alpha in alphas.items()},
            codebook=self._codebook,
            respondents=_pseudonyms(self.scores(rule), self._codebook, key),
            provenance=EvidenceProvenance(source_hash=self.fingerprint(), method="member survey"),
        )


def _pseudonyms(scores: pd.DataFrame, codebook: Codebook, key: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Who answered, as persons and as firms, by organisation and scale."""
    members = scores.loc[scores["organisation"] != ""] if key else scores.iloc[:0]
    return {
        (str(organisation), scale): pseudonyms({*part["respondent"], *part["orgnr"]}, key)
        for scale in codebook.scale_names
        for organisation, part in members.loc[members[scale].notna()].groupby("organisation")
    }


def _option(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(
            Problem(
                what=f"{name} is {value!r}",
                where="survey",
                expected="one of " + ", ".join(repr(choice) for choice in allowed),
                remedy="correct the option",
            )
        )


def _no_claim(claim: str, wanted: Mapping[str, str]) -> Problem:
    return Problem(
        what=f"the claim {claim!r} has no scale",
        where=f"claims: {', '.join(wanted)}",
        expected="one of the claims",
        remedy="name the scale that asks about it",
    )


def _missing_items(read: Responses, codebook: Codebook) -> list[Problem]:
    absent = [item for item in codebook.item_names if item not in read.frame]
    never = read.missing.groupby("item")[["not_asked"]].sum()["not_asked"] if not absent else pd.Series(dtype=int)
    asked = len(read.frame) - never
    absent += [item for item in codebook.item_names if item in asked and not asked[item]]
    return [
        Problem(
            what=f"item {item!r} is in none of the files",
            where="answers of all waves",
            expected="every item of the codebook in at least one wave",
            remedy="map its header under [columns] of the codebook, or remove it from its scale",
        )
        for item in absent
    ]


def _unknown_organisations(read: Responses, frame: SurveyFrame | None) -> list[Problem]:
    if frame is None:
        return []
    return [
        Problem(
            what=f"organisation {name!r} answered and is not in the frame",
            where=f"organisations of the frame: {', '.join(frame.organisations[:12])}",
            expected="every organisation of the answers in the frame",
            remedy="correct the name, or add its firms to the frame",
        )
        for name in read.organisations
        if name not in frame.organisations
    ]
