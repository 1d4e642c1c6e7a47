"""The codebook of a survey: what each answer code means, which items form a scale, and which claim a scale speaks to."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clustereffects.errors import FileError, Problem, SurveyError
from clustereffects.survey._codebook_rules import contradictions, parse


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question, with its wording in Swedish and English.

    Parameters
    ----------
    name : str
        Column of the answers.
    sv, en : str
        Wording; empty if the codebook does not give it.

    Raises
    ------
    TypeError
        If the name is missing.

    Examples
    --------
    >>> Item(name="g1", en="Membership has increased our sales").text("en")
    'Membership has increased our sales'
    """

    name: str
    sv: str = ""
    en: str = ""

    def text(self, language: str) -> str:
        """Wording in a language, or the name of the item where there is none."""
        return {"sv": self.sv, "en": self.en}.get(language, "") or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Items that measure one thing, with the range of their answer codes.

    Parameters
    ----------
    name : str
    items : tuple of str
    reversed : tuple of str
        Items in which a high answer means little of what the scale measures.
    minimum, maximum : int
        Lowest and highest answer code.
    neutral : float
        The answer that means "no effect"; the middle of the range if not given.
    claim : str
        Claim of the theory of change that the scale speaks to, empty if none.
    negative_control : bool
        Whether the items ask about something that membership cannot affect.

    Raises
    ------
    TypeError
        If a part is missing. Contradictions are reported by the ``Codebook``, all at once.

    Examples
    --------
    >>> scale = Scale(name="growth", items=("g1", "g2"), reversed=("g2",), minimum=1, maximum=5)
    >>> scale.neutral
    3.0
    """

    name: str
    items: tuple[str, ...]
    minimum: int
    maximum: int
    reversed: tuple[str, ...] = ()
    neutral: float = math.nan
    claim: str = ""
    negative_control: bool = False

    def __post_init__(self) -> None:
        middle = (self.minimum + self.maximum) / 2
        object.__setattr__(self, "neutral", middle if math.isnan(self.neutral) else float(self.neutral))


@dataclass(frozen=True, slots=True, kw_only=True)
class Codebook:
    """Scales, items, missing codes and the headers of the files.

    Parameters
    ----------
    scales : tuple of Scale
    items : tuple of Item
        Wording; an item of a scale that is not listed here has none.
    dont_know, not_applicable : tuple of int
        Answer codes that are not answers.
    columns : tuple of (str, str)
        Headers of a file and the canonical column each of them stands for.

    Raises
    ------
    SurveyError
        If anything contradicts anything else; every contradiction is listed.

    Examples
    --------
    >>> growth = Scale(name="growth", items=("g1", "g2"), minimum=1, maximum=5, claim="growth")
    >>> codebook = Codebook(scales=(growth,), dont_know=(98,), not_applicable=(99,))
    >>> codebook.item_names
    ('g1', 'g2')
    """

    scales: tuple[Scale, ...]
    items: tuple[Item, ...] = ()
    dont_know: tuple[int, ...] = ()
    not_applicable: tuple[int, ...] = ()
    columns: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        found = contradictions(self.scales, self.items, self.dont_know, self.not_applicable, self.columns, "")
        if found:
            raise SurveyError(found)

    @classmethod
    def from_toml(cls, path: str | Path) -> Codebook:
        """Read a codebook; every inconsistency is reported in one ``SurveyError``."""
        path = Path(path)
        return cls.from_dict(_load(path), file=path.name)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, file: str = "") -> Codebook:
        """Codebook from plain data with the tables of a codebook file."""
        parts, problems = parse(data, file)
        scales = tuple(Scale(**scale) for scale in parts.pop("scales"))
        items = tuple(Item(**item) for item in parts.pop("items"))
        problems += contradictions(scales, items, **parts, file=file)
        if problems:
            raise SurveyError(problems)
        return cls(scales=scales, items=items, **parts)

    def to_dict(self) -> dict[str, Any]:
        """Codebook as plain data, in the tables of a codebook file."""
        return {
            "missing": {"dont_know": list(self.dont_know), "not_applicable": list(self.not_applicable)},
            "columns": dict(self.columns),
            "scales": {scale.name: _scale_table(scale) for scale in self.scales},
            "items": {item.name: {"sv": item.sv, "en": item.en} for item in self.items},
        }

    @property
    def item_names(self) -> tuple[str, ...]:
        """All items of all scales, in the order of the codebook."""
        return tuple(item for scale in self.scales for item in scale.items)

    @property
    def scale_names(self) -> tuple[str, ...]:
        """All scales, in the order of the codebook."""
        return tuple(scale.name for scale in self.scales)

    @property
    def claims(self) -> dict[str, str]:
        """Scale of each claim that has one; negative controls speak to no claim."""
        return {scale.claim: scale.name for scale in self.scales if scale.claim and not scale.negative_control}

    def scale(self, name: str) -> Scale:
        """Scale of that name."""
        for scale in self.scales:
            if scale.name == name:
                return scale
        raise SurveyError(
            Problem(
                what=f"the codebook has no scale {name!r}",
                where=f"scales: {', '.join(self.scale_names)}",
                expected="a scale of the codebook",
                remedy="correct the name or add the scale",
            )
        )

    def item(self, name: str) -> Item:
        """Item of that name; without wording if the codebook gives none."""
        return next((item for item in self.items if item.name == name), Item(name=name))


def _scale_table(scale: Scale) -> dict[str, Any]:
    return {
        "claim": scale.claim,
        "items": list(scale.items),
        "reversed": list(scale.reversed),
        "minimum": scale.minimum,
        "maximum": scale.maximum,
        "neutral": scale.neutral,
        "negative_control": scale.negative_control,
    }


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FileError(
            Problem(
                what="the codebook cannot be read",
                where=error.strerror or "",
                expected="a TOML file",
                remedy="check its name and the path in the plan",
                file=path.name,
            )
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SurveyError(
            Problem(
                what="the codebook is not valid TOML",
                where=str(error),
                expected="tables [missing], [columns], [scales.*] and [items.*] in UTF-8",
                remedy="correct the line named",
                file=path.name,
            )
        ) from error
