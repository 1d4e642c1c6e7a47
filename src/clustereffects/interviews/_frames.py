"""Tables of codings and of interviews in canonical form: which columns, which types, and how two tables are joined."""

from __future__ import annotations

import hashlib
import hmac

import pandas as pd

from clustereffects.data.panel import to_pandas
from clustereffects.errors import CodingError, ColumnError, Problem

TEXTS = (
    "source",
    "organisation",
    "respondent",
    "role",
    "firm",
    "coder",
    "code",
    "code_path",
    "quote",
    "quote_hash",
    "status",
)
COLUMNS = (
    "source",
    "organisation",
    "respondent",
    "role",
    "coder",
    "code",
    "start",
    "end",
    "quote",
    "quote_hash",
    "code_path",
    "coded_at",
    "status",
    "firm",
)
SOURCE_TEXTS = ("organisation", "respondent", "role", "newline", "firm")
_WHO = ("organisation", "respondent", "role", "firm")
SOURCE_COLUMNS = ("source", *SOURCE_TEXTS, "coders", "named", "comments", "moved", "mismatched", "unverifiable")
UNKNOWN_CODER = "(unknown)"
_HASH_LENGTH = 16


def canonical(frame: object, name: str = "") -> pd.DataFrame:
    """Codings with all canonical columns: text without surrounding spaces, ``""`` where there is none."""
    table = _with_firm(to_pandas(frame))
    missing = [column for column in ("source", "code") if column not in table.columns]
    if missing:
        raise ColumnError(
            Problem(
                what="columns are missing: " + ", ".join(missing),
                where="header has " + ", ".join(map(str, table.columns)),
                expected="at least source and code",
                remedy="choose a preset, or pass a mapping from canonical names to those of the file",
                file=name,
            )
        )
    result = pd.DataFrame({column: _texts(table, column) for column in TEXTS}, dtype=object)
    for column in ("start", "end"):
        values = table[column] if column in table.columns else pd.Series(pd.NA, index=table.index)
        result[column] = _whole(values).to_numpy()
    result["coded_at"] = _dates(table).to_numpy()
    result["coder"] = result["coder"].where(result["coder"] != "", UNKNOWN_CODER)
    result["code_path"] = result["code_path"].where(result["code_path"] != "", result["code"])
    hashes = pd.Series([quote_hash(quote) for quote in result["quote"]], index=result.index, dtype=object)
    result["quote_hash"] = result["quote_hash"].where(result["quote_hash"] != "", hashes)
    return result.astype({"start": "Int64", "end": "Int64"})[list(COLUMNS)].reset_index(drop=True)


def unreadable_positions(frame: pd.DataFrame, table: pd.DataFrame) -> int:
    """Cells of ``start`` and ``end`` that held something which is not a whole number."""
    given = sum(int((_texts(frame, column) != "").sum()) for column in ("start", "end") if column in frame.columns)
    return given - int(table[["start", "end"]].notna().to_numpy().sum())


