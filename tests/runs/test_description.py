"""What a study's own run says of it."""

import shlex

import optuna

from deepsquat.runs.description import description


def test_the_best_comes_first_and_no_line_of_code_is_wider_than_a_page() -> None:
    study = optuna.create_study()
    swept = "model.blocks=int(interval(1,3)) optim.lr=tag(log,interval(1e-4,1e-2))"
    study.set_user_attr(
        "identity", {"swept": swept, "hydra.sweeper.sampler": "tpe", "hydra.sweeper.pruner": "none"}
    )
    study.set_user_attr("id", "a")
    trial = study.ask()
    trial.suggest_float("optim.lr", 1e-4, 1e-2)
    trial.set_user_attr("point", 0)
    study.tell(trial, 0.25)
    words = ["python", "src/train.py", "-m", "notes='a b'c", *(f"some.value.number{i}=1" for i in range(12))]
    command = shlex.join(words)
    text = description(study, "a", command, "complete", {0: "f00"})

    exact = f"optim.lr={trial.params['optim.lr']!r}"
    assert text.startswith(f"**Best: trial 0, value 0.25**, run f00:\n\n```\n{exact}\n```")
    codes = text.split("```")[1::2]
    assert max(len(line) for code in codes for line in code.splitlines()) < 90
    resumes = next(code for code in codes if "src/train.py -m" in code)
    assert shlex.split(resumes.replace("\\\n", "")) == words  # the very same for a shell
