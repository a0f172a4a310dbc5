"""By what code a run was made."""

import subprocess
from pathlib import Path

import pytest

from deepsquat.runs import provenance


def test_code_is_another_when_what_runs_has_changed_and_not_what_is_written_about_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
        subprocess.run(["git", "-C", str(tmp_path), *who, *words], check=True, capture_output=True)

    def dirty() -> str:
        provenance.code_tags.cache_clear()
        return provenance.code_tags()[0]["code.dirty"]

    files = [tmp_path / name for name in ("src/train.py", "conf/a.yaml", "docs/paper.tar.gz", "README.md")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("before")
    git("init")
    git("add", "-A")
    git("commit", "-m", "all")
    monkeypatch.setattr(provenance, "_ROOT", tmp_path)
    try:
        assert dirty() == "no"
        for file in files[2:]:
            file.write_text("after")
        assert dirty() == "no"
        files[1].write_text("after")
        changed = dirty()
        (tmp_path / "src" / "new.py").write_text("")
        assert len({"no", changed, dirty()}) == 3
    finally:
        provenance.code_tags.cache_clear()
