"""Coded interviews: who was interviewed, which coder put which code where, and what follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

import clustereffects.interviews._checks as _checks
import clustereffects.interviews._frames as _frames
import clustereffects.interviews._reliability as _reliability
from clustereffects.data.account import SampleAccount
from clustereffects.errors import CodingError, Problem
from clustereffects.interviews.bridge import Bridge
from clustereffects.interviews.probative import DiagnosticOptions, InterviewEvidence, diagnostics_of
from clustereffects.results.checks import Check
from clustereffects.results.pseudonyms import pseudonym

SAME_CODING = "the same coding twice (source, coder, code, start)"


@dataclass(frozen=True, slots=True, init=False, eq=False, repr=False)
class Codings:
    """Codings of interviews in canonical form.

    Parameters
    ----------
    frame : pandas, polars or pyarrow table
        One row per coding with at least ``source`` and ``code``; further ``organisation, respondent, role, firm
        (or orgnr), coder, start, end, quote, coded_at``. A row with a coder and an empty code says that this coder read the interview
        and found nothing.
    sources : DataFrame, optional
        One row per interview: ``source, organisation, respondent, role, firm, coders``; by default what the codings tell.
        Interviews in which nothing was coded exist only here.
    codebook : sequence of str
        Codes that the coders looked for; by default those that occur.
    origin : str
        File or program the codings come from.
    account : SampleAccount, optional
        Rows read and dropped on the way.
    reading : sequence of Check
        What the reader found out about the file.

    Raises
    ------
    ColumnError
        If ``source`` or ``code`` is missing.
    CodingError
        If there is no interview at all, rows name no source, or an interview belongs to several organisations.

    Examples
    --------
    >>> frame = pd.DataFrame({"source": ["I1", "I1", "I2"], "organisation": ["K01", "K01", "K01"],
    ...                       "coder": ["AL", "BK", "AL"], "code": ["M1", "M1", "N1"]})
    >>> codings = Codings(frame)
    >>> codings
    <Codings: 3 codings with 2 codes by 2 coders in 2 interviews, 1 read by several coders>
    """

    _frame: pd.DataFrame
    _sources: pd.DataFrame
    codebook: tuple[str, ...]
    origin: str
    account: SampleAccount
    reading: tuple[Check, ...]

    def __init__(
        self,
        frame: object,
        *,
        sources: pd.DataFrame | None = None,
        codebook: tuple[str, ...] = (),
        origin: str = "",
        account: SampleAccount | None = None,
        reading: tuple[Check, ...] = (),
    ) -> None:
        table = _frames.canonical(frame, origin)
        _require_sources(table, sources, origin)
        found = _frames.sources_of(table)
        if sources is not None:
            given = _frames.canonical_sources(sources)
            unnamed = set(given.loc[~given["named"], "source"])
            found = found.assign(named=[source not in unnamed for source in found["source"]])
            found = _frames.joined_sources(given, found)
        coded = _frames.with_source_columns(table[table["code"] != ""].reset_index(drop=True), found)
        kept, again = _without_repeats(coded)
        names = tuple(dict.fromkeys([*codebook, *sorted(set(kept["code"]))]))
        if account is None:
            account = _first_account(len(table), len(table) - len(coded), again, len(kept))
        elif again:
            dropped = {**account.dropped, SAME_CODING: account.dropped.get(SAME_CODING, 0) + again}
            account = SampleAccount(
                rows_in=account.rows_in, rows_used=len(kept), dropped=dropped, counts=dict(account.counts)
            )
        values = (kept, found, names, origin, account, tuple(reading))
        for name, value in zip(("_frame", "_sources", "codebook", "origin", "account", "reading"), values, strict=True):
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        several = int((self._sources["coders"].map(len) >= 2).sum())
        return (
            f"<Codings: {len(self._frame)} codings with {len(self.codebook)} codes by {len(self.coders)} coders in "
            f"{len(self._sources)} interviews, {several} read by several coders>"
        )

    @property
    def frame(self) -> pd.DataFrame:
        """Codings, one row each, in canonical columns (a copy)."""
        return self._frame.copy()

    @property
    def sources(self) -> pd.DataFrame:
        """Interviews, one row each: organisation, respondent, role, coders, and how well places were recovered."""
        return self._sources.copy()

    @property
    def coders(self) -> tuple[str, ...]:
        """Everybody who read at least one interview."""
        return tuple(sorted(set().union(*self._sources["coders"])))

    @property
    def organisations(self) -> tuple[str, ...]:
        """Organisations with at least one interview."""
        return tuple(sorted(set(self._sources["organisation"]) - {""}))

    @property
    def first_coded(self) -> date | None:
        """Day of the first coding, if the file dates its codings: no test registered later was registered blind."""
        first = self._frame["coded_at"].min()
        return None if pd.isna(first) else first.date()

    def fingerprint(self) -> str:
        """Hash of codings and interviews."""
        digest = hashlib.blake2b(digest_size=16)
        for table in (self._frame, self._sources.assign(coders=self._sources["coders"].map("|".join))):
            digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
        return digest.hexdigest()

    def presence(self, combine: Literal["either", "both"] = "either") -> pd.DataFrame:
        """Interviews × codes: whether either coder (or every coder who read the interview) found the code."""
        found, read = _reliability.votes(self._frame, self._sources, self.codebook)
        seen = found > 0 if combine == "either" else (found == read[:, None]) & (read[:, None] > 0)
        return pd.DataFrame(seen, index=pd.Index(self._sources["source"], name="source"), columns=list(self.codebook))

    def agreement(
        self,
        measure: Literal["alpha", "kappa", "ac1"] = "alpha",
        *,
        level: float = 0.95,
        draws: int = 999,
        rng: int | np.random.Generator | None = None,
    ) -> pd.DataFrame:
        """Agreement between coders per code and overall, with bootstrap intervals.

        The unit is *interview × code*: did this coder use the code in this interview or not? Only interviews that
        several coders read count. The bootstrap draws interviews. ``kappa`` is Cohen's for two coders and Fleiss' for
        more. Columns: ``code, measure, estimate, std_error, conf_low, conf_high, level, interval, units, coders,
        percent_agreement, prevalence, undefined_draws``; the last row is ``overall``.

        Raises
        ------
        CodingError
            If no interview was read by two coders.
        OptionError
            If the measure is unknown or an option is out of range.
        """
        judged = _reliability.judgements(self._frame, self._sources, self.codebook)
        return _reliability.agreement_table(judged, measure, level=level, draws=draws, rng=rng)

    def unreliability(self, options: DiagnosticOptions | None = None) -> pd.DataFrame:
        """Per code: how uninformative one coder's report is (ε), and how often such a report says "heard" (q).

        See ``clustereffects.interviews.probative.report_error`` for the model.
        """
        options = DiagnosticOptions() if options is None else options
        judged = _reliability.judgements(self._frame, self._sources, self.codebook)
        return _reliability.unreliability_table(judged, options)

    def diagnostics(
        self, bridge: Bridge, options: DiagnosticOptions | None = None, *, key: str = ""
    ) -> list[InterviewEvidence]:
        """Evidence for the triangulation: one diagnostic per interview and registered test.

        Tests on the effect or a rival give ``clustereffects.results.evidence.Diagnostic`` items, heard or
        not; tests on another stream's bias give one
        ``clustereffects.results.evidence.BiasEvidence`` per organisation; a claim on which nobody in an
        organisation could be asked gives a ``clustereffects.results.evidence.Silence``. Codes without a row in
        the bridge move nothing.

        With a ``key``, items carry keyed pseudonyms of their respondents and their firms: give the survey the same key,
        and who answered both is recognised. Without one they carry none, and the tests of one claim that the same person
        answered hang together only if the bridge puts them into one group.
        """
        options = DiagnosticOptions() if options is None else options
        return diagnostics_of(self, bridge, options, key)

    def unbridged(self, bridge: Bridge) -> pd.DataFrame:
        """Codes without a row in the bridge, with the number of codings and interviews that therefore move nothing."""
        return _checks.unbridged(self._frame, self.codebook, bridge)

    def checks(self, bridge: Bridge | None = None, *, data_from: date | None = None) -> list[Check]:
        """What was found while reading, how well the interviews are covered, and whether the bridge fits."""
        found = [*self.reading, *_checks.coverage_checks(self._frame, self._sources, self.codebook)]
        if bridge is not None:
            found += _checks.bridge_checks(self._frame, self.codebook, bridge, data_from or self.first_coded)
        return found

    def merge(self, other: Codings) -> Codings:
        """Join two sets of codings, such as a project file and a table; what is in both counts once."""
        both = pd.concat([self._frame, other._frame], ignore_index=True)
        first = {_quote_key(row) for row in self._frame.itertuples()}
        again = np.array([_quote_key(row) in first for row in other._frame.itertuples()], dtype=bool)
        repeated = np.concatenate([np.zeros(len(self._frame), dtype=bool), again]) & (both["quote_hash"] != "")
        kept, same = _without_repeats(both[~repeated])
        account = SampleAccount(
            rows_in=len(both), rows_used=len(kept), dropped={"the same coding in both": int(repeated.sum()) + same}
        )
        return Codings(
            kept,
            sources=_frames.joined_sources(self._sources, other._sources),
            codebook=tuple(dict.fromkeys([*self.codebook, *other.codebook])),
            origin=" + ".join(name for name in (self.origin, other.origin) if name),
            account=account,
            reading=(*self.reading, *other.reading),
        )

    def with_sources(self, table: pd.DataFrame) -> Codings:
        """Add what a list of interviews knows: ``source``, any of ``organisation, respondent, role, firm, coders``.

        ``coders`` is a tuple, or text separated by ``|``. Interviews without a single coding are added, and coders
        who read an interview without finding anything become visible to the agreement.
        """
        sources = _frames.joined_sources(self._sources, _frames.canonical_sources(table))
        return self._replaced(_frames.with_source_columns(self._frame, sources), sources)

    def pseudonymised(self, key: str, *, quotes: bool = False) -> Codings:
        """Replace respondents and firms by keyed pseudonyms and quotes by keyed fingerprints (keep ``key`` away from the data).

        The same key gives the same pseudonyms, so that waves can be linked; without it they cannot be recomputed.
        Names of interviews and free text in quotes are not anonymised: check the former, and leave ``quotes`` off.
        """
        if not key:
            raise CodingError(
                Problem(what="the key is empty", where="", expected="a secret text", remedy="choose one and keep it")
            )
        columns = ("respondent", "firm")
        sources = self._sources.assign(
            **{column: [pseudonym(name, key) for name in self._sources[column]] for column in columns}
        )
        frame = _frames.with_source_columns(self._frame, sources)
        hashes = [_frames.quote_hash(quote, key) for quote in frame["quote"]]
        frame = frame.assign(quote_hash=hashes, quote=frame["quote"] if quotes else "")
        return self._replaced(frame, sources)

    def _replaced(self, frame: pd.DataFrame, sources: pd.DataFrame) -> Codings:
        return Codings(
            frame,
            sources=sources,
            codebook=self.codebook,
            origin=self.origin,
            account=self.account,
            reading=self.reading,
        )


def _quote_key(row: object) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in ("source", "coder", "code", "quote_hash"))


def _without_repeats(frame: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    place = frame["start"].astype("string").fillna("quote " + frame["quote_hash"].astype("string"))
    repeated = frame.assign(place=place).duplicated(["source", "coder", "code", "place"])
    return frame[~repeated].reset_index(drop=True), int(repeated.sum())


def _first_account(rows: int, empty: int, again: int, used: int) -> SampleAccount:
    reasons: Mapping[str, int] = {"read, nothing coded": empty, SAME_CODING: again}
    return SampleAccount(rows_in=rows, rows_used=used, dropped={why: n for why, n in reasons.items() if n})


def _require_sources(table: pd.DataFrame, sources: pd.DataFrame | None, origin: str) -> None:
    nameless = int((table["source"] == "").sum())
    if nameless:
        raise CodingError(
            Problem(
                what=f"{nameless} codings name no source",
                where="column source",
                expected="the interview of every coding",
                remedy="fill the column",
                file=origin,
                row=int(np.flatnonzero(table["source"] == "")[0]) + 2,
            )
        )
    if not len(table) and (sources is None or not len(sources)):
        raise CodingError(
            Problem(
                what="there is not a single interview",
                where=f"{len(table)} codings",
                expected="at least one interview",
                remedy="check that the export contains the coded sources",
                file=origin,
            )
        )
