"""Run directories as training and evaluation leave them, made without either."""

import json
import math
import pathlib

import numpy as np

from cfgrl.evaluation._summary import Outcome, summarise

WEIGHTS = (0.0, 1.0, 1.5, 2.0, 3.0, 5.0)
LEVELS = {0.0: -4.2, 1.0: 0.15, 1.5: 0.45, 2.0: 0.4, 3.0: 0.1, 5.0: -0.5}
TASKS = tuple(f"task{number}" for number in range(1, 6))
MAZE = ("########", "#  ##  #", "#  #   #", "##   ###", "#  #   #", "# #  # #", "#   #  #", "########")
ROUTE = ((1, 1), (2, 2), (3, 2), (3, 3), (3, 4), (4, 4), (4, 5), (4, 6), (5, 6), (6, 6))


def make_outcomes(*, seeds=(0, 1), weights=WEIGHTS, tasks=TASKS, episodes=8, key=0, failed=0, returns=False, lift=0.0):
    """Episodes whose success depends on agent, task and weight; paired over the weights."""
    rng = np.random.default_rng(key)
    outcomes = []
    for seed in seeds:
        agent = rng.normal(0, 0.4) + lift
        for number, task in enumerate(tasks):
            for env_seed in range(episodes):
                luck = rng.uniform(-4, 4)
                for weight in weights:
                    logit = LEVELS.get(0.5 if weight is None else weight, 0.0) + agent + 0.8 - 0.5 * number
                    success = float(luck < 2.5 * logit)
                    value = 100 * logit + 10 * luck + rng.normal(0, 20) if returns else -200 + 150 * success
                    known = None if returns else success
                    outcomes.append(Outcome(seed, task, weight, env_seed, known, value, 200, False))
    for index in range(failed):
        outcomes[-1 - index] = outcomes[-1 - index]._replace(failed=True, success=None if returns else 0.0)
    return outcomes


def make_evaluation(*, step=4000, during_training=False, preset="demo", name="demo", **options):
    """One line of `eval.jsonl`."""
    summary = summarise(make_outcomes(**options))
    seeds = [int(seed) for seed in summary["results"][0]["by_seed"]]
    head = {"run": name, "preset": preset, "dataset": "pointmaze-medium-navigate-v0", "seeds": seeds}
    head["dial"] = ["unconditional", "conditional, no extra push"]
    return {**head, **summary, "step": step, "time": 1.76e9 + step, "during_training": during_training}


def make_metrics(*, seeds=(0, 1), steps=4000, every=100, key=0, stages=("main",)):
    """Lines of `metrics.jsonl`."""
    rng = np.random.default_rng(key)
    records = []
    for step in range(every, steps + 1, every):
        for seed in seeds:
            base = 0.95 + 0.01 * seed + 1.1 * math.exp(-step / 350)
            record = {"step": step, "seed": seed, "time": 1.76e9 + step}
            for stage in stages:
                record[f"{stage}/guidance/loss"] = base + rng.normal(0, 0.006)
                record[f"{stage}/validation/loss"] = base + 0.02 + rng.normal(0, 0.01)
                record[f"{stage}/optimizer/gradient_norm"] = abs(rng.normal(0.5, 0.1))
            records.append(record | {"run/train/updates_per_second": 200 + rng.normal(0, 5)})
    return records


def make_rollouts(*, weights=WEIGHTS, tasks=TASKS, walls=True):
    """A `rollouts.json`: one route through a maze, left early at some weights."""
    rng = np.random.default_rng(0)
    blocks = [
        [4.0 * column - 6, 4.0 * row - 6, 4.0, 4.0]
        for row, line in enumerate(MAZE)
        for column, mark in enumerate(line)
        if mark == "#"
    ]
    corners = np.array([[4.0 * column - 4, 4.0 * row - 4] for row, column in ROUTE])
    whole = np.concatenate([np.linspace(a, b, 12, endpoint=False) for a, b in zip(corners, corners[1:], strict=False)])
    played = []
    for number, task in enumerate(tasks):
        route = whole if number % 2 == 0 else whole[::-1]
        for weight in weights:
            success = weight is None or 1 <= weight < 5 - number % 3
            part = route if success else route[: 25 + 9 * number]
            path = np.round(part + rng.normal(0, 0.22, size=part.shape), 3).tolist()
            goal = [float(value) for value in route[-1]]
            rollout = {"weight": weight, "task": task, "seed": 0, "success": float(success), "goal": goal}
            played.append(rollout | {"positions": path})
    return {"walls": blocks if walls else [], "rollouts": played}


def write_run(path, *, metrics=(), evaluations=(), rollouts=None, error=None, preset="demo"):
    """Write a run directory and return its path."""
    path = pathlib.Path(path)
    path.mkdir(parents=True)
    (path / "config.toml").write_text(CONFIG.format(preset=preset), encoding="utf-8")
    write_json(path / "manifest.json", MANIFEST | {"preset": preset})
    for name, records in (("metrics.jsonl", metrics), ("eval.jsonl", evaluations)):
        if records:
            text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in records)
            (path / name).write_text(text, encoding="utf-8")
    for name, record in (("rollouts.json", rollouts), ("error.json", error)):
        if record is not None:
            write_json(path / name, record)
    return path


def write_json(path, content):
    path.write_text(json.dumps(content, allow_nan=False, indent=1) + "\n", encoding="utf-8")


def write_demo(path, **options):
    """A finished run with everything in it."""
    rollouts = make_rollouts(tasks=TASKS[:2])
    return write_run(path, metrics=make_metrics(), evaluations=[make_evaluation(**options)], rollouts=rollouts)


CONFIG = """preset = "{preset}"
seeds = [0, 1]

[dataset]
use = "ogbench"
name = "pointmaze-medium-navigate-v0"

[guidance]
use = "cfg"
weight = 3.0
dropout = 0.1

[train]
steps = 4000
batch_size = 256
"""

MANIFEST = {
    "schema": 1,
    "preset": "demo",
    "created": "2026-11-20T12:00:00+00:00",
    "command": ["cfgrl", "demo", "--run-dir", "runs/my demo"],
    "dataset": {
        "name": "pointmaze-medium-navigate-v0",
        "origin": {"generated": {"episodes": 100, "seed": 0}},
        "files": [
            {"path": "pointmaze-medium-navigate-v0.npz", "bytes": 3_612_410, "sha256": "8f3b" * 16},
            {"path": "pointmaze-medium-navigate-v0-val.npz", "bytes": 361_410, "sha256": "01ac" * 16},
        ],
    },
    "shapes": {"columns": {"observations": [4], "actions": [2]}},
    "versions": {"python": "3.11.7", "cfgrl": "0.1.0", "jax": "0.10.2", "numpy": "2.4.6"},
    "platform": {"system": "Linux x86_64", "processor": "a processor", "threads": "2", "devices": ["cpu: cpu"]},
    "git": None,
}
