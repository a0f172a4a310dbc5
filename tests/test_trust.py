"""Code is named only where the environment trusts it."""

import sys
from pathlib import Path

import pytest

from deepsquat.errors import UserError
from deepsquat.trust import named

KEY = "model._target_"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package of its own name, trusted, that borrows a class."""
    name = f"theirs_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("from subprocess import Popen\nclass Net: pass\n")
    (folder / "broken.py").write_text("x = 1 +\n")
    (folder / "lacking.py").write_text("\n\nimport no_such_library\n")
    (folder / "failing.py").write_text("raise RuntimeError('not\\ntoday')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DEEPSQUAT_TRUST", f"another, {name}")
    return name


def test_a_trusted_packages_class_is_found(package: str) -> None:
    assert named(f"{package}.Net", KEY).__module__ == package


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Net", "give package.module.Name"),
        ("{}.Not", "has no attribute 'Not'"),
        ("{}.nowhere.Net", "there is no module .*; its folder must be on PYTHONPATH"),
        ("{}.broken.Net", r"the import of .*broken failed: SyntaxError"),
        ("{}.lacking.Net", r"No module named 'no_such_library' \(lacking.py, line 3\)"),
        ("{}.failing.Net", r"RuntimeError: not today \(failing.py, line 1\)"),
        ("{}.Popen", "subprocess.Popen is not of a package that may be named"),
        ("{}s.Net", "is not of a package that may be named; .* set DEEPSQUAT_TRUST="),
        ("os.system", "os.system is not of a package that may be named"),
        ("deepsquat.processes.os.system", "there is no module"),
        ("deepsquat.model.convnet.Tensor", "torch.Tensor is not of a package that may be named"),
        ("deepsquatter.Net", "is not of a package"),
        ("deepsquat..Net", "give package.module.Name"),
    ],
)
def test_what_may_not_be_named_is_one_line(name: str, message: str, package: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        named(name.format(package), KEY)
    assert str(refused.value).startswith(f"{KEY}={name.format(package)}: ")
    assert "\n" not in str(refused.value)


def test_nothing_of_a_stranger_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stranger_of_mine.py").write_text("class Net: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DEEPSQUAT_TRUST", raising=False)
    with pytest.raises(UserError):
        named("stranger_of_mine.Net", KEY)
    assert "stranger_of_mine" not in sys.modules
