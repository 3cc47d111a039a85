"""The conformance checks are tested themselves: each planted fault is caught by the check that is meant for it."""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from annotated_types import Ge
from jaxtyping import Array, Float

from cfgrl import Condition, Data, DataError, Dataset, Label, Network, scalar
from cfgrl.nn import MLP
from cfgrl.testing import run_checks
from cfgrl.testing._suite import every_check
from cfgrl_plugins.datasets.bandit import Bandit
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.q_learning import QLearning
from cfgrl_plugins.policies.flow_matching import FlowMatching
from cfgrl_plugins.policies.gaussian import Gaussian

pytestmark = pytest.mark.usefixtures("quick_compile")

SMALL = MLP(hidden=(6,))
#: Planted components, each made when it is checked, with the check that has to catch it.
PLANTED: list[tuple[str, Callable[[], Any]]] = []


def planted(check: str, *arguments: Any, **keywords: Any) -> Callable[[type], type]:
    """Note a bad class, and how to make one."""

    def note(cls: type) -> type:
        PLANTED.append((check, lambda: cls(*arguments, **keywords)))
        return cls

    return note


# What every component has to be.


@planted("documented")
class Undocumented(Goals):
    """Says nothing about its fields."""


@planted("documented")
class Outdated(Behaviour):
    """Explains what is gone.

    **Arguments:**

    - `chunk`: how many actions.
    - `horizon`: once upon a time.
    """


@planted("documented")
class Nameless(Behaviour):
    chunk: Annotated[int, Ge(1)] = 1


@planted("frozen")
@dataclasses.dataclass
class Loose(Dataset):
    """Can be changed: `size`."""

    size: int = 1

    def load(self):
        raise DataError("nothing here")

    def provenance(self):
        return {}


@planted("methods_take_what_the_protocol_passes")
class Positional(Goals):
    """Takes the key by position."""

    def label(self, state, data, index, key):
        return super().label(state, data, index, key=key)


@planted("methods_take_what_the_protocol_passes")
class Demanding(Unguided):
    """Wants an argument that nobody passes."""

    def field(self, policy, net, observation, context, critic, weight, temperature):
        return super().field(policy, net, observation, context, critic, weight)


@planted("fields_hold_no_mutable_values", layers=[1])
class Mutable(Network):
    """A list of `layers`."""

    layers: Any = ()

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=key)


@planted("capabilities_are_names")
class Shouting(Goals):
    """Names that are none."""

    provides = frozenset({"Goal Reaching"})


# Fields as keys of a registry file.


@planted("fields_are_keys")
class Callback(Behaviour):
    """A field that no file can hold: `hook`."""

    hook: Callable[[Array], Array] | None = None


@planted("defaults_keep_their_bounds")
class OutOfBounds(Behaviour):
    """A default that its own bounds refuse: `steps`."""

    steps: Annotated[int, Ge(1)] = 0


@planted("defaults_keep_their_bounds")
class OutOfScale(Behaviour):
    """The same for a number: `rate`."""

    rate: Float[Array, ""] = scalar(2.0, le=1.0)


@planted("configuration_round_trips")
class Drifting(Behaviour):
    """Changes what it is given: `steps`."""

    steps: int = eqx.field(default=3, converter=lambda steps: steps + 1)


@planted("numbers_are_traced")
class Constant(Behaviour):
    """A plain float: `rate`."""

    rate: float = 0.5


@planted("another_value_never_compiles")
class Derived(Unguided):
    """Keeps a Python value of a traced number: `rate`, `label`."""

    rate: Float[Array, ""] = scalar(0.5)
    label: str = eqx.field(init=False, static=True)

    def __post_init__(self):
        self.label = f"rate {float(self.rate):.3f}"


# Labelers.


@planted("labels_are_finite")
class Infinite(Behaviour):
    """Divides by zero."""

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"] / 0.0)


@planted("labels_are_finite")
class Halved(Behaviour):
    """Labels of half precision."""

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"].astype(jnp.bfloat16))


@planted("labels_match_what_is_provided")
class Liar(Behaviour):
    """Claims a goal."""

    provides = frozenset({"goal"})


@planted("labels_match_what_is_provided")
class Secretive(Behaviour):
    """Gives an advantage and does not say so."""

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"], advantage=jnp.float32(1.0))


@planted("labels_are_pure")
class Forgetful(Behaviour):
    """Draws from Python instead of the key."""

    count = itertools.count()

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"] + next(self.count))


