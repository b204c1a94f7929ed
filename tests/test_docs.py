"""The pages of docs/: links lead somewhere, code runs, examples are the files they claim to be."""

from __future__ import annotations

import re
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

from amr.case import load_case
from tests.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAX_BYTES_OF_PICTURES = 3_500_000


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        file = (page.parent / target) if target else page
        assert file.exists(), f"{link}: no such file"
        assert not anchor or anchor in anchors(file), f"{link}: no such heading"


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name}" in index, page.name


def test_the_code_of_the_api_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases").symlink_to(ROOT / "cases")
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", text, re.DOTALL)):
        exec(compile(block, f"docs/api.md, block {number}", "exec"), names)
    assert (tmp_path / "out" / "api" / "sod.png").stat().st_size > 1000


def test_the_examples_of_the_plugins_page_are_the_files() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    files = sorted((ROOT / "cases" / "plugins").glob("*.py"))
    assert len(files) == 4
    for file in files:
        assert f"# cases/plugins/{file.name}\n{file.read_text(encoding='utf-8')}```" in text, file.name


def test_commands_name_cases_that_load() -> None:
    for page in PAGES:
        for name in re.findall(r"amr-solve (cases/\w+\.toml)", page.read_text(encoding="utf-8")):
            load_case(ROOT / name)


def test_the_commands_of_the_cases_are_those_of_the_pictures() -> None:
    loader = SourceFileLoader("tools_pictures", str(ROOT / "tools" / "pictures"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    pictures = sys.modules[loader.name] = module_from_spec(spec)
    loader.exec_module(pictures)
    lines = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8").splitlines()
    for path in (ROOT / "cases").glob("*.toml"):
        setting = pictures.SETTINGS.get(path.stem, pictures.Setting())
        assert pictures.command(path.stem, setting) in lines, f"run tools/pictures {path.stem}"


def test_pictures_are_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "docs" / "pictures").iterdir()) < MAX_BYTES_OF_PICTURES
