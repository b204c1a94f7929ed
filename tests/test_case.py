"""The case file: what is read, what is refused and how it is said."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amr.case import Case, load_case, reference
from amr.case.text import toml_document, toml_value
from amr.errors import CaseError
from tests.broken_cases import GOOD, all_broken

ROOT = Path(__file__).parent.parent
CASES = sorted((ROOT / "cases").glob("*.toml"))
ALL_BROKEN = all_broken()


def good(**sections) -> Case:
    return Case.from_dict({**tomllib.loads(GOOD), **sections})


# ---- good cases --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_every_case_file_reads_and_reads_back_as_itself(path, tmp_path):
    case = load_case(path)
    (tmp_path / "case.toml").write_text(case.to_toml())
    again = load_case(tmp_path / "case.toml")  # plugins are found from another directory too
    assert again.data == case.data
    assert (again.mesh, again.scheme, again.time) == (case.mesh, case.scheme, case.time)
    assert path.read_text().startswith("# "), "a case starts with what it is"
    assert case.output.directory == f"out/{path.stem}"


def test_defaults_are_filled_in(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text("""
        [mesh]
        lower = [0.0, 0.0]
        upper = [1.0, 1.0]
        root_blocks = [2, 2]
        periodic = [true, false]
        [physics]
        name = "burgers"
        [problem]
        name = "sine"
        [time]
        end = 1.0
        """)
    case = load_case(path)
    assert [c.kind for c in case.boundaries] == ["periodic", "periodic", "outflow", "outflow"]
    assert case.data["boundaries"] == {"x": ["periodic", "periodic"], "y": ["outflow", "outflow"]}
    assert case.scheme.riemann == "hll"
    assert case.buffer == 5 and case.refinement.buffer == "auto"
    assert case.output.directory == "out/small"
    assert case.mesh.block_cells == 16 and case.mesh.max_level == 0
    assert [i.label for i in case.indicators] == ["multiresolution"]


def test_periodic_follows_from_the_boundaries():
    case = good()
    assert case.mesh.periodic == [False, True]


def test_replace_merges_keys_and_checks_again():
    case = good()
    deeper = case.replace(mesh={"max_level": 5}, title="deeper")
    assert deeper.mesh.max_level == 5 and deeper.mesh.lower == case.mesh.lower and deeper.title == "deeper"
    assert case.mesh.max_level == 2
    with pytest.raises(CaseError, match="mesh.max_level = 50"):
        case.replace(mesh={"max_level": 50})
    other = case.replace(
        physics={"name": "burgers"}, problem={"name": "sine"}, scheme={"riemann": None}, refinement={"indicators": None}
    )
    assert other.physics.name == "burgers" and other.scheme.riemann == "hll" and "gamma" not in other.data["physics"]


def test_replace_keeps_the_other_choices():
    case = good(sources=[{"name": "gravity", "g": [0.0, -1.0]}])
    again = case.replace(time={"end": 2.0})
    assert [name for name, _ in again.sources] == ["gravity"] and again.data["sources"] == case.data["sources"]
    assert again.indicators[1].refine == 0.1


def test_overrides_are_toml_values_or_bare_words(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    case = load_case(
        path,
        [
            "mesh.max_level=4",
            "scheme.limiter=minmod",
            "problem.left.pressure=2.0",
            "problem.left.velocity=[1.0, 0.0]",
            'boundaries.x=["reflecting", "outflow"]',
            "refinement.indicators.1.refine=0.2",
            "output.plot=true",
            "output.directory=out/else where",
        ],
    )
    assert case.mesh.max_level == 4 and case.scheme.limiter == "minmod" and case.output.plot
    assert case.problem.left == {"density": 1.0, "velocity": [1.0, 0.0], "pressure": 2.0}
    assert [c.kind for c in case.boundaries[:2]] == ["reflecting", "outflow"]
    assert case.indicators[1].refine == 0.2
    assert case.output.directory == "out/else where"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("mesh.max_level", "section.key=value"),
        ("mesh..max_level=3", "section.key=value"),
        ("mesh.lower=[1,", "not a TOML value"),
        ("title.x=3", "title is not a table"),
        ("refinement.indicators.7.refine=1", "entries 0 .. 1"),
        ("mesh.max_levle=3", "max_level"),
    ],
)
def test_bad_overrides_are_told(tmp_path, override, said):
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    with pytest.raises(CaseError) as error:
        load_case(path, [override])
    assert said in str(error.value) and override.split("=")[0].split(".")[0] in str(error.value)


def test_one_inflow_variable_may_be_left_to_the_interior():
    case = good(
        boundaries={"x": [{"kind": "inflow", "velocity": [1.0, 0.0], "density": 1.0}, "outflow"], "y": ["periodic"] * 2}
    )
    assert case.boundaries[0].kind == "inflow" and dict(case.boundaries[0].state) == {
        "velocity": [1.0, 0.0],
        "density": 1.0,
    }


def test_boundaries_of_a_problem_count_time_from_the_start():
    sections = {"boundaries": {"x": ["problem"] * 2, "y": ["periodic"] * 2}}
    late = good(**sections, time={"start": 2.0, "end": 3.0}).boundaries[0].function
    early = good(**sections).boundaries[0].function
    x = np.random.default_rng(0).random((2, 50))
    assert np.allclose(late(x, 2.125, {})["density"], early(x, 0.125, {})["density"], rtol=1e-14)
    assert len(np.unique(early(x, 0.125, {})["density"])) > 2


# ---- bad cases ---------------------------------------------------------------------------------------------------------------


def test_the_good_case_is_good():
    assert good().physics.name == "euler"
    assert len(ALL_BROKEN) >= 80


@pytest.mark.parametrize("name", ALL_BROKEN)
def test_a_broken_case_is_refused_with_key_and_hint(name, tmp_path):
    text, said = ALL_BROKEN[name]
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(CaseError) as error:
        load_case(path)
    message = str(error.value)
    assert error.value.exit_code == 2
    assert str(path) in message
    for part in said:
        assert part in message
    assert "Traceback" not in message and "pydantic" not in message and "ctx" not in message


@pytest.mark.parametrize("what", ["missing", "directory", "binary"])
def test_an_unreadable_file_is_told(tmp_path, what):
    path = tmp_path / "case.toml"
    if what == "directory":
        path.mkdir()
    elif what == "binary":
        path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(CaseError, match=r"case\.toml: (cannot be read|is not a text file)"):
        load_case(path)


def test_a_plugin_that_fails_is_told_with_its_line(tmp_path):
    (tmp_path / "bad.py").write_text("x = 1\ny = 1 / 0\n")
    (tmp_path / "case.toml").write_text(GOOD.replace('name = "riemann"', 'name = "bad.py:f"'))
    with pytest.raises(CaseError, match="problem.name.*line 2.*ZeroDivisionError"):
        load_case(tmp_path / "case.toml")


def test_keywords_of_a_problem_plugin_are_keys(tmp_path):
    (tmp_path / "mine.py").write_text("def f(x, radius=1.0, *, need):\n    return {}\n")
    data = {**tomllib.loads(GOOD), "problem": {"name": "mine.py:f", "radus": 2.0}}
    with pytest.raises(CaseError) as error:
        Case.from_dict(data, tmp_path)
    assert "problem.radus = 2.0" in str(error.value) and '"radius"' in str(error.value)
    assert "problem.need: missing keyword" in str(error.value)
    data["problem"] = {"name": "mine.py:f", "radius": 2.0, "need": 1, "quadrature": 2}
    case = Case.from_dict(data, tmp_path)
    assert case.data["problem"]["radius"] == 2.0 and case.problem.quadrature == 2


_VALUES = st.one_of(
    st.none().map(lambda _: {}),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.one_of(st.floats(), st.text(max_size=3), st.just({})), max_size=4),
)
_KEYS = [f"{s}.{k}" for s, table in tomllib.loads(GOOD).items() if isinstance(table, dict) for k in table]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*_KEYS, "mesh", "physics", "problem", "sources", "refinement.regions"]), _VALUES, max_size=3
    )
)
def test_any_values_give_a_case_or_a_case_error(changes):
    data = tomllib.loads(GOOD)
    for key, value in changes.items():
        section, _, name = key.partition(".")
        if name and isinstance(data.get(section), dict):
            data[section][name] = value
        else:
            data[section] = value
    try:
        case = Case.from_dict(data)
    except CaseError as error:
        assert str(error).count("\n") >= 1
    else:
        assert Case.from_dict(tomllib.loads(case.to_toml())).data == case.data


# ---- TOML and the reference --------------------------------------------------------------------------------------------------

_TOML = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), _TOML, max_size=4))
def test_toml_reads_back(data):
    assert tomllib.loads(toml_document(data)) == data


def test_toml_has_no_null():
    with pytest.raises(TypeError):
        toml_value(None)


def test_the_reference_page_is_up_to_date():
    assert (ROOT / "docs" / "case_file.md").read_text() == reference.markdown(), (
        "run: amr schema --markdown > docs/case_file.md"
    )


def test_every_key_is_explained():
    for line in reference.markdown().splitlines():
        assert not line.startswith("| `") or not line.endswith("|  |"), line


def test_the_json_schema_knows_every_section_and_choice():
    schema = json.loads(reference.json_schema_text())
    names = {one["properties"]["name"].get("const") for one in schema["properties"]["problem"]["oneOf"]}
    assert {"riemann", "sedov", "double_mach"} <= names
    assert set(schema["required"]) == {"mesh", "physics", "problem", "time"}
    assert schema["properties"]["mesh"]["properties"]["max_level"]["default"] == 0
    assert "null" not in json.dumps(schema["properties"]["time"])
