"""Finding plugins: files, packages, entry points, and the text when there is none."""

import importlib
import os
import subprocess
import sys

import pytest

from amr import plugins
from amr.errors import PluginError

GROUP = "amr.indicators"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with plugins; sys.path and sys.modules are as before afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    modules = dict(sys.modules)
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "runs = []\n"
        "runs.append(1)\n"
        "number = 3\n"
        "def vorticity(w, spacing, level):\n    return len(runs)\n"
        "@dataclass\nclass Group:\n    x: int = 0\n    def method(self):\n        return 1\n"
    )
    (tmp_path / "uses_neighbour.py").write_text(
        "def f():\n    import neighbour_of_plugin\n    return neighbour_of_plugin.value\n"
    )
    (tmp_path / "neighbour_of_plugin.py").write_text("value = 7\n")
    (tmp_path / "broken.py").write_text("x = 1\n\ndef f(:\n")
    (tmp_path / "fails.py").write_text("import math\nmath.sqrt(-1)\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit(3)\n")
    package = tmp_path / "site" / "my_amr_package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text("def shear(w, spacing, level):\n    return 0\nnumber = 1\n")
    (package / "needs.py").write_text("import a_module_that_is_missing\n")
    yield tmp_path
    for name in set(sys.modules) - set(modules):
        del sys.modules[name]


def test_file_relative_to_a_folder(folder):
    found = plugins.resolve("mine.py:vorticity", GROUP, folder)
    assert found.__name__ == "vorticity"
    assert plugins.resolve(f"{folder}/mine.py:vorticity", GROUP, "/") is found


def test_a_file_is_run_once(folder):
    (folder / "case").mkdir()
    first = plugins.resolve("mine.py:vorticity", GROUP, folder)
    again = plugins.resolve("../mine.py:Group.method", GROUP, folder / "case")
    assert first(None, None, None) == 1
    assert again.__globals__ is first.__globals__


def test_files_of_the_same_name_do_not_meet(folder):
    other = folder / "other"
    other.mkdir()
    (other / "mine.py").write_text("def vorticity():\n    return 'other'\n")
    assert plugins.resolve("mine.py:vorticity", GROUP, folder)(None, None, None) == 1
    assert plugins.resolve("mine.py:vorticity", GROUP, other)() == "other"


def test_a_plugin_may_import_its_neighbours(folder):
    assert plugins.resolve("uses_neighbour.py:f", GROUP, folder)() == 7


def test_package_and_module(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder / "site")
    assert plugins.resolve("my_amr_package.inner:shear", GROUP)(0, 0, 0) == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere.py:f", "there is no file .*nowhere.py"),
        ("mine.py:vortisity", 'mine.py has no vortisity; did you mean "vorticity"'),
        ("mine.py:Group.metod", "has no Group.metod"),
        ("mine.py:number", "number of mine.py is a int, not a function"),
        ("broken.py:f", "broken.py, line 3: SyntaxError"),
        ("fails.py:f", "fails.py, line 2: ValueError: math domain error"),
        ("leaves.py:f", "leaves.py, line 1: SystemExit: 3"),
        (":f", 'must look like "file.py:name"'),
        ("mine.py:", 'must look like "file.py:name"'),
        ("no_such_module_at_all:f", "no_such_module_at_all.*No module named"),
        ("my_amr_package.needs:f", "No module named 'a_module_that_is_missing'"),
        ("my_amr_package.inner:number", "not a function"),
        ("my_amr_package.inner:sheer", 'did you mean "shear"'),
    ],
)
def test_what_is_wrong_is_said(folder, monkeypatch, name, text):
    monkeypatch.syspath_prepend(folder / "site")
    with pytest.raises(PluginError, match=text):
        plugins.resolve(name, GROUP, folder)


def test_a_file_that_failed_is_read_again(folder):
    with pytest.raises(PluginError):
        plugins.resolve("fails.py:f", GROUP, folder)
    (folder / "fails.py").write_text("def f():\n    return 'repaired'\n")
    assert plugins.resolve("fails.py:f", GROUP, folder)() == "repaired"


# ---- entry points ----


def install(folder, name, entries):
    """A distribution, as pip would leave it, that registers ``entries`` (group -> {name: value})."""
    info = folder / "site" / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()) for group, points in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(lines))


def test_entry_points_of_every_group(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder / "site")
    install(folder, "one", {group: {"shear": "my_amr_package.inner:shear"} for group in plugins.GROUPS})
    importlib.invalidate_caches()
    for group in plugins.GROUPS:
        assert plugins.resolve("shear", group)(0, 0, 0) == 0
    assert plugins.resolve("unknown", GROUP) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("my_amr_package.inner:number", "my_amr_package.inner:number is a int, not a function"),
        ("my_amr_package.nothing:f", "cannot load my_amr_package.nothing:f for shear: ModuleNotFoundError"),
        ("my_amr_package.inner:nothing", "AttributeError"),
    ],
)
def test_entry_points_that_do_not_load(folder, monkeypatch, value, text):
    monkeypatch.syspath_prepend(folder / "site")
    install(folder, "one", {GROUP: {"shear": value}})
    with pytest.raises(PluginError, match=text):
        plugins.resolve("shear", GROUP)


def test_two_packages_that_offer_one_name(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder / "site")
    install(folder, "one", {GROUP: {"shear": "my_amr_package.inner:shear"}})
    install(folder, "two", {GROUP: {"shear": "my_amr_package.other:shear"}})
    with pytest.raises(
        PluginError, match="several packages offer shear: my_amr_package.inner:shear, my_amr_package.oth"
    ):
        plugins.resolve("shear", GROUP)


# ---- texts ----


def test_describe_names_the_line_of_the_user(folder):
    (folder / "calls_numpy.py").write_text("import numpy as np\n\ndef f():\n    return np.zeros(3).reshape(2, 2)\n")
    function = plugins.resolve("calls_numpy.py:f", GROUP, folder)
    with pytest.raises(ValueError, match="reshape") as caught:
        function()
    text = plugins.describe(caught.value)
    assert text.startswith("ValueError: cannot reshape")
    assert text.endswith("(calls_numpy.py, line 4)")
    assert plugins.describe(KeyError()) == "KeyError"


def test_plugins_need_neither_mpi_nor_numpy():
    """Resolving is for the command line before anything is allocated: it must not start MPI."""
    code = "import sys, amr.plugins; assert not {'mpi4py', 'numpy'} & set(sys.modules), sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ}, timeout=60)
