"""Wrong values from Python: each raises when the component is made, with class, argument, value and bound.

All are tried in one child process, as a user would meet them: the types that tests check at run time would be first.
"""

import json
import subprocess
import sys
from typing import Any

import pytest

NAMES = """
import json, sys
import numpy as np, jax, jax.numpy as jnp
import cfgrl
from cfgrl import EMA, Agent, Optimizer, Stage, View
from cfgrl.nn import MLP, ResidualMLP
from cfgrl_plugins.datasets.bandit import Bandit
from cfgrl_plugins.datasets.d4rl import D4RL
from cfgrl_plugins.datasets.exorl import ExORL
from cfgrl_plugins.datasets.minari import Minari
from cfgrl_plugins.datasets.own_file import OwnFile
from cfgrl_plugins.datasets.ogbench import OGBench
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.guidance.best_of_n import BestOfN
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.cfg_branches import CFGBranches
from cfgrl_plugins.guidance.energy import Energy
from cfgrl_plugins.guidance.events import Advantage, Bernoulli, Binary, Exponential, Goal, Levels, Quantile
from cfgrl_plugins.guidance.q_gradient import QGradient
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.labelers.q_learning import QLearning
from cfgrl_plugins.labelers.subgoals import Subgoals
from cfgrl_plugins.networks.impala_small import ImpalaSmall
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian
from cfgrl_plugins.policies.one_step import OneStep

def sentence(make):
    try:
        make()
    except cfgrl.ConfigError as error:
        return str(error)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"
"""
#: Written by hand: a test that reads the declarations cannot find a bound that is missing.
WRONG = {
    "IQL(expectile=1.7)": "IQL: expectile must be less than 1, not 1.7.",
    "IQL(expectile=0)": "IQL: expectile must be greater than 0, not 0.",
    "IQL(expectile=True)": "IQL: expectile must be a finite number, not True.",
    "IQL(expectile='high')": "IQL: expectile must be a finite number, not 'high'.",
    "IQL(expectile=float('nan'))": "IQL: expectile must be a finite number, not nan.",
    "IQL(expectile=None)": "IQL: expectile must be a finite number, not None.",
    "IQL(discount=1.0)": "IQL: discount must be less than 1, not 1.",
    "IQL(discount=-0.5)": "IQL: discount must be greater than 0, not -0.5.",
    "IQL(heads=0)": "IQL: heads must be at least 1, not 0.",
    "IQL(heads=2.5)": "IQL: heads must be a whole number, not 2.5.",
    "IQL(heads='2')": "IQL: heads must be a whole number, not '2'.",
    "IQL(target_rate=1.5)": "IQL: target_rate must be at most 1, not 1.5.",
    "IQL(learning_rate=0.0)": "IQL: learning_rate must be greater than 0, not 0.",
    "IQL(advantage='slow')": "IQL: advantage must be 'online' or 'target', not 'slow'.",
    "IQL(network=256)": "IQL: network must be a Network, not 256.",
    "IQL(goals=FlowMatching())": "IQL: goals must be a Labeler or None, not FlowMatching.",
    "QLearning(heads=-1)": "QLearning: heads must be at least 1, not -1.",
    "QLearning(max_q_backup=-1)": "QLearning: max_q_backup must be at least 0, not -1.",
    "QLearning(backup='max')": "QLearning: backup must be 'min' or 'mean', not 'max'; did you mean 'mean'?",
    "QLearning(discount=2)": "QLearning: discount must be less than 1, not 2.",
    "Goals(sampling='geometrical')": "Goals: sampling must be 'uniform', 'rounded', 'geometric' or 'offset', "
    "not 'geometrical'; did you mean 'geometric'?",
    "Goals(discount=0)": "Goals: discount must be greater than 0, not 0.",
    "Goals(steps=0)": "Goals: steps must be at least 1, not 0.",
    "Goals(chunk=0)": "Goals: chunk must be at least 1, not 0.",
    "Behaviour(chunk=0)": "Behaviour: chunk must be at least 1, not 0.",
    "Behaviour(chunk=1.5)": "Behaviour: chunk must be a whole number, not 1.5.",
    "Subgoals(steps=-3)": "Subgoals: steps must be at least 1, not -3.",
    "FlowMatching(steps=0)": "FlowMatching: steps must be at least 1, not 0.",
    "FlowMatching(steps=65)": "FlowMatching: steps must be at most 64, not 65.",
    "FlowMatching(solver='rk4')": "FlowMatching: solver must be 'euler' or 'heun', not 'rk4'.",
    "FlowMatching(time='raws')": "FlowMatching: time must be 'raw', 'sinusoidal' or 'sinusoidal-mlp', not 'raws'; "
    "did you mean 'raw'?",
    "FlowMatching(time_grid=0)": "FlowMatching: time_grid must be at least 1 or None, not 0.",
    "FlowMatching(network=None)": "FlowMatching: network must be a Network, not None.",
    "DDPM(steps=0)": "DDPM: steps must be at least 1, not 0.",
    "DDPM(schedule='cos')": "DDPM: schedule must be 'vp', 'linear' or 'cosine', not 'cos'; did you mean 'cosine'?",
    "DDPM(sampler='dpm')": "DDPM: sampler must be 'ddpm' or 'ddim', not 'dpm'; did you mean 'ddpm'?",
    "DDPM(clamp=0)": "DDPM: clamp must be greater than 0, not 0.",
    "Gaussian(std=0.0)": "Gaussian: std must be greater than 0, not 0.",
    "Gaussian(deviation='free')": "Gaussian: deviation must be 'constant', 'learned' or 'state', not 'free'.",
    "OneStep(steps=0)": "OneStep: steps must be at least 1, not 0.",
    "OneStep(alpha=-1)": "OneStep: alpha must be at least 0, not -1.",
    "CFG(weight=-1)": "CFG: weight must be at least 0, not -1.",
    "CFG(dropout=5)": "CFG: dropout must be less than 1, not 5.",
    "CFG(dropout=0)": "CFG: dropout must be greater than 0, not 0.",
    "CFG(event='gaol')": "CFG: event must be an Event, not 'gaol'.",
    "CFG(event=Unguided())": "CFG: event must be an Event, not Unguided.",
    "CFGBranches(unconditional=0)": "CFGBranches: unconditional must be greater than 0, not 0.",
    "CFGBranches(weight=float('inf'))": "CFGBranches: weight must be a finite number, not inf.",
    "Quantile(quantile=1.2)": "Quantile: quantile must be at most 1, not 1.2.",
    "Bernoulli(temperature=0)": "Bernoulli: temperature must be greater than 0, not 0.",
    "Exponential(cap=-2)": "Exponential: cap must be greater than 0, not -2.",
    "Levels(levels=1)": "Levels: levels must be at least 2, not 1.",
    "Binary(threshold='zero')": "Binary: threshold must be a finite number, not 'zero'.",
    "Advantage(target=float('inf'))": "Advantage: target must be a finite number, not inf.",
    "AWR(inverse_temperature=-3)": "AWR: inverse_temperature must be at least 0, not -3.",
    "AWR(cap=0)": "AWR: cap must be greater than 0, not 0.",
    "AWR(act='mean')": "AWR: act must be 'mode' or 'sample', not 'mean'.",
    "Unguided(act='modes')": "Unguided: act must be 'sample' or 'mode', not 'modes'; did you mean 'mode'?",
    "BestOfN(samples=0)": "BestOfN: samples must be at least 1, not 0.",
    "BestOfN(pick='best')": "BestOfN: pick must be 'argmax' or 'softmax', not 'best'.",
    "BestOfN(temperature=0)": "BestOfN: temperature must be greater than 0, not 0.",
    "BestOfN(inner=Goals())": "BestOfN: inner must be a Guidance, not Goals.",
    "Energy(weight=-0.5)": "Energy: weight must be at least 0, not -0.5.",
    "QGradient(eta=-1)": "QGradient: eta must be at least 0, not -1.",
    "QGradient(heads='max')": "QGradient: heads must be 'crossed', 'mean' or 'min', not 'max'; did you mean 'mean'?",
    "QGradient(normalize=1)": "QGradient: normalize must be True or False, not 1.",
    "MLP(hidden=())": "MLP: hidden must have at least 1 element, not [].",
    "MLP(hidden=(256, 0))": "MLP: hidden must be at least 1, not 0 (element 1).",
    "MLP(hidden=256)": "MLP: hidden must be a tuple, not 256.",
    "MLP(activation='gelo')": "MLP: activation must be 'gelu', 'mish', 'relu', 'silu' or 'tanh', not 'gelo'; "
    "did you mean 'gelu'?",
    "ResidualMLP(blocks=0)": "ResidualMLP: blocks must be at least 1, not 0.",
    "ResidualMLP(dropout=1.0)": "ResidualMLP: dropout must be less than 1, not 1.0.",
    "ImpalaSmall(stacks=())": "ImpalaSmall: stacks must have at least 1 element, not [].",
    "ImpalaSmall(code=0)": "ImpalaSmall: code must be at least 1, not 0.",
    "Optimizer(learning_rate=-1)": "Optimizer: learning_rate must be greater than 0, not -1.",
    "Optimizer(clip_norm=0)": "Optimizer: clip_norm must be greater than 0, not 0.",
    "Optimizer(decay_steps=0)": "Optimizer: decay_steps must be at least 1 or None, not 0.",
    "EMA(decay=1)": "EMA: decay must be less than 1, not 1.",
    "EMA(every=0)": "EMA: every must be at least 1, not 0.",
    "EMA(start=-1)": "EMA: start must be at least 0, not -1.",
    "View(frame_stack=0)": "View: frame_stack must be at least 1, not 0.",
    "View(augment='crops')": "View: augment must be 'none' or 'crop', not 'crops'; did you mean 'crop'?",
    "View(augment_share=2)": "View: augment_share must be at most 1, not 2.",
    "View(reward_scale=float('nan'))": "View: reward_scale must be a finite number, not nan.",
    "Stage(Goals(), CFG(), FlowMatching())": "Stage: policy must be a GenerativePolicy, not CFG; guidance must be a "
    "Guidance, not FlowMatching.",
    "Stage(Goals(), FlowMatching(), CFG(), Optimizer)": "Stage: optimizer must be an Optimizer, not "
    "<class 'cfgrl._optimizer.Optimizer'>.",
    "Agent(Stage(Goals(), FlowMatching(), CFG()), batch_size=0)": "Agent: batch_size must be at least 1, not 0.",
    "Agent(Stage(Goals(), FlowMatching(), CFG()), precision='half')": "Agent: precision must be 'float32' or "
    "'bfloat16', not 'half'.",
    "Agent(Stage(Goals(), FlowMatching(), CFG()), execute=0)": "Agent: execute must be at least 1 or None, not 0.",
    "Bandit(size=9)": "Bandit: size must be at least 10, not 9.",
    "Bandit(seed=-1)": "Bandit: seed must be at least 0, not -1.",
    "OGBench('pointmaze-medium-navigate-v0', dir=3)": "OGBench: dir must be a string or None, not 3.",
}
#: What has to stay possible.
RIGHT = [
    "IQL(heads=np.int64(3), expectile=np.float32(0.7))",
    "Optimizer(clip_norm=None, learning_rate=1)",
    "jax.jit(lambda w: CFG(weight=w).weight * 2)(-1.0)",
    "jax.vmap(lambda rate: Optimizer(learning_rate=rate))(jnp.array([1e-3, 1e-4]))",
    "jax.eval_shape(lambda: Optimizer(learning_rate=0.5).learning_rate)",
    "MLP(hidden=[3, 4])",
    "CFG(event=Quantile(quantile=1))",
]
BOUNDS = """
import dataclasses
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.catalogue._component import BUILT_IN
from cfgrl.catalogue._fields import class_fields
from cfgrl.config._build import build_component
import annotated_types, typing

def declared(field):
    if field.kind == "scalar":
        return dict(field.bounds)
    found = {}
    arms = typing.get_args(field.annotation) if type(None) in typing.get_args(field.annotation) else (field.annotation,)
    for arm in arms:
        for constraint in getattr(arm, "__metadata__", ()):
            found |= {k: getattr(constraint, k) for k in ("ge", "gt", "le", "lt") if hasattr(constraint, k)}
    return found

def outside(key, bound, whole):
    step = 1 if whole else 0.01
    return {"ge": bound - step, "le": bound + step, "gt": bound, "lt": bound}[key]

catalogue, found = load_catalogue(), []
for family in BUILT_IN:
    for name, entry in catalogue.entries(family).items():
        if entry.plugin.distribution != "cfgrl":
            continue
        made = build_component(catalogue, family, name, entry.component.example)
        for key, field in class_fields(type(made)).items():
            for kind, bound in declared(field).items():
                wrong = outside(kind, bound, field.kind != "scalar" and "int" in str(field.annotation))
                said = sentence(lambda: dataclasses.replace(made, **{key: wrong}))
                found.append([type(made).__name__, key, kind, bound, said])
print(json.dumps(found))
"""
WORDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}


def child(code: str) -> Any:
    done = subprocess.run([sys.executable, "-c", NAMES + code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def sentences() -> dict[str, str]:
    lines = "\n".join(f"    {text!r}: sentence(lambda: {text})," for text in (*WRONG, *RIGHT))
    return child(f"print(json.dumps({{\n{lines}\n}}))")


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_value_is_refused_when_it_is_given(text: str, sentences: dict[str, str]):
    assert sentences[text] == WRONG[text]


@pytest.mark.parametrize("text", RIGHT)
def test_a_right_value_is_taken(text: str, sentences: dict[str, str]):
    assert sentences[text] == "accepted"


def test_every_declared_bound_holds_from_python():
    found = child(BOUNDS)
    assert len(found) > 60 and len({name for name, *_ in found}) > 20
    for name, key, kind, bound, said in found:
        assert said.startswith(f"{name}: {key} must be ") and f"{WORDS[kind]} {bound:g}" in said, (name, key, said)