@planted("labels_of_a_batch_are_those_of_each")
class Sociable(Behaviour):
    """Looks at whether it is mapped."""

    def label(self, state, data, index, *, key):
        alone = not type(index).__name__.startswith("Batch")
        return Label(data.take(index)["actions"] + (1.0 if alone else 0.0))


@planted("labels_read_rows_through_take")
class Greedy(Behaviour):
    """Reads a whole column."""

    def label(self, state, data, index, *, key):
        return Label(jnp.asarray(np.asarray(data.data.columns["actions"]))[index])


@planted("a_chunk_is_as_long_as_said", chunk=3)
class Short(Behaviour):
    """One action, whatever `chunk` says."""

    chunk: Annotated[int, Ge(1)] = 1

    def label(self, state, data, index, *, key):
        return Label(data.take(index)["actions"])


class Counting(Behaviour):
    """Its state is a count."""

    def init(self, data, *, key):
        return {"n": jnp.zeros((), jnp.int32)}


@planted("updates_keep_the_state_structure")
class Growing(Counting):
    """Adds to its state."""

    def update(self, state, data, index, actor, *, key):
        return {**state, "more": jnp.zeros(())}, {}


@planted("updates_are_pure")
class Moody(Counting):
    """Counts in Python."""

    count = itertools.count()

    def update(self, state, data, index, actor, *, key):
        return {"n": state["n"] + next(self.count)}, {}


@planted("its_state_survives_a_checkpoint")
class Unsaved(Behaviour):
    """A Python number in its state."""

    def init(self, data, *, key):
        return {"n": 0, "table": jnp.zeros(3)}

    def update(self, state, data, index, actor, *, key):
        return {"n": 1, "table": state["table"] + 1.0}, {}


@planted("state_shapes_do_not_depend_on_rows")
class Remembering(Behaviour):
    """Keeps a number for each row."""

    def init(self, data, *, key):
        return jnp.zeros(data.last.shape)


class Judge(QLearning):
    """A critic: `network`, `heads`."""

    def critic(self, state, observation, target, context, *, which="online"):
        return self.judged(super().critic(state, observation, target, context, which=which))


@planted("critic_scores", SMALL)
class OneHead(Judge):
    """A number instead of heads."""

    def judged(self, q):
        return jnp.min(q)


@planted("critic_can_be_climbed", SMALL)
class Flat(Judge):
    """No gradient."""

    def judged(self, q):
        return jax.lax.stop_gradient(q)


# Policies.


@planted("parameters_from_shapes", SMALL)
class Curious(FlowMatching):
    """Looks at values where it is given shapes."""

    def init(self, observation, target, condition, *, key):
        return super().init(observation + 0.0, target, condition, key=key)


@planted("parameters_from_shapes", SMALL)
class Dicing(FlowMatching):
    """Parameters that no key decides."""

    def init(self, observation, target, condition, *, key):
        return super().init(observation, target, condition, key=jax.random.key(np.random.randint(2**31)))


@planted("loss_is_a_finite_scalar_with_a_gradient", SMALL)
class Numb(FlowMatching):
    """A loss without a gradient."""

    def loss(self, net, observation, target, condition, *, key):
        return jax.lax.stop_gradient(super().loss(net, observation, target, condition, key=key))


@planted("loss_is_a_finite_scalar_with_a_gradient", SMALL)
class Spread(FlowMatching):
    """A loss for each component."""

    def loss(self, net, observation, target, condition, *, key):
        return super().loss(net, observation, target, condition, key=key) * jnp.ones_like(target)


@planted("samples_depend_on_the_key_alone", SMALL)
class Deaf(FlowMatching):
    """Ignores the key."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=jax.random.key(0))


@planted("samples_of_a_batch_are_those_of_each", SMALL)
class Herding(FlowMatching):
    """Another sample whenever it is compiled anew."""

    count = itertools.count()

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=key) + next(self.count)


@planted("other_sizes_work", SMALL)
class TwoArmed(FlowMatching):
    """Knows only actions of two components."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=key) * jnp.array([1.0, 0.5])


@planted("the_null_hides_the_context", SMALL)
class Blind(FlowMatching):
    """Ignores the condition."""

    def field(self, net, observation, condition):
        return super().field(net, observation, jax.tree.map(jnp.zeros_like, condition))


@planted("the_null_hides_the_context", SMALL)
class Peeking(FlowMatching):
    """Sees what is nulled."""

    def field(self, net, observation, condition):
        return super().field(net, observation, Condition.of(condition.context))


