"""Paths, links and attribution as tables, for one group and for all."""

import pytest

from clustereffects.errors import NotStoredError, OptionError
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation._theory_tables import attribution_table, links_table, paths_table
from triangulation_cases import PRIOR, did, sign, theory


@pytest.fixture
def findings():
    rival = sign("R1", (0.25, 0.5, 0.4), target="rival:boom")
    return Triangulation(theory(), prior=PRIOR).fit([did(), rival, did(group="K02", value=0.0, std_error=0.001)])


def test_paths_and_links(findings):
    paths = paths_table(findings.theory, findings.cells)
    assert paths[["group", "start", "end", "links", "weakest", "rule"]].values.tolist() == [
        ["K01", "a", "b", "ab", "ab", "any dependence"],
        ["K02", "a", "b", "ab", "ab", "any dependence"],
    ]
    assert paths["lower"].tolist() == [cell.bounds[2, 0] for cell in findings.cells]
    assert paths_table(findings.theory, findings.cells, "K02", "told so")["rule"].tolist() == ["declared independent"]
    links = links_table(findings.theory, findings.cells, "K01")
    assert links[["link", "claims", "note"]].values.tolist() == [["ab", "growth", ""]]
    with pytest.raises(NotStoredError):
        links_table(findings.theory, findings.cells, "K03")


def test_attribution(findings):
    table = attribution_table(findings.theory, findings.cells)
    assert table["group"].tolist() == ["K01"] * 3  # nobody looked into the rival of the other
    assert table["hypothesis"].tolist() == ["organisation", "boom", "other"]
    assert table["probability"].tolist() == pytest.approx([0.25, 0.5, 0.25])
    priors = {"growth": {"organisation": 0.8, "boom": 0.1, "other": 0.1}}
    assert attribution_table(findings.theory, findings.cells, priors)["prior"].tolist() == [0.8, 0.1, 0.1]
    with pytest.raises(OptionError, match="probabilities that add up to 1"):
        attribution_table(findings.theory, findings.cells, {"growth": {"boom": 1.0}})


def test_no_cells_no_rows(findings):
    assert paths_table(findings.theory, ()).empty
    assert list(attribution_table(findings.theory, ()))[:3] == ["claim", "group", "hypothesis"]
