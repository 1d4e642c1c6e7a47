"""How to sample a posterior that cannot be integrated."""

from __future__ import annotations

from dataclasses import dataclass

from clustereffects.errors import OptionError, Problem


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """Hamiltonian Monte Carlo (the No-U-Turn sampler of PyMC).

    Parameters
    ----------
    draws, tune : int
        Kept and discarded iterations of each chain.
    chains : int
        At least two, so that they can be compared.
    cores : int
        Chains that run at the same time. One is usually fastest for models of this size, and safe in notebooks.
    target_accept : float
        Acceptance rate that the step size aims at; larger means smaller steps and fewer divergences.

    Raises
    ------
    OptionError
        If an option has a value it cannot have; all problems are listed.

    Notes
    -----
    The first call compiles the model, which takes longer than the sampling itself (some 5–30 seconds).

    Examples
    --------
    >>> Sampler(draws=500).chains
    4
    """

    draws: int = 1000
    tune: int = 1000
    chains: int = 4
    cores: int = 1
    target_accept: float = 0.95

    def __post_init__(self) -> None:
        least = {"draws": 100, "tune": 100, "chains": 2, "cores": 1}
        problems = [
            _bad(name, getattr(self, name), f"a whole number, at least {value}")
            for name, value in least.items()
            if not isinstance(getattr(self, name), int) or getattr(self, name) < value
        ]
        if not 0.5 <= self.target_accept < 1.0:
            problems.append(_bad("target_accept", self.target_accept, "a number from 0.5 to below 1"))
        if problems:
            raise OptionError(problems)


def _bad(option: str, value: object, expected: str) -> Problem:
    return Problem(
        what=f"option {option}={value!r}", where="", expected=expected, remedy=f"give {option} another value"
    )