@planted("what_it_can_is_provided", SMALL)
class Boasting(FlowMatching):
    """Claims a mode."""

    provides = frozenset({"field", "log-prob", "mode"})


@planted("what_it_can_is_provided", SMALL)
class Modest(Gaussian):
    """Has a density and does not say so."""

    provides = frozenset({"mode"})


@planted("field_is_what_is_integrated", SMALL)
class Fieldless(Gaussian):
    """Claims a field."""

    provides = frozenset({"mode", "log-prob", "field"})


@planted("field_is_what_is_integrated", SMALL)
class Detour(FlowMatching):
    """Samples something else than it integrates."""

    def sample(self, net, observation, condition, *, key):
        return super().sample(net, observation, condition, key=key) + 0.5


@planted("tilt_adds_nothing_for_no_score", SMALL)
class Stiff(FlowMatching):
    """Cannot be tilted."""

    def tilt(self, prediction, x, t, score):
        return prediction


@planted("mode_is_deterministic", SMALL)
class Lost(Gaussian):
    """A mode that is none."""

    def mode(self, net, observation, condition):
        return super().mode(net, observation, condition) * jnp.nan


@planted("mode_is_likely", SMALL)
class Aside(Gaussian):
    """A mode far from where samples are."""

    def mode(self, net, observation, condition):
        return super().mode(net, observation, condition) + 9.0


@planted("density_is_one_in_all", SMALL)
class Unnormalised(Gaussian):
    """A density that forgot its factor."""

    def log_prob(self, net, observation, condition, target):
        return super().log_prob(net, observation, condition, target) + 1.0


class Tagged(eqx.Module):
    """A network with a note."""

    net: Any
    note: float = eqx.field(static=True)

    def __call__(self, x):
        return self.net(x)


@planted("its_parameters_survive_a_checkpoint", SMALL)
class Hidden(FlowMatching):
    """A random constant that is no array, so that no checkpoint holds it."""

    def init(self, observation, target, condition, *, key):
        net = super().init(observation, target, condition, key=key)
        return eqx.tree_at(lambda n: n.velocity, net, Tagged(net.velocity, np.random.random()))


@planted("policies_draw_from_the_key_only", SMALL)
class Gambling(FlowMatching):
    """A loss with noise of NumPy's."""

    def loss(self, net, observation, target, condition, *, key):
        noise = float(np.random.normal())
        return super().loss(net, observation, target + noise, condition, key=key)


@planted("critics_draw_nothing", SMALL)
class Capricious(Judge):
    """Judges by Python's mood."""

    def judged(self, q):
        return q + float(np.random.normal())


# Guidance.


@planted("guidance_draws_from_the_key_only")
class Fickle(Unguided):
    """A sample that NumPy moves, and that is not the end of its field."""

    steers = False

    def sample(self, policy, net, observation, context, critic, weight, *, key):
        target = super().sample(policy, net, observation, context, critic, weight, key=key)
        return target + float(np.random.normal())


@planted("composes_and_trains")
class Broken(Unguided):
    """Divides by zero."""

    def loss(self, policy, net, observation, label, critic, *, key):
        loss, metrics = super().loss(policy, net, observation, label, critic, key=key)
        return loss / 0.0, metrics


@planted("composes_and_trains")
class Idle(Unguided):
    """Learns nothing."""

    def loss(self, policy, net, observation, label, critic, *, key):
        loss, metrics = super().loss(policy, net, observation, label, critic, key=key)
        return jax.lax.stop_gradient(loss), metrics


@planted("works_with_what_it_needs")
class Presuming(Unguided):
    """Uses an advantage and does not say that it needs one."""

    def loss(self, policy, net, observation, label, critic, *, key):
        loss, metrics = super().loss(policy, net, observation, label, critic, key=key)
        return loss + jnp.mean(label.advantage), metrics


@planted("works_with_what_it_needs")
class Judging(Unguided):
    """Asks a critic and does not say that it needs one."""

    def sample(self, policy, net, observation, context, critic, weight, *, key):
        target = super().sample(policy, net, observation, context, critic, weight, key=key)
        return target + 0.0 * jnp.sum(critic(observation, target, context))


@planted("training_and_acting_see_one_structure")
class TwoFaced(Unguided):
    """Tells the network of optimality in training only."""

    def condition(self, label):
        return Condition(label.context, jnp.asarray(True), jnp.ones(2), jnp.asarray(True))


