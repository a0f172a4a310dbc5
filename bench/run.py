"""Speed beside references' from the same run: python bench/run.py --help"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[0:1] = [str(ROOT / "src"), str(ROOT)]  # in the place of this folder, whose files have common names

import hydra  # noqa: E402
from omegaconf import DictConfig  # noqa: E402

from deepsquat.commands import run  # noqa: E402


@hydra.main(version_base=None, config_path=run.CONF, config_name="bench")
def main(config: DictConfig) -> None:
    with run.user_errors():
        from bench import job

        job.bench(config)


if __name__ == "__main__":
    run.run(main)
