"""Where a single item of evidence comes from."""

from __future__ import annotations

from dataclasses import dataclass

from clustereffects.results.provenance import Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceProvenance:
    """Where an item comes from, so that an auditor can go back to it.

    Parameters
    ----------
    source_hash : str
        Hash of the file or table that the item was read from.
    locator : str
        Place in the source: page, row, position.
    coder, method, version, timestamp : str
        Who read it, how, with which version of what, and when.
    pre_registered, blind : bool, optional
        Whether the item was announced before the data, and read by somebody who did not know the programme; ``None``
        where nothing says so.

    Raises
    ------
    TypeError
        If an argument is unknown.

    Examples
    --------
    >>> EvidenceProvenance(coder="AL", pre_registered=True).blind is None
    True
    """

    source_hash: str = ""
    locator: str = ""
    coder: str = ""
    method: str = ""
    version: str = ""
    timestamp: str = ""
    pre_registered: bool | None = None
    blind: bool | None = None

    @classmethod
    def of_result(cls, provenance: Provenance, method: str) -> EvidenceProvenance:
        """Provenance of an item that an estimator computed: fingerprint of its data, method and version.

        Parameters
        ----------
        provenance : Provenance
        method : str

        Returns
        -------
        EvidenceProvenance

        Raises
        ------
        AttributeError
            If ``provenance`` is none.

        Examples
        --------
        >>> EvidenceProvenance.of_result(Provenance(versions={"clustereffects": "1.0"}), "matched DiD").version
        'clustereffects 1.0'
        """
        version = provenance.versions.get("clustereffects", "")
        known = f"clustereffects {version}" if version else ""
        return cls(source_hash=provenance.fingerprint, method=method, version=known)
