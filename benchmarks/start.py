"""How long one waits: for the command line to answer, for the first update of a run, for the first action after `load`.

    python benchmarks/start.py [--save]

Every figure is the median of several fresh processes. `cfgrl --help` and `cfgrl list` import no jax and should answer
within 0.4 s. A first update is there when its metrics are on disk, a first action when it is an array of numbers; both
are counted from the start of the process, once with a cache of compiled programs that is empty and once more with what
the process before left in it. Networks of 3 x 256, batches of 256, 100,000 rows of an npz file.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import _walks
import numpy as np
from _results import Results, main

REPEATS, STARTS = 7, 3
COMMANDS = (("--help",), ("list",), ("list", "--json"), ("plugins",), ("train", "no-such-preset"))
PRESETS = {
    "cfgrl-goal": ["policy.network.hidden=[256,256,256]"],
    "cfgrl-offline": ["policy.network.hidden=[256,256,256]", "labeler.network.hidden=[256,256,256]"],
}
TRAIN = ["dataset.use=npz", "dataset.layout=rows", "train.batch_size=256", "train.steps=1", "train.log_every=1"]
ACT = """
import sys, time
import jax, numpy as np
import cfgrl
policy = cfgrl.load(sys.argv[1])
goal = {"goal": np.zeros(2)} if policy.agent.takes_goal else {}
np.asarray(policy.act(np.zeros(2), **goal, key=jax.random.key(0)))
print(time.time())
"""


#: Hook modules of ten plugins: eight good ones, one that raises, one whose class takes five seconds to import.
GOOD = "from cfgrl import Component, hookimpl\ncfgrl_api = 2\n@hookimpl\ndef cfgrl_labelers():\n"
TEN = {
    **{f"plugin-{i}": GOOD + f"    return {{'l{i}': Component('plugin_{i}:L', summary='good')}}\n" for i in range(8)},
    "plugin-broken": "raise RuntimeError('broken on purpose')\n",
    "plugin-slow": GOOD + "    return {'slow': Component('slow_class:Slow', summary='slow')}\n",
}


def write_plugins(site: pathlib.Path) -> None:
    """Ten distributions in a folder that can be put on the path."""
    (site / "slow_class.py").write_text("import time\ntime.sleep(5)\nclass Slow: pass\n")
    for name, source in TEN.items():
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(source)
        info = site / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[cfgrl]\n{name} = {module}\n")


def seconds(arguments: tuple[str, ...], path: str = "") -> float:
    """Wall time of one process, with a folder of plugins on its path."""
    began = time.perf_counter()
    run([_program(), *arguments], codes=(0, 2), PYTHONPATH=path)
    return time.perf_counter() - began


def run(command: list[str], codes: tuple[int, ...] = (0,), **environment: str) -> str:
    """What a process prints; ends this one where it fails."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("JAX_")}, **environment},
    )
    if done.returncode not in codes:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def _program() -> str:
    return str(pathlib.Path(sys.executable).with_name("cfgrl"))


def commands(results: Results, quick: bool) -> None:
    """The command line without jax, and with ten plugins installed."""
    repeats, medians = 1 if quick else REPEATS, {}
    for arguments in COMMANDS:
        seconds(arguments)  # The first process may compile bytecode.
        medians["cfgrl " + " ".join(arguments)] = statistics.median(seconds(arguments) for _ in range(repeats))
    with tempfile.TemporaryDirectory() as site:
        write_plugins(pathlib.Path(site))
        seconds(("list",), site)
        medians["cfgrl list, ten plugins"] = statistics.median(seconds(("list",), site) for _ in range(repeats))
    for command, median in medians.items():
        quickly = ("at most", 0.4) if command in ("cfgrl --help", "cfgrl list") else None
        results.add("command", command, "answers after", median, "s", target=quickly)


def first_update(preset: str, folder: pathlib.Path, cache: str, name: str) -> float:
    """Seconds from the start of `cfgrl train` until the metrics of its first update are written."""
    began, into = time.time(), folder / name
    file = f"dataset.file={folder}/walks.npz"
    run([_program(), "train", preset, file, *TRAIN, *PRESETS[preset], "--run-dir", str(into)], CFGRL_CACHE=cache)
    with (into / "metrics.jsonl").open() as lines:
        return json.loads(next(lines))["time"] - began


def first_action(directory: pathlib.Path, cache: str) -> float:
    """Seconds from the start of Python until a loaded policy has acted."""
    began = time.time()
    return float(run([sys.executable, "-c", ACT, str(directory)], CFGRL_CACHE=cache)) - began


def starts(results: Results, quick: bool) -> None:
    """First updates and first actions, each with an empty cache and then with a full one, in turn."""
    taken: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        np.savez(folder / "walks.npz", **_walks.arrays(10_000 if quick else 100_000))
        for turn in range(1 if quick else STARTS):
            for preset in list(PRESETS)[: 1 if quick else None]:
                update, action = (str(folder / f"{preset}-{turn}-{what}") for what in ("updating", "acting"))
                for state in ("cold", "warm"):
                    name = f"{preset}-{turn}-{state}"
                    taken.setdefault((f"{preset}: first update", state), []).append(
                        first_update(preset, folder, update, name)
                    )
                    taken.setdefault((f"{preset}: first action", state), []).append(first_action(folder / name, action))
    for row in dict.fromkeys(row for row, _ in taken):
        cold, warm = (statistics.median(taken[row, state]) for state in ("cold", "warm"))
        results.add("start", row, "empty cache", cold, "s")
        results.add("start", row, "full cache", warm, "s")
        results.add("start", row, "times faster", cold / warm, target=("at least", 2.0) if "update" in row else None)


def measure(results: Results, words: argparse.Namespace) -> None:
    """Everything, each process by itself."""
    commands(results, words.quick)
    starts(results, words.quick)


if __name__ == "__main__":
    main("start", __doc__, measure)
