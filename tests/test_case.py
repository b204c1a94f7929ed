"""The case file: what is read, what is refused and how it is said."""

from __future__ import annotations

import tomllib

from amr.case import Case, load_case

SOD = "cases/sod.toml"


def test_the_resolved_case_reads_back_as_itself():
    case = load_case(SOD)
    again = Case.from_dict(tomllib.loads(case.to_toml()))
    assert again.data == case.data
    assert again.mesh == case.mesh and again.scheme == case.scheme
