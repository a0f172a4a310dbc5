"""The paper's tables in pieces, at a tiny size, through the real command line."""

import re
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest

from deepsquat.errors import UserError
from deepsquat.images import Images, save
from deepsquat.paper import reproduction
from deepsquat.paper.packing import pack
from deepsquat.paper.reproduction import Step, steps
from program import ROOT, Command

SMALL = (
    'train=["model.padding=same","skeleton.height=32","skeleton.width=20","trainer.max_epochs=1",'
    '"optim.batch_size=60"]'
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Prepared images of 80 squats, one of them each, half of them good: noise with a bright or dark half."""
    n = 80
    random = np.random.default_rng(0)
    label = (np.arange(n) % 2).astype(np.int8)
    images = random.integers(0, 120, (n, 32, 20, 3), dtype=np.uint8)
    images[label == 1, :16] += 100
    name = np.array([f"squat {i}" for i in range(n)])
    save(
        tmp_path / "tiny.npz",
        Images(
            images=images,
            points=np.zeros((n, 36, 2), np.float32),
            squat=name,
            video=np.array([f"video {i // 8}" for i in range(n)]),
            subject=np.full(n, ""),
            faults=np.full(n, ""),
            label=label,
            frame=np.zeros(n, np.int32),
            time=np.zeros(n),
            fingerprint=np.array("tiny"),
            source=np.array("synthetic"),
            drawn_as=np.array("height 32, width 20, line_width 2, framing image, limbs all"),
        ),
    )
    return tmp_path / "tiny.npz"


def ended(output: str) -> int:
    """How many trainings a start has brought to their end."""
    return len(re.findall(r"^trial .*val/loss", output, re.MULTILINE))


def test_what_cannot_be_run_is_refused_before_anything_is(file: Path) -> None:
    def studies(protocol: str, files: list[Path], tables: list[str] | None) -> list[str]:
        return [step.study for step in steps(protocol, files, tables, [], ROOT)]

    names = [f"{name}-paper-tiny" for name in ("depth_l2", "final")]
    assert studies("paper", [file], ["depth_l2", "final"]) == names
    assert [name.split("-")[0] for name in studies("paper_steps", [file], None)] == [
        *("depth_l2", "kernel_l2", "final", "depth_l2_rest", "batch_size"),
    ]
    with pytest.raises(UserError, match=r"protocol=quick: .* there are paper, paper_steps"):
        studies("quick", [file], None)
    with pytest.raises(UserError, match="tables: there is no depth; there are depth_l2, kernel_l2, final"):
        studies("paper", [file], ["depth"])
    with pytest.raises(UserError, match=r"nothing\.npz is not there"):
        studies("paper", [file.with_name("nothing.npz")], ["final"])
    with pytest.raises(UserError, match="two have the same name"):
        studies("paper", [file, file], ["final"])


def test_a_file_of_the_repository_is_named_so_that_it_is_found_on_every_machine(file: Path) -> None:
    (step,) = steps("paper", [file], ["final"], [], file.parent)
    assert "data.file='tiny.npz'" in step.arguments
    (step,) = steps("paper", [file], ["final"], [], file.parent / "src")
    assert f"data.file='{file}'" in step.arguments


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose src/train.py runs the code that it is given."""
    train = tmp_path / "src" / "train.py"
    train.parent.mkdir()
    train.write_text("import sys; exec(sys.argv[1])")
    return tmp_path


def test_the_exit_code_says_what_became_of_the_steps(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def code_of(*codes: int, minutes: float | None = None) -> int:
        found = [Step(f"final-paper-{code}", [f"sys.exit({code})"]) for code in codes]
        return reproduction.run(found, root, root / "home", minutes, root / "out.tar.gz")

    assert (code_of(0, 0), code_of(0, 1, 0), code_of(1, 2, 0)) == (0, 1, 2)
    assert "[3/3]" in capfd.readouterr().out.split("[1/3]")[1]  # one that failed does not stop the others
    assert code_of(0, minutes=0.1) == 75
    refused = [Step("final-paper-x", ["sys.exit('error: no')"]), Step("final-paper-y", ["sys.exit(2)"])]
    capfd.readouterr()
    assert reproduction.run(refused, root, root / "home", None, root / "out.tar.gz") == 2
    assert capfd.readouterr().err == "error: no\n"  # nothing of ours beside it


def test_a_sweep_that_ignores_ctrl_c_is_ended_cleanly(root: Path) -> None:
    code = (
        "import signal, time; from pathlib import Path; signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(Path('ended').touch()))\n"
        "Path('begun').touch(); time.sleep(50)"
    )
    start = time.monotonic()
    packing = reproduction._Packing(root, root / "out.tar.gz", [])
    assert reproduction._run(Step("final-paper-x", [code]), root, 2, packing) is None
    assert (root / "begun").exists() and (root / "ended").exists()
    assert time.monotonic() - start < 20


def test_what_has_ended_is_packed_while_the_sweep_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "import json, time; from pathlib import Path\n"
        "for run, status in (('a', 'FINISHED'), ('b', 'RUNNING')):\n"
        "    place = Path('home/multirun/offline', run); place.mkdir(parents=True)\n"
        "    record = {'id': '0' * 32, 'name': run, 'experiment': 'x', 'status': status, 'start_time': 1}\n"
        "    record |= {'end_time': None, 'dataset': None, 'tags': {'study': 'final-paper-x'}}\n"
        "    (place / 'run.json').write_text(json.dumps(record))\n"
        "while not Path('out.tar.gz').exists(): time.sleep(0.05)\n"
    )
    monkeypatch.setattr(reproduction, "_LOOK", 0.1)
    step = Step("final-paper-x", [code])
    assert reproduction.run([step], root, root / "home", 0.5, root / "out.tar.gz") == 0
    with tarfile.open(root / "out.tar.gz") as archive:
        assert archive.getnames() == ["multirun/offline/a/run.json"]


def test_what_an_archive_holds_of_other_tables_stays_in_it(root: Path) -> None:
    study = root / "home/multirun/depth-paper-x"
    study.mkdir(parents=True)
    (study / "study.journal").write_text("{}\n")
    pack(root / "home", root / "out.tar.gz", [study.name])
    step = Step("final-paper-x", ["sys.exit(0)"])
    assert reproduction.run([step], root, root / "another home", 0.5, root / "out.tar.gz") == 0
    with tarfile.open(root / "out.tar.gz") as archive:
        assert archive.getnames() == ["multirun/depth-paper-x/study.journal"]


@pytest.mark.slow
def test_pieces_make_the_whole_and_go_on_from_their_pack_on_another_machine(
    file: Path, command: Command, tmp_path: Path
) -> None:
    home, other, out = tmp_path / "home", tmp_path / "other", tmp_path / "out"
    home.mkdir()
    line = ["src/reproduce.py", f"files=[{file}]", f"out={out}", "tables=[kernel_l2,final]", SMALL]
    # Twenty-one seconds: the first table is begun, and the second never, however fast the machine is.
    first = command(*line, "minutes=0.35", home=home)
    assert first.returncode == 75, first.stdout + first.stderr
    assert "The time is up" in first.stdout
    before = ended(first.stdout)
    assert before <= 9

    last = command(*line, home=other)  # which has nothing but the pack
    assert last.returncode == 0, last.stdout + last.stderr
    assert before + ended(last.stdout) == 10
    again = command(*line, home=home)  # an earlier state than the pack's
    assert again.returncode == 0 and ended(again.stdout) == 0, again.stdout + again.stderr

    stranger = tmp_path / "stranger"
    synced = command("src/sync.py", str(out / "tiny.tar.gz"), home=stranger)
    assert synced.returncode == 0, synced.stderr
    report = command("src/report.py", home=stranger)
    assert report.returncode == 0, report.stderr
    table = report.stdout.split("Table 3")[1].split("Table 4")[0]
    assert table.count("not run yet") == 0 and "kernel_l2-paper-tiny" in table
    anew = command("src/train.py", "from=kernel_l2-paper-tiny", "seed=1", home=stranger)
    assert anew.returncode == 0, anew.stderr
