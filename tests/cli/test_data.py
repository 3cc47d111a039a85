"""`cfgrl data` in child processes: what a person reads, what a program reads, exit codes."""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

NAME = "pointmaze-medium-stitch-v0"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("home")


def cfgrl(home: pathlib.Path, *words: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HOME": str(home), "CFGRL_CACHE": str(home / "cache"), "no_proxy": "*"}
    command = [sys.executable, "-m", "cfgrl", "data", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def test_a_data_set_is_made_listed_and_checked(home: pathlib.Path) -> None:
    missing = cfgrl(home, "check", NAME)
    assert missing.returncode == 3 and f"cfgrl data generate {NAME}" in missing.stderr
    assert "Traceback" not in missing.stderr

    made = cfgrl(home, "generate", NAME, "--episodes", "4", "--seed", "3", "--json")
    assert made.returncode == 0, made.stderr
    answer = json.loads(made.stdout)
    path = home / "cache/data/ogbench" / f"{NAME}.npz"
    assert answer["origin"] == "generated" and answer["files"][0]["path"] == str(path)
    assert "5 of 5 episodes" in made.stderr
    again = cfgrl(home, "generate", NAME, "--episodes", "4", "--seed", "3")
    assert again.returncode == 0 and "already there" in again.stderr and str(path) in again.stdout
    other = cfgrl(home, "generate", NAME, "--episodes", "5")
    assert other.returncode == 3 and "made with another seed and recipe" in other.stderr

    listed = json.loads(cfgrl(home, "list", "--json").stdout)["datasets"]
    assert listed[NAME]["path"] == str(path) and listed[NAME]["can_generate"]
    assert listed["antmaze-large-navigate-v0"]["path"] is None
    assert not listed["antmaze-large-navigate-v0"]["can_generate"]

    checked = cfgrl(home, "check", NAME)
    assert checked.returncode == 0, checked.stderr
    for part in (
        "804 rows, 4 episodes of 201 rows",
        "201 rows, 1 episode of 201",
        "nothing wrong",
        "generated with seed 3",
    ):
        assert part in checked.stdout
    answer = json.loads(cfgrl(home, "check", str(path), "--json").stdout)
    assert answer["ok"] and answer["files"][0]["arrays"]["actions"]["shape"] == [804, 2]


def test_a_broken_file_is_shown_and_refused(home: pathlib.Path, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "own.npz"
    observations = np.ones((6, 2), np.float32)
    observations[3, 1] = np.nan
    np.savez(path, observations=observations, actions=np.full((6, 1), 2.0), terminals=[0, 0, 1, 0, 0, 1])
    shown = cfgrl(home, "check", str(path))
    assert shown.returncode == 3
    assert "wrong: observations, row 3, column 1, is not finite" in shown.stdout
    assert "wrong: actions, row 0, column 0, is out of range: 2.0 (so in 6 rows)" in shown.stdout
    assert shown.stderr.startswith("cfgrl: error: 2 faults found")
    answer = json.loads(cfgrl(home, "check", str(path), "--json").stdout)
    assert not answer["ok"] and len(answer["files"][0]["problems"]) == 2
    assert cfgrl(home, "check", str(tmp_path / "absent.npz")).returncode == 3


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["generate", "pointmaze-medium-navigat-v0"], 2, "did you mean 'pointmaze-medium-navigate-v0'"),
        (["generate", "antmaze-large-navigate-v0"], 3, "cfgrl data get antmaze-large-navigate-v0"),
        (["generate", NAME, "--episodes", "0"], 2, "--episodes must be at least 1"),
        (["get", NAME, "--url", "http://127.0.0.1:9/sets"], 3, "cannot be reached"),
        (["fetch", NAME], 2, "invalid choice"),
    ],
)
def test_a_mistake_is_one_message(home: pathlib.Path, words: list[str], code: int, says: str) -> None:
    result = cfgrl(home, *words)
    assert result.returncode == code and says in result.stderr, result.stderr
    assert len(result.stderr.splitlines()) == 1 and result.stdout == ""