def sources_of(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per interview, from codings: where several respondents are named, all of them."""
    _refuse_two_organisations(frame)
    rows = []
    for source, part in frame.groupby("source", sort=False):
        named = {column: " + ".join(_distinct(part[column])) for column in _WHO}
        rows.append({"source": source, **named, "coders": tuple(sorted(set(part["coder"])))})
    return canonical_sources(pd.DataFrame(rows, columns=["source", *_WHO, "coders"]))


def canonical_sources(table: pd.DataFrame) -> pd.DataFrame:
    """Interviews with all canonical columns."""
    table = _with_firm(table)
    result = pd.DataFrame({"source": _texts(table, "source")}, dtype=object)
    for column in SOURCE_TEXTS:
        result[column] = _texts(table, column)
    coders = table["coders"] if "coders" in table.columns else pd.Series([()] * len(table), dtype=object)
    result["coders"] = pd.Series([_coders(value) for value in coders], index=result.index, dtype=object)
    result["named"] = table["named"].to_numpy(dtype=bool) if "named" in table.columns else True
    for column in ("comments", "moved", "mismatched", "unverifiable"):
        result[column] = table[column].to_numpy(dtype="int64") if column in table.columns else 0
    return result[list(SOURCE_COLUMNS)].reset_index(drop=True)


def joined_sources(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Interviews of two tables; what one leaves empty the other fills, and an unnamed case gives way to a named one."""
    rows, torn = [], dict[str, list[str]]()
    both = pd.concat([first, second], ignore_index=True)
    both["place"] = both["source"].map({source: place for place, source in enumerate(both["source"].unique())})
    both = both.sort_values(["place", "named"], ascending=[True, False], kind="stable")
    for source, part in both.groupby("source", sort=False):
        organisations = _distinct(part["organisation"])
        torn |= {str(source): organisations} if len(organisations) > 1 else {}
        row: dict[str, object] = {"source": source, "organisation": "".join(organisations)}
        row |= {column: next(iter(_distinct(part[column])), "") for column in SOURCE_TEXTS[1:]}
        row["coders"] = tuple(sorted(set().union(*part["coders"])))
        row["named"] = bool(part["named"].any())
        row |= {column: int(part[column].max()) for column in ("comments", "moved", "mismatched", "unverifiable")}
        rows.append(row)
    refuse_several_organisations(torn)
    return canonical_sources(pd.DataFrame(rows, columns=list(SOURCE_COLUMNS)))


def with_source_columns(frame: pd.DataFrame, sources: pd.DataFrame) -> pd.DataFrame:
    """Codings whose organisation, respondent, role and firm are those of their interview."""
    keyed = sources.set_index("source")
    return frame.assign(**{column: frame["source"].map(keyed[column]) for column in _WHO})


def quote_hash(quote: str, key: str = "") -> str:
    """Fingerprint of a quote, blind to line breaks; keyed if a key is given, empty for an empty quote."""
    text = " ".join(quote.split()).encode()
    if not text:
        return ""
    digest = hmac.new(key.encode(), text, hashlib.sha256) if key else hashlib.sha256(text)
    return digest.hexdigest()[:_HASH_LENGTH]


def _with_firm(table: pd.DataFrame) -> pd.DataFrame:
    """The respondent's firm may also be given as its organisation number."""
    return table.rename(columns={"orgnr": "firm"}) if "orgnr" in table and "firm" not in table else table


def _texts(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table.columns:
        return pd.Series([""] * len(table), index=table.index, dtype=object)
    values = table[column].astype(object)
    cleaned = ["" if missing else str(value).strip() for value, missing in zip(values, values.isna(), strict=True)]
    return pd.Series(cleaned, index=table.index, dtype=object)


def _whole(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values.astype(object), errors="coerce").astype("Float64")
    return numbers.where(numbers.mod(1).eq(0) & numbers.ge(0)).astype("Int64")


def _dates(table: pd.DataFrame) -> pd.Series:
    if "coded_at" not in table.columns:
        return pd.Series(pd.NaT, index=table.index, dtype="datetime64[ns]")
    parsed = pd.to_datetime(table["coded_at"], utc=True, errors="coerce", format="ISO8601")
    return parsed.dt.tz_localize(None).astype("datetime64[ns]")


def _coders(value: object) -> tuple[str, ...]:
    parts = value.split("|") if isinstance(value, str) else value if isinstance(value, (tuple, list, set)) else ()
    return tuple(sorted({str(part).strip() for part in parts} - {""}))


def _distinct(values: pd.Series) -> list[str]:
    return [value for value in dict.fromkeys(values) if value]


def _refuse_two_organisations(frame: pd.DataFrame) -> None:
    found = {str(source): _distinct(part) for source, part in frame.groupby("source", sort=False)["organisation"]}
    refuse_several_organisations({source: names for source, names in found.items() if len(names) > 1})


def refuse_several_organisations(found: dict[str, list[str]], file: str = "") -> None:
    """Raise one error for all interviews that belong to several organisations."""
    problems = [
        Problem(
            what=f"interview {source!r} belongs to several organisations",
            where=", ".join(organisations),
            expected="one organisation per interview",
            remedy="correct the table or the cases, or split the interview",
            file=file,
        )
        for source, organisations in found.items()
    ]
    if problems:
        raise CodingError(problems)
