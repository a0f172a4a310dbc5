"""The files of a study."""

import csv
import re
import warnings
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution

from deepsquat.runs import study as study_files


def test_plots_to_play_with_are_one_page_that_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    study = optuna.create_study(study_name="a <b>")
    for i in range(12):
        axes = {"x": FloatDistribution(0, 1), "y": FloatDistribution(0, 1)}
        params = {"x": i / 12, "y": (i * 5 % 12) / 12}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            study.add_trial(
                optuna.trial.create_trial(
                    params=params, distributions=axes, user_attrs={"point": i}, value=params["x"] ** 2
                )
            )
    study_files.write(tmp_path, study)
    page = (tmp_path / "interactive.html").read_text()
    assert "<title>a &lt;b&gt;</title>" in page and page.count("Plotly.newPlot(") >= 4
    assert not re.search(r"<script[^>]* src=", page) and len(page) < 8 * 2**20
    assert len(list(csv.DictReader((tmp_path / "trials.csv").open()))) == 12
