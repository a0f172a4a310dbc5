"""Which runs make one table together."""

from deepsquat.paper.runs import Sweep, Trained, together

SWEPT = ("model.blocks", "optim.l2")


def trained(run_id: str, **params: str) -> Trained:
    known = {
        "optim.lr": "1e-05",
        "data.file": run_id,
        **{name.replace("_", "."): v for name, v in params.items()},
    }
    return Trained(run_id, "FINISHED", int(run_id), known, {}, {"protocol": "paper_steps"})


def test_a_grid_that_was_run_in_parts_is_one_whatever_follows_from_what_is_swept() -> None:
    """How many weights a network has follows from its blocks, and earlier versions did not say it."""
    first = Sweep("rest", [trained("3", model_blocks="1", optim_l2="1e-3", parameters="40089730")])
    second = Sweep("columns", [trained("2", model_blocks="4", optim_l2="1e-2", parameters="353826")])
    third = Sweep("old", [trained("1", model_blocks="2", optim_l2="1e-2")])
    whole = together([first, second, third], SWEPT)
    assert whole is not None and [run.id for run in whole.trained] == ["3", "2", "1"]
    other = Sweep("other", [trained("4", model_blocks="4", optim_l2="1e-2", optim_lr="1e-4")])
    only = together([other, first, second], SWEPT)
    assert only is not None and [run.id for run in only.trained] == ["4"]