@planted("samples_are_pure_targets")
class Stubborn(Unguided):
    """The same action for every key."""

    def sample(self, policy, net, observation, context, critic, weight, *, key):
        return super().sample(policy, net, observation, context, critic, weight, key=jax.random.key(0))


@planted("the_weight_is_traced")
class Concrete(CFG):
    """Wants to know the number."""

    def field(self, policy, net, observation, context, critic, weight):
        return super().field(policy, net, observation, context, critic, jnp.float32(float(weight)))


@planted("the_dial_turns")
class Loosened(CFG):
    """A dial that is connected to nothing."""

    def field(self, policy, net, observation, context, critic, weight):
        return super().field(policy, net, observation, context, critic, jnp.float32(1.0))


@planted("the_field_fits")
class Shy(Unguided):
    """Says that it does not steer, and has a field."""

    steers = False


@planted("the_field_fits")
class Wide(Unguided):
    """A field of another shape."""

    def field(self, policy, net, observation, context, critic, weight):
        inner = super().field(policy, net, observation, context, critic, weight)
        return lambda x, t: jnp.concatenate([inner(x, t), jnp.zeros(1)])

    def sample(self, policy, net, observation, context, critic, weight, *, key):
        return policy.sample(net, observation, self.plain(context), key=key)


@planted("acting_is_integrating_its_field")
class Elsewhere(Unguided):
    """Acts by something else than its field."""

    def sample(self, policy, net, observation, context, critic, weight, *, key):
        return 0.5 * super().sample(policy, net, observation, context, critic, weight, key=key)


@planted("composes_with_the_built_in_parts")
class Intimate(Unguided):
    """Knows what the network of one policy looks like."""

    def loss(self, policy, net, observation, label, critic, *, key):
        loss, metrics = super().loss(policy, net, observation, label, critic, key=key)
        return loss + 0.01 * jnp.sum(net[1].weight ** 2), metrics


# Networks.


class Around(Network):
    """Around a small perceptron."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=key)


@planted("network_maps_sizes")
class Narrow(Around):
    """One output, whatever is asked for."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, 1, key=key)


@planted("network_repeats")
class Restless(Around):
    """Parameters that no key decides."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=jax.random.key(np.random.randint(2**31)))


@planted("network_repeats")
class Fixed(Around):
    """The same parameters for every key."""

    def init(self, in_size, out_size, *, key):
        return SMALL.init(in_size, out_size, key=jax.random.key(0))


class Through(eqx.Module):
    """A perceptron with something before it."""

    net: Any
    before: Callable[[Array], Array] = eqx.field(static=True)
    learns: bool = eqx.field(static=True, default=True)

    def __call__(self, x):
        net = self.net if self.learns else jax.tree.map(jax.lax.stop_gradient, self.net)
        return net(self.before(x))


def _without_the_last(x):
    return x.at[-1].set(0.0)


def _moved(x):
    return x + float(np.random.normal())


def _as_it_is(x):
    return x


@planted("network_learns")
class Frozen(Around):
    """Parameters without a gradient."""

    def init(self, in_size, out_size, *, key):
        return Through(eqx.filter(SMALL.init(in_size, out_size, key=key), lambda leaf: True), _as_it_is, learns=False)


@planted("networks_draw_nothing")
class Jittery(Around):
    """Its output is moved by NumPy."""

    def init(self, in_size, out_size, *, key):
        return Through(SMALL.init(in_size, out_size, key=key), _moved)


@planted("network_sees_its_input")
class HalfBlind(Around):
    """Never sees the last component."""

    def init(self, in_size, out_size, *, key):
        return Through(SMALL.init(in_size, out_size, key=key), _without_the_last)


@planted("encoder_reads_images")
class Flattened(Around):
    """An encoder that leaves an image an image."""

    def encoder(self, shape, *, key):
        return (lambda x: x) if len(shape) == 3 else None


@planted("serves_the_built_in_parts")
class Tiny(Around):
    """Refuses more than six inputs."""

    def init(self, in_size, out_size, *, key):
        if in_size > 6:
            raise ValueError("too many inputs")
        return super().init(in_size, out_size, key=key)


# Data sets.


class Changed(Bandit):
    """`size`, `seed`."""


@planted("catalogue_is_readable")
class Wordless(Changed):
    """A name without a summary: `size`, `seed`."""

    catalogue = {"wordless": " "}


@planted("data_load")
class Unrepeatable(Changed):
    """Other data each time: `size`, `seed`."""

    def load(self):
        rng = np.random.default_rng()
        return Data.from_arrays(rng.normal(size=(4, 1)), np.zeros((4, 2)), np.array([0, 1, 0, 1])), None


@planted("data_load")
class Alone(Changed):
    """Training data only: `size`, `seed`."""

    def load(self):
        return super().load()[0]


@planted("provenance_can_be_recorded")
class Untold(Changed):
    """Does not say where it comes from: `size`, `seed`."""

    def provenance(self):
        return {"name": "untold", "origin": "generated"}


@planted("provenance_can_be_recorded")
class Binary(Changed):
    """A digest that JSON cannot hold: `size`, `seed`."""

    def provenance(self):
        return {**super().provenance(), "record": {"sha256": b"\x00"}}


@planted("tasks_have_environments")
class Nowhere(Changed):
    """A task without an environment: `size`, `seed`."""

    def environment(self):
        return None


class Altered:
    """An environment with another answer."""

    def __init__(self, inner, reset=lambda x: x, step=lambda x: x):
        self.inner, self.on_reset, self.on_step = inner, reset, step

    def made(self):
        inner, on_reset, on_step = self.inner, self.on_reset, self.on_step

        class Environment(type(inner)):
            def reset(self, task, seed):
                return on_reset(inner.reset(task, seed))

            def step(self, action):
                return on_step(inner.step(action))

        environment = Environment.__new__(Environment)
        environment.__dict__.update(inner.__dict__)
        return environment


@planted("tasks_have_environments")
class Chancy(Changed):
    """Episodes that begin where no seed says: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), reset=lambda r: (r[0] + np.float32(np.random.random()), r[1])).made()


