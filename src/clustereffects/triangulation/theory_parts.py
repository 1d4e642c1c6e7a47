"""Parts of a theory of change: nodes, links between them, claims about links, rival explanations of claims."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A box of the theory of change.

    Parameters
    ----------
    id, kind : str
        Identifier, and what it is: ``"activity"``, ``"intermediate"`` or ``"outcome"``.
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if the kind is unknown.

    Examples
    --------
    >>> Node(id="gaps", kind="intermediate", en="Narrower innovation gaps").en
    'Narrower innovation gaps'
    """

    id: str
    kind: str
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """An arrow of the theory of change.

    Parameters
    ----------
    id, start, end : str
        Identifier and the two nodes; the file calls the nodes ``from`` and ``to``.
    perspectives : tuple of str
        Streams that are expected to speak about the link.
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if a node or stream is unknown.

    Examples
    --------
    >>> Link(id="growth", start="behaviour", end="result", perspectives=("economic", "survey")).end
    'result'
    """

    id: str
    start: str
    end: str
    perspectives: tuple[str, ...] = ()
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that can be right or wrong: an effect on an outcome, with its scale, horizon and smallest size of interest.

    Parameters
    ----------
    id, outcome, scale : str
        Identifier, outcome, and the scale of the effect, such as ``"log"`` or ``"survey"``.
    horizon : float
        Years after joining at which the effect is meant.
    delta : float
        Smallest effect of interest, in units of the scale.
    rivals : tuple of str
        At least one other explanation of the same observation.
    link : str
        The link of the theory that the claim is about.
    survey_scale : str
        Scale of the questionnaire that speaks to the claim, empty for none.
    sv, en : str
        Labels in Swedish and English.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if delta is not positive or no rival is named.

    Examples
    --------
    >>> Claim(id="growth", outcome="value_added", scale="log", horizon=3, delta=0.01,
    ...       rivals=("export_boom",), link="growth").delta
    0.01
    """

    id: str
    outcome: str
    scale: str
    horizon: float
    delta: float
    rivals: tuple[str, ...]
    link: str
    survey_scale: str = ""
    sv: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """Another explanation of what a claim observes.

    Parameters
    ----------
    id : str
    sv, en : str
        Labels in Swedish and English.
    overlaps : tuple of str
        What it may have worked together with: other rivals, or ``"organisation"``. Naming it on one side is enough.
        Explanations without a declared overlap are taken to exclude each other.

    Raises
    ------
    TheoryError
        When the theory that contains it is built, if two rivals have the same identifier, one is called
        ``"organisation"``, or an overlap names nothing known.

    Examples
    --------
    >>> Rival(id="export_boom", en="Export boom", overlaps=("new_owner",)).overlaps
    ('new_owner',)
    """

    id: str
    sv: str = ""
    en: str = ""
    overlaps: tuple[str, ...] = ()
