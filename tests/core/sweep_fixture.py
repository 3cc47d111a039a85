"""The folder of a sweep as `cfgrl sweep` leaves it, made without a single run."""

import json
import math
import re

import numpy as np

from cfgrl.evaluation._outcomes import Outcome, columns
from cfgrl.sweeps._sweep import SCHEMA

STEPS = 100


class Arm:
    """An arm of a handmade sweep: its weights (`[None]` without a dial), and a varied key's values, one run each."""

    def __init__(self, weights=(None,), vary=None, hidden=False):
        key, values = vary or (None, (None,))
        self.weights, self.hidden = tuple(weights), hidden
        self.varied = [{} if key is None else {key: value} for value in values]


def run_name(arm, data, varied):
    """Of a run's directory; whatever an arm is called."""
    return re.sub(r"[^\w.-]", "-", "_".join([arm, data, *(f"{value:g}" for value in varied.values())]))


def label(arm, varied):
    return " ".join([arm, *(f"{key.rpartition('.')[2]}={value:g}" for key, value in varied.items())])


def write_sweep(
    root,
    arms,
    data,
    success,
    *,
    name="handmade",
    summary="Which arm is better?",
    reference=None,
    seeds=(0, 1),
    episodes=8,
    density=None,
    returns=False,
):
    """Write `root/NAME/sweep.json` and the runs beside it; returns `root/NAME`.

    `success(arm, data, setting, seed, env_seed)` is the success of an episode (its return where `returns`), with the
    weight or the varied value as `setting`; `data` maps labels to recipes; `density(arm, data, varied)` gives entries
    by weight, or `None`.
    """
    runs = []
    for arm, spec in arms.items():
        for where in data:
            for varied in spec.varied:
                run = run_name(arm, where, varied)
                entry = {"name": run, "arm": arm, "data": where, "label": label(arm, varied), "varied": varied}
                entry |= {"preset": arm, "dataset": where, "source": None, "steps": STEPS, "hidden": spec.hidden}
                entry["judging"] = {"weights": [w or 0.0 for w in spec.weights], "episodes": episodes, "tasks": []}
                runs.append(entry | {"command": ["cfgrl", "train", arm]})
                _write_run(root / "runs" / run, spec, arm, where, varied, success, seeds, episodes, returns)
                if density is not None and (found := density(arm, where, varied)) is not None:
                    measured = {"step": STEPS, "rows": 4, "samples": 2, "seed": 0, "results": found}
                    _append(root / "runs" / run / "density.jsonl", measured)
    for number, run in enumerate(runs):
        for what, seconds in (("train", 60.0 + number), ("eval", 30.0)):
            task = {"step": 0, "task": f"{what} {run['name']}", "code": 0, "seconds": seconds, "cores": 2}
            _append(root / "tasks.jsonl", task)
    plan = {"schema": SCHEMA, "sweep": name, "summary": summary, "command": ["cfgrl", "sweep", name]}
    plan |= {"reference": reference or next(iter(arms)), "data": {n: _source(n, r) for n, r in data.items()}}
    plan |= {"seeds": list(seeds), "set": {"train": {"steps": STEPS}}, "cores": 2, "runs": runs}
    plan["density"] = None if density is None else {"rows": 4, "samples": 2, "weights": None}
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(json.dumps(plan))
    return folder


def _source(name, recipe):
    return {"name": "maze-v0", "use": None, "generate": {"episodes": 10, "seed": 0, "recipe": recipe}}


def _write_run(path, spec, arm, data, varied, success, seeds, episodes, returns):
    (path / "checkpoints" / str(STEPS)).mkdir(parents=True)
    outcomes = []
    for seed in seeds:
        for env_seed in range(episodes):
            for weight in spec.weights:
                setting = next(iter(varied.values()), None) if weight is None else weight
                value = float(success(arm, data, setting, seed, env_seed))
                known = None if returns else value
                outcomes.append(Outcome(seed, "task1", weight, env_seed, known, value, 10, False))
    _append(path / "episodes.jsonl", {**columns(outcomes), "step": STEPS, "time": 1.8e9})
    results = [{"weight": weight} for weight in sorted(spec.weights, key=lambda w: -1.0 if w is None else w)]
    record = {"step": STEPS, "time": 1.8e9, "results": results, "tasks_played": ["task1"], "eval_seed": 0}
    _append(path / "eval.jsonl", record | {"episodes_per_cell": episodes})
    manifest = {
        "tasks": ["task1"],
        "versions": {"python": "3.11.7", "cfgrl": "0.1.0"},
        "platform": {"system": "Linux"},
        "git": None,
    }
    (path / "manifest.json").write_text(json.dumps(manifest))


def _append(path, record):
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


def rich(root):
    """Eight arms, one of them varied and one with both dials, on three data sets, with densities: every figure."""
    weights = (0.0, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
    arms = {name: Arm() for name in ("flow-gcbc", "gciql-awr", "filtered-cloning", "rebrac")}
    arms |= {"cfgrl": Arm(weights), "cfgrl-advantage": Arm(weights)}
    arms |= {"critic-gradient": Arm(weights, vary=("policy.steps", (2, 10)))}
    arms |= {"weighted-regression": Arm(vary=("guidance.inverse_temperature", (1, 3, 10, 30)))}
    levels = dict(zip(arms, (0.35, 0.5, 0.42, 0.3, 0.4, 0.45, 0.2, 0.5), strict=True))
    rng = np.random.default_rng(0)
    luck = rng.uniform(size=(8, 400))

    def success(arm, data, setting, seed, env_seed):
        place = 1.0 if setting is None else math.log1p(setting)
        chance = levels[arm] * (1.4 - 0.4 * (place - 1.1) ** 2) + {"low": 0.2, "middle": 0.1, "high": 0.0}[data[5:]]
        return luck[seed, env_seed] < chance + 0.03 * seed

    def density(arm, data, varied):
        if len(arms[arm].weights) == 1 or arm == "critic-gradient":
            return None
        return [_density(weight, rng.normal(0, 0.02)) for weight in weights]

    data = {"maze-low": {"noise": 0.2}, "maze-middle": {"noise": 0.5}, "maze-high": {"noise": 1.0}}
    return write_sweep(root, arms, data, success, seeds=(0, 1, 2), episodes=40, density=density)


def _density(weight, noise):
    values = {"entropy": 1.5 - 0.3 * weight, "cross_entropy": 1.5 + 0.5 * weight, "kl": 0.1 * weight**2}
    values |= {"nll_data": 1.2 + 0.2 * weight, "clipped": 0.05 * weight, "spread": 0.8 / (1 + weight)}
    values |= {"tilt": 0.8 * weight, "tilt_promised": weight / (1 + 0.1 * weight), "effective": 0.9 * math.exp(-weight)}
    values = {key: value + noise for key, value in values.items()}
    return {"weight": weight, **values, **{f"{key}_ci": [v - 0.1, v + 0.1] for key, v in values.items()}}