@planted("episodes_repeat")
class Noisy(Changed):
    """Rewards that no seed decides: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), step=lambda s: s._replace(reward=np.random.random())).made()


@planted("episodes_repeat")
class Vague(Changed):
    """An end that is neither true nor false: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), step=lambda s: s._replace(done="yes")).made()


@planted("environments_fit_the_data")
class Double(Changed):
    """Observations of another type: `size`, `seed`."""

    def environment(self):
        return Altered(super().environment(), reset=lambda r: (r[0].astype(np.float64), r[1])).made()


@pytest.mark.parametrize(("check", "make"), PLANTED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_planted_fault_is_caught_by_the_check_meant_for_it(check: str, make: Callable[[], Any]) -> None:
    family = next(family for family, checks in every_check().items() if _is(make(), family))
    (meant,) = [candidate for candidate in every_check()[family] if candidate.name == check]
    assert meant.applies(make())
    # Three faults raise inside the component; all others are found by the check's own sentence.
    expected = TypeError if type(make()) in (Curious, Spread, Concrete) else AssertionError
    with pytest.raises(expected) as caught:
        meant(make())
    assert str(caught.value).strip()


def _is(component: Any, family: str) -> bool:
    from cfgrl.testing._companions import family_of

    return family_of(component) == family


def test_every_check_has_a_planted_fault() -> None:
    known = {check.name for checks in every_check().values() for check in checks}
    assert len(PLANTED) >= 25 and len(known) >= 25
    # Its fault has to lie in a file: below.
    assert known - {check for check, _ in PLANTED} == {"keys_are_read_from_the_source"}


ALIASED = '''
from cfgrl_plugins.labelers.behaviour import Behaviour

Steps = int


class Aliased(Behaviour):
    """An alias hides a type.

    **Arguments:**

    - `steps`, `chunk`: numbers.
    """

    steps: Steps = 3
'''


def test_keys_that_the_source_does_not_tell(tmp_path, monkeypatch) -> None:
    (tmp_path / "cfgrl_aliased.py").write_text(ALIASED)
    monkeypatch.syspath_prepend(tmp_path)
    from cfgrl_aliased import Aliased  # type: ignore[import-not-found]

    failed = {finding.check for finding in run_checks(Aliased) if not finding.fine}
    assert failed == {"keys_are_read_from_the_source"}


def test_an_announced_failure_is_fine_and_a_false_announcement_is_not() -> None:
    findings = run_checks(Undocumented, {"documented": "a test", "frozen": "not true", "no_such": "a slip"})
    by_name = {finding.check: finding for finding in findings}
    assert by_name["documented"].status == "expected" and by_name["documented"].message == "a test"
    assert by_name["frozen"].status == "unexpected" and "it passes" in by_name["frozen"].message
    assert by_name["no_such"].status == "unexpected" and "is no check" in by_name["no_such"].message
