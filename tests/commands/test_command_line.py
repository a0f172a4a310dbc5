"""The command line before Hydra reads it."""

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from deepsquat.commands import command_line
from deepsquat.commands.run import CONF
from deepsquat.errors import UserError

ODD = (
    "it's",
    'say "so"',
    "a b",
    "a=b",
    "a[1]",
    "a{b}",
    "(old)",
    "a$b",
    "ä 深",
    "a\nb",
    "a\\b",
    "100%",
    "a;b#c",
)


def read(*words: str, sweeps: bool = False) -> list[str]:
    return command_line.read(words, Path(CONF), sweeps)


@pytest.mark.parametrize("name", ODD)
def test_a_path_with_odd_characters_reaches_the_config_as_it_was_typed(name: str) -> None:
    (word,) = read(f"data.root=/tmp/{name}/x")
    assert OverridesParser.create().parse_override(word).value() == f"/tmp/{name}/x"


def test_a_comma_is_part_of_a_name_that_is_there_and_else_lists_values(tmp_path: Path) -> None:
    (tmp_path / "a,b").mkdir()
    (word,) = read(f"data.root={tmp_path}/a,b")
    assert OverridesParser.create().parse_override(word).value() == f"{tmp_path}/a,b"
    assert read("optim.l2=1,2", sweeps=True) == ["optim.l2=1,2"]
    assert read("standard=a, b.json") == ["standard='a, b.json'"], "nothing is swept there: it is a name"
    assert read("-m", f"data.root={tmp_path}/a,b", sweeps=True)[1] == f"data.root={tmp_path}/a,b"


@pytest.mark.parametrize("value", ["1_2", "1e3", "1.10", "true", "7", "Anna B."])
def test_a_name_is_the_text_that_was_typed(value: str) -> None:
    (word,) = read(f"subject={value}")
    assert OverridesParser.create().parse_override(word).value() == value


def test_values_too_long_for_a_path_are_values() -> None:
    word = f"seed={','.join(map(str, range(2000)))}"
    assert read(word, sweeps=True) == [word]


def test_what_hydra_can_read_stays_as_it_is() -> None:
    words = [
        "model=convnet",
        "model.hidden=[1,2]",
        "x.y={a:1}",
        "experiment=final",
        "~model.widths",
        "a/b",
        "--help",
    ]
    assert read(*words) == words


@pytest.mark.parametrize(
    "word", ["metrics={recall:{threshold:0.7}}", "hydra.sweeper.pruner_options={n_startup_trials: 3}"]
)
def test_names_of_ones_own_need_no_sign_before_them(word: str) -> None:
    assert read(word, sweeps=True) == [f"++{word}"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--nope"], "unrecognized arguments: --nope"),
        (["--cfg", "nope"], "invalid choice: 'nope'"),
        (["-m"], "only src/train.py sweeps"),
        (["hydra.mode=MULTIRUN"], "only src/train.py sweeps"),
        (["model="], "model must be one of convnet"),
        (["model=null"], "model must be one of convnet"),
        (["model={}"], "model must be one of convnet"),
        (["split=3"], "split must be one of by_squat, by_subject, by_video"),
        (["~split"], "split must be one of by_squat, by_subject, by_video"),
        (["+x=1"], "nothing reads a value x"),
        (["++x.y=1"], "nothing reads a value x"),
        (["trial=1"], "filled in by a sweep"),
        (["++trial={number: 1}"], "filled in by a sweep"),
        (["files=[it's.npz]"], "brackets or quotes are not closed"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(UserError) as refused:
        read(*words)
    assert message in str(refused.value)


def test_a_sweep_needs_something_that_is_swept() -> None:
    for words in (["-m"], ["-m", "seed=1"], ["-m", "model=convnet"]):
        with pytest.raises(UserError, match="nothing is swept"):
            read(*words, sweeps=True)
    for word in ("seed=range(a)", "seed=choice(1,2", "seed=1,"):
        with pytest.raises(UserError, match="no values to sweep"):
            read("-m", word, sweeps=True)
    for word in ("resume=abc", "sweep=seeds,depth_l2"):
        with pytest.raises(UserError, match="one at a time"):
            read("-m", "seed=1,2", word, sweeps=True)
    for word in ("seed=1,2", "seed=range(3)", "sweep=seeds", "hydra.sweeper.study=mine", "experiment=final"):
        assert read("-m", word, sweeps=True) == ["-m", word]
