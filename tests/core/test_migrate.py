"""Renamed keys: old runs are read as they were meant, and a user's file is told the new name."""

import pytest

import cfgrl
from cfgrl import ConfigError
from cfgrl.config._migrate import migrate

OLD = {
    "use": "cfg", "weight": 2.0, "nulls": "optimality", "training": "dropout", "dropout": 0.1, "unconditional": 0.3,
    "optimality": "bernoulli", "threshold": 0.0, "quantile": 0.5, "temperature": 0.5, "cap": 100.0, "levels": 5,
    "target": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "new"),
    [
        ({}, {"use": "cfg", "weight": 2.0, "dropout": 0.1, "event": {"use": "bernoulli", "temperature": 0.5}}),
        ({"nulls": "goal"}, {"use": "cfg", "weight": 2.0, "dropout": 0.1, "event": {"use": "goal"}}),
        (
            {"training": "branches", "optimality": "exponential", "cap": 4.0},
            {
                "use": "cfg-branches",
                "weight": 2.0,
                "unconditional": 0.3,
                "event": {"use": "exponential", "temperature": 0.5, "cap": 4.0},
            },
        ),
        (
            {"nulls": "goal", "training": "branches"},
            {"use": "cfg-branches", "weight": 2.0, "unconditional": 0.3, "event": {"use": "goal"}},
        ),
        (
            {"optimality": "binary", "threshold": 0.2},
            {"use": "cfg", "weight": 2.0, "dropout": 0.1, "event": {"use": "binary", "threshold": 0.2}},
        ),
        (
            {"optimality": "levels", "levels": 3},
            {"use": "cfg", "weight": 2.0, "dropout": 0.1, "event": {"use": "levels", "levels": 3}},
        ),
    ],
)
def test_an_old_table_becomes_the_new_one_wherever_it_stands(changed: dict, new: dict):
    old = OLD | changed
    assert migrate({"guidance": old}) == {"guidance": new}
    assert migrate({"stage": {"high": {"guidance": old}}}) == {"stage": {"high": {"guidance": new}}}
    inside = {"use": "best-of-n", "samples": 4}
    assert migrate({"guidance": inside | {"inner": old}}) == {"guidance": inside | {"inner": new}}
    assert migrate({"guidance": new}) == {"guidance": new}, "what is new stays as it is"


def test_keys_that_an_old_table_leaves_out_have_their_old_defaults():
    found = migrate({"guidance": {"use": "cfg", "nulls": "optimality"}})
    assert found == {"guidance": {"use": "cfg", "event": {"use": "binary", "threshold": 0.0}}}
    other = {"guidance": {"use": "awr", "cap": 3.0}, "policy": {"use": "x", "training": "y"}}
    assert migrate(other) == other


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("guidance.nulls", "optimality", 'event.use = "goal", "optimality" an event such as event.use = "binary"'),
        ("guidance.training", "branches", '"branches" is use = "cfg-branches"'),
        ("guidance.optimality", "bernoulli", 'the name of an event: event.use = "binary"'),
        ("guidance.temperature", 0.5, "a key of the event: event.temperature"),
    ],
)
def test_a_user_is_told_the_new_key(key: str, value: object, sentence: str, tmp_path, monkeypatch):
    with pytest.raises(ConfigError) as caught:
        cfgrl.from_preset("cfgrl-offline", {key: value})
    assert f"override: {key}: " in str(caught.value) and sentence in str(caught.value)
    (tmp_path / "registry.toml").write_text(f'[preset.mine]\nextends = "cfgrl-offline"\n{key} = {value!r}\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        cfgrl.from_preset("mine")
    assert f"registry.toml:3: {key}: " in str(caught.value) and sentence in str(caught.value)
