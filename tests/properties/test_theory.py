"""A theory of change survives the way through TOML and JSON, whatever its names and labels are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from clustereffects.triangulation import Claim, Link, Node, Rival, Theory

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.lists(TEXT, min_size=2, max_size=4, unique=True)
POSITIVE = st.floats(min_value=1e-300, max_value=1e300)


@st.composite
def theories(draw):
    names, label = draw(NAMES), draw(TEXT)
    rivals = [name for name in draw(NAMES) if name != "organisation"] or ["boom"]
    overlaps = tuple(rivals[1:]) + draw(st.sampled_from([(), ("organisation",)]))
    kinds = st.sampled_from(["activity", "intermediate", "outcome"])
    claim = Claim(
        id=label,
        outcome="y" + label,
        scale="log",
        horizon=draw(st.floats(0, 50) | st.integers(0, 50)),
        delta=draw(POSITIVE),
        rivals=tuple(rivals),
        link=names[0],
        survey_scale=draw(TEXT),
        sv=draw(TEXT),
    )
    return Theory(
        nodes=tuple(Node(id=name, kind=draw(kinds), en=draw(TEXT)) for name in names),
        links=(Link(id=names[0], start=names[0], end=names[1], perspectives=("survey",)),),
        claims=(claim,),
        rivals=(Rival(id=rivals[0], overlaps=overlaps), *(Rival(id=name, sv=label) for name in rivals[1:])),
    )


@settings(derandomize=True, deadline=None, max_examples=150)
@given(theories())
def test_round_trips(tmp_path_factory, theory):
    path = tmp_path_factory.getbasetemp() / "theory.toml"
    path.write_bytes(theory.to_toml().encode())
    assert Theory.from_toml(path) == theory
    assert Theory.from_json(theory.to_json()) == theory
    assert Theory.from_dict(theory.to_dict()) == theory
