"""--help of every command: it is quick to read, and every value says what it means."""

import re
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from deepsquat.commands import help, words
from program import ROOT, Command

CONF = ROOT / "conf"
COMMANDS = sorted(
    path.stem for path in (ROOT / "src").glob("*.py") if (CONF / path.name).with_suffix(".yaml").is_file()
)
OPTIONS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("hydra", "sweep", "protocol", "experiment")
)


@pytest.fixture(autouse=True)
def resolver() -> None:
    OmegaConf.register_new_resolver("root", lambda: str(ROOT), replace=True)


def unexplained(text: str) -> list[str]:
    """Values without a word behind, below, or over all that lie beside them."""
    lines = text[text.index("== Values") :].splitlines()
    groups = {line.partition(":")[0] for line in lines if re.match(r"[a-z][\w.]*: ", line)}
    return [
        line
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if re.fullmatch(r"[a-z][\w.]*=\S*|[a-z][\w.]*='[^ ]*'", line)
        and not below.startswith("    ")
        and not any(line.startswith(f"{group}.") for group in groups)
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_value_of_a_command_says_what_it_means(name: str) -> None:
    text = help.text(CONF, name, [])
    assert not unexplained(text) and "_target_" not in re.sub(r"_target_[:=]", "", text)
    assert max(map(len, text.splitlines())) < 200


@pytest.mark.parametrize("option", OPTIONS)
def test_every_value_of_an_option_says_what_it_means(option: str) -> None:
    text = help.text(CONF, "train", [option])
    group, name = option.split("=")
    assert f"[{name}]" in text and re.search(rf"^{group}={name}: ", text, re.MULTILINE)
    assert not unexplained(text)


def test_the_sweepers_own_values_are_told_with_what_they_mean() -> None:
    text = help.text(CONF, "train", [])
    assert re.search(
        r"^hydra.sweeper.sampler=null +grid, tpe, random, gp, cmaes, qmc or nsga2", text, re.MULTILINE
    )
    assert "hydra.sweeper" not in help.text(CONF, "predict", [])


@pytest.mark.parametrize("columns", [60, 100])
def test_it_is_as_wide_as_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    wide = [line for line in help.text(CONF, "predict", []).splitlines() if len(line) > columns]
    assert all(line.startswith("  ") for line in wide), wide  # but for examples, which are not torn


def test_a_comment_above_is_of_the_value_that_has_none_behind_it(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "# The heading.\na: 1 # one,\n# and more\nb: [1, 2] # two\n# over c\nc: 3\nd:\n  e: x # below\n",
        "utf-8",
    )
    assert words.of_file(file) == {"a": "one, and more", "b": "two", "c": "over c", "d.e": "below"}
    assert words.heading(file) == "The heading."


def test_help_shows_what_would_be_chosen_and_a_mistake_is_one_line(command: Command) -> None:
    shown = command("src/train.py", "--help", "model=mlp", "optim.lr=0.25")
    assert shown.returncode == 0 and "[mlp]" in shown.stdout and "optim.lr=0.25 " in shown.stdout
    assert "model.kernel_size" not in shown.stdout
    wrong = command("src/train.py", "--help", "optim.rate=1")
    assert wrong.returncode == 2 and len(wrong.stderr.splitlines()) == 1, wrong.stderr
