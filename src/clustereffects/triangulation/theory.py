"""Theory of change: nodes, links between them, claims about links, and the rival explanations of each claim."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from clustereffects.errors import FileError, TheoryError
from clustereffects.triangulation.theory_parts import Claim, Link, Node, Rival
from clustereffects.triangulation.theory_presets import preset_text
from clustereffects.triangulation.theory_reading import (
    SECTIONS,
    contradictions,
    in_file,
    parse,
    plain,
    problem,
    read_parts,
    toml_text,
)

__all__ = ["Claim", "Link", "Node", "Rival", "Theory"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Theory:
    """A theory of change with its claims.

    Parameters
    ----------
    nodes, links, claims, rivals : tuple of Node, Link, Claim, Rival

    Raises
    ------
    TheoryError
        With every problem at once: unknown nodes, links and rivals, claims without a rival, impossible numbers.

    Examples
    --------
    >>> theory = Theory.from_dict({
    ...     "nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}},
    ...     "claims": {"growth": {"outcome": "value_added", "scale": "log", "horizon": 3, "delta": 0.01,
    ...                           "rivals": ["boom"], "link": "ab"}},
    ...     "rivals": {"boom": {"en": "Export boom"}},
    ... })
    >>> theory.claim("growth").delta
    0.01
    >>> Theory.from_dict(theory.to_dict()) == theory == Theory.from_json(theory.to_json())
    True
    >>> len(Theory.preset("seven_innovation_gaps").claims)
    18
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    claims: tuple[Claim, ...]
    rivals: tuple[Rival, ...] = field(default=())

    def __post_init__(self) -> None:
        if problems := contradictions(self._parts):
            raise TheoryError(problems)

    @property
    def _parts(self) -> dict[str, tuple[Any, ...]]:
        return {name: getattr(self, name) for name in SECTIONS}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, file: str = "") -> Theory:
        """Theory from plain data in the layout of ``theory.toml``."""
        return cls(**read_parts(data, file))

    @classmethod
    def from_toml(cls, path: str | Path) -> Theory:
        """Theory from a file ``theory.toml``."""
        return cls._from_file(Path(path), "TOML")

    @classmethod
    def from_json(cls, source: str | Path) -> Theory:
        """Theory from a JSON file of the same layout, or from its text: a string that begins with a brace."""
        if isinstance(source, str) and source.lstrip().startswith("{"):
            return cls.from_dict(parse(source, "JSON"))
        return cls._from_file(Path(source), "JSON")

    @classmethod
    def preset(cls, name: str) -> Theory:
        """Theory that comes with the library, such as ``"seven_innovation_gaps"``; edit what ``to_toml`` gives."""
        return cls.from_dict(parse(preset_text(name), "TOML"), file=f"{name}.toml")

    @classmethod
    def _from_file(cls, path: Path, kind: str) -> Theory:
        try:
            data = parse(path.read_text(encoding="utf-8-sig"), kind)
        except OSError as error:
            raise FileError(problem(f"no theory can be read ({error})", str(path), f"a {kind} file")) from error
        except UnicodeDecodeError as error:
            wrong = problem(f"not {kind} in UTF-8: {error}", "", f"valid {kind} in UTF-8")
            raise TheoryError(in_file(wrong, path.name)) from error
        except TheoryError as error:
            raise TheoryError([in_file(one, path.name) for one in error.problems]) from error
        return cls.from_dict(data, file=path.name)

    def to_dict(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Plain data in the layout of ``theory.toml``; what has its default value is left out."""
        return plain(self._parts)

    def to_toml(self) -> str:
        """Text of a ``theory.toml`` with the same content."""
        return toml_text(self.to_dict())

    def to_json(self) -> str:
        """The same content as JSON, one key a line."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"

    def claim(self, name: str) -> Claim:
        """Claim with this identifier."""
        return _pick(self.claims, name, "claim")

    def rival(self, name: str) -> Rival:
        """Rival explanation with this identifier."""
        return _pick(self.rivals, name, "rival")

    def link(self, name: str) -> Link:
        """Link with this identifier."""
        return _pick(self.links, name, "link")


def _pick(entries: Iterable[_T], name: str, kind: str) -> _T:
    known = {entry.id: entry for entry in entries}  # type: ignore[attr-defined]
    if name not in known:
        raise TheoryError(problem(f"no {kind} {name!r}", "theory", ", ".join(known), "use one of these identifiers"))
    return known[name]
