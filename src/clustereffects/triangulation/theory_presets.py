"""Theories of change that come with the library, as text to be read and edited."""

from __future__ import annotations

from importlib.resources import files

from clustereffects.errors import OptionError, Problem

PRESETS = ("seven_innovation_gaps",)


def preset_text(name: str) -> str:
    """Text of a theory that comes with the library.

    Parameters
    ----------
    name : {"seven_innovation_gaps"}
        The gaps between a cluster's firms and research, education, capital, policy, each other, other clusters, and
        global markets, which a cluster organisation is to bridge.

    Returns
    -------
    str
        TOML in the layout of ``theory.toml``.

    Raises
    ------
    OptionError
        If there is no theory of that name.

    Notes
    -----
    The seven gaps are those of Lindqvist & Sölvell (2011, *Organising Clusters for Innovation: Lessons from City
    Regions in Europe*, CLUSNET final report, chapter 3). What firms do differently, the results, the smallest effects of
    interest, the horizons and the rival explanations are starting points of this library, to be replaced by what those
    involved agree on before the data are seen. No claim names a scale of a questionnaire: set ``survey_scale`` where
    the codebook has one.

    Examples
    --------
    >>> preset_text("seven_innovation_gaps").count("[nodes.gap_")
    7
    """
    if name not in PRESETS:
        raise OptionError(
            Problem(
                what=f"no theory {name!r} comes with the library",
                where="preset",
                expected="one of " + ", ".join(PRESETS),
                remedy="use one of these, or read your own with Theory.from_toml",
            )
        )
    path = files("clustereffects.triangulation") / "presets" / f"{name}.toml"
    return path.read_text(encoding="utf-8")
