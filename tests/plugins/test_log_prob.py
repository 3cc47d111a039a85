"""Densities of samplers: closed forms where the map is affine, integrals of one elsewhere, refusal where it folds."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from toys import walk

from cfgrl import Agent, Condition, ConfigError, Data, Given, NumericError, Policy, Stage, View, init, nn
from cfgrl.testing._parts import EveryFact
from cfgrl_plugins.guidance.best_of_n import BestOfN
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.policies.ddpm import DDPM
from cfgrl_plugins.policies.flow_matching import FlowMatching, FlowNet
from cfgrl_plugins.policies.gaussian import Gaussian

#: Fields are handed over, so that the network is not asked.
NET = FlowNet(nn.Input(nn.MLP(), jnp.zeros(1), Condition.of(None), key=jax.random.key(0)), None, 1)


def velocity(x, t, mean, std):
    """E[x₁ − x₀ | x_t] for x₁ ~ N(mean, std²), x₀ ~ N(0, 1)."""
    return mean + (t * std**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * std**2) * (x - t * mean)


def guided(x, t, weight=2.0):
    u, c = velocity(x, t, 0.3, 0.5), velocity(x, t, -0.4, 0.2)
    return u + weight * (c - u)


@pytest.mark.parametrize("solver", ["euler", "heun"])
@pytest.mark.parametrize("steps", [2, 16])
def test_the_density_is_that_of_the_affine_discrete_map(solver: str, steps: int):
    policy, h = FlowMatching(steps=steps, solver=solver), 1 / steps
    ends = []
    for x in (0.0, 1.0):
        for k in range(steps):
            slope = guided(x, k * h)
            ahead = guided(x + h * slope, (k + 1) * h) if solver == "heun" else slope
            x = x + h * (slope + ahead) / 2
        ends.append(x)
    mean, scale = ends[0], ends[1] - ends[0]
    points = mean + abs(scale) * np.linspace(-3, 3, 5)
    ours = jax.jit(jax.vmap(lambda y: policy.field_log_prob(NET, guided, y)))(jnp.asarray(points, jnp.float32)[:, None])
    if scale > 0:
        np.testing.assert_allclose(ours, stats.norm.logpdf(points, mean, scale), atol=2e-3)
    else:
        # A map that turns the line round has a determinant below zero, as one that folds has somewhere.
        assert np.isnan(ours).all()


def random_field(dimensions: int, scale: float):
    """A small network with random weights and biases, wilder for a larger scale."""
    net = nn.MLP(hidden=(16, 16), activation="tanh").init(dimensions + 1, dimensions, key=jax.random.key(0))
    leaves, tree = jax.tree.flatten(net)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    leaves = [
        scale * leaf if leaf.ndim == 2 else 0.5 * jax.random.normal(k, leaf.shape)
        for leaf, k in zip(leaves, keys, strict=True)
    ]
    net = tree.unflatten(leaves)
    return lambda x, t: net(jnp.concatenate([x, t[None]]))


def integrals(density, values, dimensions: int, reach: float = 9.0, points: int = 120) -> list[float]:
    """Of exp(density(y, value)) over y, for each value."""
    axis = np.linspace(-reach, reach, points if dimensions == 2 else 2000, dtype=np.float32)
    grid = jnp.asarray(np.stack(np.meshgrid(*[axis] * dimensions), -1).reshape(-1, dimensions))
    compiled = jax.jit(jax.vmap(density, in_axes=(0, None)))
    found = [compiled(grid, jnp.float32(value)) for value in values]
    assert not np.isnan(found).any()
    return [float(jnp.sum(jnp.exp(part)) * (axis[1] - axis[0]) ** dimensions) for part in found]


@pytest.mark.parametrize(("dimensions", "solver"), [(1, "euler"), (1, "heun"), (2, "euler")])
def test_the_density_of_a_nonlinear_field_integrates_to_one(dimensions: int, solver: str):
    policy = FlowMatching(steps=3, solver=solver)
    field = random_field(dimensions, 1.4)
    x = jnp.zeros(dimensions)
    bend = jax.jacfwd(field)(x, jnp.float32(0.0)) - jax.jacfwd(field)(x + 1.0, jnp.float32(0.0))
    assert np.abs(bend).max() > 0.1, "the field is far from affine"
    (total,) = integrals(lambda y, _: policy.field_log_prob(NET, field, y), [0.0], dimensions)
    assert total == pytest.approx(1.0, abs=2e-3)


@pytest.fixture(scope="module")
def policy() -> Policy:
    stage = Stage(Goals(), FlowMatching(nn.MLP(hidden=(16,)), steps=3), CFG())
    agent, data = Agent(stage, View(normalize=True)), walk()
    return Policy(agent, init(agent, data, key=jax.random.key(0)), data.spec)


def test_the_density_of_a_guided_field_integrates_to_one_and_depends_on_the_weight(policy: Policy):
    stage, net = policy.agent.stages[0], policy.state.stages[0].net

    def density(y, weight):
        field = stage.guidance.field(Given(stage.policy, net, jnp.zeros(2), jnp.ones(2)), weight)
        return stage.policy.field_log_prob(net, field, y)

    assert integrals(density, [0.0, 3.0], 2, reach=6.0, points=60) == pytest.approx([1.0, 1.0], abs=5e-3)
    at_rest = jax.jit(jax.vmap(density, in_axes=(None, 0)))(jnp.zeros(2), jnp.array([0.0, 3.0]))
    assert abs(at_rest[0] - at_rest[1]) > 1e-3


def folding(x, t):
    del t
    return -4.0 * jnp.tanh(2.0 * x)


def test_a_map_that_folds_has_no_density():
    few, many = FlowMatching(steps=1), FlowMatching(steps=20)
    points = jnp.linspace(-3, 3, 13)[:, None]

    def found(policy):
        return np.asarray(jax.jit(jax.vmap(lambda y: policy.field_log_prob(NET, folding, y)))(points))

    assert np.isnan(found(few)).all()
    assert np.isfinite(found(many)).all()


def test_large_targets_are_refused():
    with pytest.raises(ConfigError, match="17 components"):
        FlowMatching().field_log_prob(NET, folding, jnp.zeros(17))


def test_one_action_many_and_a_weight_a_row(policy: Policy):
    actions = np.float32([[0.1, 0.2], [-0.4, 0.9], [0.0, 0.0]])
    goals, weights = np.float32([[1.0, 1.0], [0.0, 1.0], [-1.0, 2.0]]), [0.0, 1.0, 3.0]
    many = policy.log_prob(np.zeros(2), actions, goal=goals, weight=weights)
    assert many.log_prob.shape == many.clipped.shape == (3,)
    single = policy.log_prob(np.zeros(2), actions[2], goal=goals[2])
    assert single.log_prob.shape == single.clipped.shape == ()
    np.testing.assert_allclose(single.log_prob, many.log_prob[2], atol=1e-4)

    stage, view, net = policy.agent.stages[0], policy.agent.view, policy.state.stages[0].net
    seen = view.observation(policy.state.view, jnp.zeros(2))

    @jax.jit
    def direct(goal, weight, action):
        goal = view.goal(policy.state.view, goal)
        return stage.policy.field_log_prob(
            net, stage.guidance.field(Given(stage.policy, net, seen, goal), weight), action
        )

    expected = [direct(g, jnp.float32(w), a) for g, w, a in zip(goals, weights, actions, strict=True)]
    np.testing.assert_allclose(many.log_prob, expected, atol=1e-4)


def one_action_data() -> Data:
    return Data.from_arrays(np.zeros((4, 2)), np.zeros((4, 1)), np.float32([0, 1, 0, 1]))


def saved(policy, guidance=None, labeler=None) -> Policy:
    agent = Agent(Stage(labeler or Behaviour(), policy, guidance or Unguided()))
    data = one_action_data()
    return Policy(agent, init(agent, data, key=jax.random.key(0)), data.spec)


def test_a_gaussian_and_the_share_that_the_clip_moves():
    trained = saved(Gaussian(nn.MLP(hidden=(4,)), std=0.8))
    found = trained.log_prob(np.zeros(2), np.float32([0.3]), samples=20_000)
    mean = float(trained.agent.stages[0].policy.mode(trained.state.stages[0].net, jnp.zeros(2), Condition.of(None))[0])
    assert float(found.log_prob) == pytest.approx(stats.norm.logpdf(0.3, mean, 0.8), abs=1e-5)
    outside = stats.norm.sf(1, mean, 0.8) + stats.norm.cdf(-1, mean, 0.8)
    assert float(found.clipped) == pytest.approx(outside, abs=0.02)
    again = trained.log_prob(np.zeros(2), np.float32([0.3]), samples=20_000)
    assert float(again.clipped) == float(found.clipped)


def test_a_folding_map_is_refused_by_row():
    trained = saved(FlowMatching(nn.MLP(hidden=(1,), activation="tanh"), steps=1))
    # v = -4 tanh(5 s + 2 x): steep in x at the observation s = 0, constant far from it.
    weights = (jnp.array([[5.0, 0.0, 2.0, 0.0]]), jnp.array([[-4.0]]))
    state = eqx.tree_at(
        lambda s: [layer.weight for layer in s.stages[0].net.velocity.layers], trained.state, list(weights)
    )
    trained = Policy(trained.agent, state, trained.spec)
    observations, actions = np.float32([[20.0, 0.0], [0.0, 0.0]]), np.float32([[-3.7], [0.1]])
    with pytest.raises(NumericError, match=r"row 1: the map .* folds.*Lower the guidance weight"):
        trained.log_prob(observations, actions)
    fine = trained.log_prob(observations[:1], actions[:1])
    np.testing.assert_allclose(fine.log_prob, [stats.norm.logpdf(0.3)], atol=1e-5)
    np.testing.assert_allclose(fine.clipped, [1.0], atol=0.01)


def test_what_has_no_density_is_refused():
    action = np.float32([0.0])
    with pytest.raises(ConfigError, match="'log-prob'.*DDPM provides field"):
        saved(DDPM(nn.MLP(hidden=(4,)))).log_prob(np.zeros(2), action)
    both = tuple(Stage(Goals(), FlowMatching(), Unguided(), name=name) for name in ("high", "low"))
    with pytest.raises(ConfigError, match="BestOfN picks among samples"):
        saved(Gaussian(nn.MLP(hidden=(4,))), BestOfN(), EveryFact()).log_prob(np.zeros(2), action)
    with pytest.raises(ConfigError, match=r"one stage; this one has 2 \(high, low\)"):
        trained = saved(Gaussian(nn.MLP(hidden=(4,))))
        Policy(Agent(both), trained.state, trained.spec).log_prob(np.zeros(2), action)


def test_wrong_shapes_and_goals_are_refused_as_in_act(policy: Policy):
    action = np.zeros(2)
    with pytest.raises(ConfigError, match="log_prob: action has shape"):
        policy.log_prob(np.zeros(2), np.zeros(3), goal=np.zeros(2))
    with pytest.raises(ConfigError, match="give log_prob"):
        policy.log_prob(np.zeros(2), action)
    with pytest.raises(ConfigError, match=r"log_prob: action has shape \(2, 2\) for 3 observations"):
        policy.log_prob(np.zeros((3, 2)), np.zeros((2, 2)), goal=np.zeros(2))
