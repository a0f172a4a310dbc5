"""What a sweep is told, under hydra.sweeper; imports nothing heavy, for Hydra reads it at every start."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from deepsquat.errors import UserError

_NEEDS = {"gp": ("scipy", "torch"), "cmaes": ("cmaes",), "qmc": ("scipy",)}
SAMPLERS = ("grid", "tpe", "random", "gp", "cmaes", "qmc", "nsga2")
PRUNERS = ("none", "median", "hyperband", "successive_halving", "wilcoxon")


@dataclass(frozen=True)
class StudyOptions:
    """The fields are the keys under hydra.sweeper."""

    study: str = ""  # its name, and its folder's; "": made of what is swept, so that the same line finds it
    folder: str = "multirun"  # where the folders of studies lie
    # A journal file, or an Optuna address: sqlite:///x.db, postgresql+psycopg://USER@HOST/DATABASE, or of a
    # proxy in front of one, grpc://HOST:PORT; None: study.journal in the study's folder.
    storage: str | None = None
    # What is swept, in Hydra's words: {x: "1,2", y: "interval(0,1)"}. What depends on a choice is under it:
    # {model: {convnet: {model.padding: "valid,same"}, mlp: {}}}.
    params: dict[str, Any] = field(default_factory=dict)
    objective: Any = None  # names of what the task returns, one or a list; None: it returns bare numbers
    direction: Any = "minimize"  # or maximize; a list for several objectives
    # grid, tpe, random, gp, cmaes, qmc or nsga2; None: grid where every choice is finite, else tpe
    sampler: str | None = None
    sampler_options: dict[str, Any] = field(default_factory=dict)  # arguments of Optuna's class
    seed: int = 0  # of the sampler
    pruner: str = "none"  # or median, hyperband, successive_halving, wilcoxon
    pruner_options: dict[str, Any] = field(default_factory=dict)  # arguments of Optuna's class
    n_trials: int | None = None  # grid points or draws in all, over all starts; None: the whole grid
    n_jobs: int | None = None  # trials at once through Hydra's launcher; None: the launcher's own number
    max_retries: int = 2  # further attempts at a point that failed
    timeout: float | None = None  # seconds that one trial may take
    sweep_timeout: float | None = None  # seconds after which this start ends, as by Ctrl-C
    # Points to try before the sampler draws, as in [{optim.lr: 1e-3}]. What one leaves out is as the config
    # has it, so that {} is the config as it stands.
    first: list[Any] = field(default_factory=list)
    # Another study in the same place, whose complete trials count as this one's own as far as they are points
    # of it: where the space was narrowed or widened, or values that were fixed are swept.
    begin_with: str | None = None
    dry: bool = False  # only says what would run, what is done, and about how long the rest takes
    may_differ: list[str] = field(default_factory=list)  # config that is no part of its identity: [paths]
    may_be_new: bool = False  # whether values that the study's first version did not have count as unchanged
    hooks: str | None = None  # a class after deepsquat.study.hooks.Hooks

    def __post_init__(self) -> None:
        if "/" in self.study or self.study.startswith("."):
            raise UserError(f"hydra.sweeper.study is a folder's name, got {self.study!r}")
        for name, value, low in (
            ("n_trials", self.n_trials, 1),
            ("n_jobs", self.n_jobs, 1),
            ("timeout", self.timeout, 0.01),
            ("sweep_timeout", self.sweep_timeout, 0.01),
        ):
            if value is not None and value < low:
                raise UserError(f"hydra.sweeper.{name} must be {low} or more, got {value}")
        if not all(isinstance(point, dict) for point in self.first):
            raise UserError(f"hydra.sweeper.first must be a list as [{{optim.lr: 1e-3}}], got {self.first}")
        if self.first and self.sampler == "grid":
            raise UserError("hydra.sweeper.first: a grid runs all of its points; leave it out")
        if self.max_retries < 0:
            raise UserError(f"hydra.sweeper.max_retries must be 0 or more, got {self.max_retries}")
        if self.sampler is not None and self.sampler not in SAMPLERS:
            raise UserError(f"hydra.sweeper.sampler must be one of {', '.join(SAMPLERS)}, got {self.sampler}")
        if self.pruner not in PRUNERS:
            raise UserError(f"hydra.sweeper.pruner must be one of {', '.join(PRUNERS)}, got {self.pruner}")
        for direction in self.directions:
            if direction not in ("minimize", "maximize"):
                raise UserError(f"hydra.sweeper.direction must be minimize or maximize, got {direction}")
        if self.objective is not None and len(self.objectives) != len(self.directions):
            raise UserError(
                f"hydra.sweeper.objective names {len(self.objectives)} values, "
                f"hydra.sweeper.direction {len(self.directions)}; give one direction for each"
            )
        for name in self.objectives:
            if not isinstance(name, str) or not name:
                raise UserError(f"hydra.sweeper.objective must name what a run returns, got {name}")
        if self.pruner != "none" and (self.objective is None or len(self.directions) > 1):
            raise UserError(
                f"hydra.sweeper.pruner={self.pruner} needs one hydra.sweeper.objective that is reported"
            )

    @property
    def directions(self) -> tuple[str, ...]:
        return tuple(self.direction) if isinstance(self.direction, list | tuple) else (self.direction,)

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of the values, one a direction."""
        if self.objective is None:
            return (
                ("value",)
                if len(self.directions) == 1
                else tuple(f"value {i}" for i in range(len(self.directions)))
            )
        return tuple(self.objective) if isinstance(self.objective, list | tuple) else (self.objective,)


def make_sampler(options: StudyOptions, point: int) -> Any:
    """Optuna's sampler for one point; `options.sampler` is named.

    Seeded by the seed and the point: a sampler seeded once would begin its draws again after each start. The
    draws of QMC belong together and so take the seed itself; which comes next is kept in the study.
    """
    import random

    from optuna import samplers

    name = options.sampler
    assert name is not None
    for package in _NEEDS.get(name, ()):
        if find_spec(package) is None:
            raise UserError(
                f"hydra.sweeper.sampler={name} needs the package {package}: pip install {package}"
            )
    seed = options.seed if name == "qmc" else random.Random(f"{options.seed}/{point}").randrange(2**32)
    known: dict[str, tuple[Any, dict[str, Any]]] = {
        "grid": (samplers.RandomSampler, {}),  # never asked: the grid's values are known
        "random": (samplers.RandomSampler, {}),
        "tpe": (samplers.TPESampler, {}),
        "gp": (samplers.GPSampler, {}),
        "cmaes": (samplers.CmaEsSampler, {"warn_independent_sampling": False}),
        "qmc": (samplers.QMCSampler, {"scramble": True, "warn_independent_sampling": False}),
        "nsga2": (samplers.NSGAIISampler, {}),
    }
    made, defaults = known[name]
    return _made(made, "sampler", {"seed": seed, **defaults, **options.sampler_options})


def make_pruner(options: StudyOptions) -> Any:
    from optuna import pruners

    known = {
        "none": pruners.NopPruner,
        "median": pruners.MedianPruner,
        "hyperband": pruners.HyperbandPruner,
        "successive_halving": pruners.SuccessiveHalvingPruner,
        "wilcoxon": pruners.WilcoxonPruner,
    }
    return _made(known[options.pruner], "pruner", options.pruner_options)


def _made(made: Any, key: str, arguments: dict[str, Any]) -> Any:
    import warnings

    from optuna.exceptions import ExperimentalWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return made(**arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"hydra.sweeper.{key}_options: {error}") from error
