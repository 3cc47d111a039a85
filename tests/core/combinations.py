"""Every labeler × policy × guidance, and which of them work together.

Whether three parts compose is decided here a second time, by sentences about methods instead of names of capabilities.
"""

import itertools

from cfgrl import Agent, Data, Stage, nn
from cfgrl.testing._parts import example_data
from cfgrl_plugins.guidance.awr import AWR
from cfgrl_plugins.guidance.best_of_n import BestOfN
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.cfg_branches import CFGBranches
from cfgrl_plugins.guidance.energy import Energy
from cfgrl_plugins.guidance.events import Binary, Exponential, Levels
from cfgrl_plugins.guidance.q_gradient import QGradient
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL
from cfgrl_plugins.labelers.q_learning import QLearning
from cfgrl_plugins.labelers.subgoals import Subgoals
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian
from cfgrl_plugins.policies.one_step import OneStep

NET = nn.MLP(hidden=(6,))
LABELERS = {
    "behaviour": Behaviour(),
    "goals": Goals(),
    "subgoals": Subgoals(steps=2),
    "iql": IQL(NET),
    "iql-goals": IQL(NET, goals=Goals()),
    "q-learning": QLearning(NET, max_q_backup=2),
}
POLICIES = {
    "flow-matching": FlowMatching(NET, steps=2),
    "ddpm": DDPM(NET, steps=2),
    "gaussian": Gaussian(NET),
    "one-step": OneStep(NET, steps=2),
}
GUIDANCE = {
    "unguided": Unguided(),
    "unguided-mode": Unguided(act="mode"),
    "cfg-goal": CFG(),
    "cfg-optimality": CFG(event=Levels()),
    "cfg-branches": CFGBranches(event=Exponential()),
    "awr": AWR(),
    "awr-mode": AWR(act="mode"),
    "q-gradient": QGradient(),
    "best-of-n": BestOfN(samples=2, pick="softmax"),
    "best-of-n-cfg": BestOfN(CFG(), samples=2),
    "energy": Energy(),
    "energy-cfg": Energy(inner=CFG(event=Binary())),
}
ALL = list(itertools.product(LABELERS, POLICIES, GUIDANCE))
FIELDS, MODES = {"flow-matching", "ddpm"}, {"gaussian"}
REACHES, LEARNS = {"goals", "subgoals", "iql-goals"}, {"iql", "iql-goals"}
SCORES = LEARNS | {"q-learning"}


def can(labeler: str, policy: str, guidance: str) -> bool:
    """Whether the three can work together, by what each method is."""
    if guidance in ("cfg-goal", "best-of-n-cfg") and labeler not in REACHES:
        return False  # no goal to null
    if guidance in ("cfg-optimality", "cfg-branches", "awr", "awr-mode", "energy-cfg") and labeler not in LEARNS:
        return False  # no advantage to speak of
    if guidance in ("q-gradient", "best-of-n", "best-of-n-cfg", "energy", "energy-cfg") and labeler not in SCORES:
        return False  # nobody to score a proposal
    if ("cfg" in guidance or "energy" in guidance) and policy not in FIELDS:
        return False  # no field to combine or tilt
    return not guidance.endswith("-mode") or policy in MODES


def stage(labeler: str, policy: str, guidance: str) -> Stage:
    return Stage(LABELERS[labeler], POLICIES[policy], GUIDANCE[guidance])


def combined(name: str) -> tuple[Agent, Data]:
    """An agent of the three parts that `name` joins with `+`, and data for it."""
    labeler, policy, guidance = name.split("+")
    stages = (stage(labeler, policy, guidance),)
    if labeler == "subgoals":  # its targets are no actions: a second stage makes actions of them
        stages += (Stage(Goals("offset", steps=2), FlowMatching(NET, steps=1), Unguided(), name="low"),)
    return Agent(stages, batch_size=6), example_data()


def cover(triples, trained=()):
    """Some of the triples, in which each pair of parts of any of them is found: the greedy choice, in a fixed order.

    Pairs of the triples that are `trained` elsewhere are left out.
    """

    def pairs(triple):
        return set(itertools.combinations(enumerate(triple), 2))

    wanted, chosen = set().union(*map(pairs, triples)) - set().union(*map(pairs, trained)), []
    while wanted:
        best = max(triples, key=lambda triple: len(pairs(triple) & wanted))
        chosen.append(best)
        wanted -= pairs(best)
    return chosen


VALID = [triple for triple in ALL if can(*triple)]
#: What the presets that `make test` trains are made of, in the words above.
PRESETS = [
    ("behaviour", "flow-matching", "unguided"),
    ("behaviour", "gaussian", "unguided-mode"),
    ("goals", "gaussian", "unguided-mode"),
    ("goals", "flow-matching", "unguided"),
    ("goals", "flow-matching", "cfg-goal"),
    ("behaviour", "ddpm", "unguided"),
    ("iql", "gaussian", "awr-mode"),
    ("iql", "flow-matching", "awr"),
    ("iql", "flow-matching", "energy"),
    ("q-learning", "one-step", "q-gradient"),
    ("iql", "ddpm", "best-of-n"),
]
COVER = cover(VALID, PRESETS)
