"""What the view does to rows: stacks frames within episodes, moves images, reads pixels, normalises."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cfgrl import Data, DataError, View

RNG = np.random.default_rng(0)


def episodes(lengths: list[int], shape: tuple[int, ...] = (2,), dtype=np.float32, **more) -> Data:
    rows = sum(lengths)
    observations = RNG.normal(size=(rows, *shape)) if dtype == np.float32 else RNG.integers(0, 256, (rows, *shape))
    terminals = np.zeros(rows)
    terminals[np.cumsum(lengths) - 1] = 1
    actions = RNG.uniform(-1, 1, (rows, 1)).astype(np.float32)
    return Data.from_arrays(observations.astype(dtype), actions, terminals, **more)


def frames_by_hand(data: Data, row: int, count: int) -> np.ndarray:
    """Walks back one row at a time, and stops at the row after another episode's end."""
    starts = {0} | {int(end) + 1 for end in set(data.last.tolist())}
    rows = [row]
    while len(rows) < count:
        rows.insert(0, rows[0] if rows[0] in starts else rows[0] - 1)
    return np.concatenate([data.columns["observations"][r] for r in rows], axis=-1)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("shape", [(2,), (4, 5, 3)])
def test_frames_are_those_of_a_walk_back(count: int, shape: tuple[int, ...]) -> None:
    data = episodes([3, 2, 6, 2], shape)
    view = View(frame_stack=count)
    take = eqx.filter_jit(lambda index: view.bind(view.fit(data), data).take(index)["observations"])
    index = np.arange(len(data.last))
    expected = np.stack([frames_by_hand(data, row, count) for row in index])
    np.testing.assert_array_equal(take(index), expected)
    np.testing.assert_array_equal(take(index.reshape(-1, 1))[:, 0], expected)
    np.testing.assert_array_equal(jax.vmap(take)(jnp.asarray(index)), expected)
    assert take(jnp.asarray(4)).shape == (*shape[:-1], count * shape[-1])


def test_frames_are_normalised_like_single_observations() -> None:
    data = episodes([5, 5])
    single, stacked = View(normalize=True), View(normalize=True, frame_stack=2)
    state = single.fit(data)
    before, now = (single.bind(state, data).take(jnp.asarray([row]))["observations"] for row in (6, 7))
    joined = stacked.bind(state, data).take(jnp.asarray([7]))["observations"]
    np.testing.assert_array_equal(joined, jnp.concatenate([before, now], axis=-1))
    raw = data.columns["observations"]
    acting = stacked.observation(state, jnp.asarray(np.concatenate([raw[6], raw[7]])))
    np.testing.assert_array_equal(acting, joined[0])


def test_pixels_become_numbers_from_0_to_1_and_stay_bytes_until_then() -> None:
    data = episodes([4, 4], (6, 6, 3), np.uint8, goals=RNG.normal(size=(8, 2)).astype(np.float32))
    assert data.columns["observations"].dtype == np.uint8
    view = View(normalize=True)
    state = view.fit(data)
    assert state.observations is None and state.goals is not None
    seen = view.bind(state, data).take(jnp.arange(8))["observations"]
    np.testing.assert_allclose(seen, data.columns["observations"] / 255.0, rtol=2e-7)
    np.testing.assert_array_equal(view.observation(state, jnp.asarray(data.columns["observations"][3])), seen[3])


def crops(image: np.ndarray, padding: int) -> list[np.ndarray]:
    """All crops of a padded image, each offset in turn."""
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)), mode="edge")
    height, width, _ = image.shape
    count = 2 * padding + 1
    return [padded[i : i + height, j : j + width] for i in range(count) for j in range(count)]


def offset_of(seen: np.ndarray, image: np.ndarray, padding: int) -> int:
    pixels = np.round(np.asarray(seen) * 255).astype(np.uint8)
    matches = [n for n, crop in enumerate(crops(image, padding)) if np.array_equal(crop, pixels)]
    assert len(matches) == 1, "the image is no crop of its padded self"
    return matches[0]


def test_crops_are_shared_within_an_episode_and_differ_between_episodes() -> None:
    data = episodes([5] * 12, (8, 8, 3), np.uint8)
    view = View(augment="crop", augment_share=1.0, crop_padding=2)
    state, centre = view.fit(data), 12
    raw = data.columns["observations"]

    @jax.jit
    def take(key):
        return view.bind(state, data, key=key).take(jnp.arange(60))

    rows = take(jax.random.key(0))
    offsets = np.array([offset_of(seen, image, 2) for seen, image in zip(rows["observations"], raw, strict=True)])
    assert all(len(set(offsets[i : i + 5])) == 1 for i in range(0, 60, 5))
    assert len(set(offsets)) > 4 and centre < 25
    np.testing.assert_array_equal(rows["goals"], rows["observations"])
    other = np.asarray(take(jax.random.key(1))["observations"])
    assert not np.array_equal(other, rows["observations"])


def test_about_the_given_share_of_updates_is_moved() -> None:
    data = episodes([5] * 4, (6, 6, 1), np.uint8)
    view = View(augment="crop", augment_share=0.5)
    state = view.fit(data)
    plain = view.bind(state, data).take(jnp.arange(20))["observations"]

    @jax.jit
    def moved(key):
        return jnp.any(view.bind(state, data, key=key).take(jnp.arange(20))["observations"] != plain)

    share = np.mean([moved(jax.random.key(k)) for k in range(200)])
    assert 0.4 < share < 0.6


def test_no_key_moves_nothing_and_vectors_are_never_moved() -> None:
    data = episodes([5, 5], (6, 6, 1), np.uint8, goals=RNG.normal(size=(10, 2)).astype(np.float32))
    view = View(augment="crop", augment_share=1.0)
    state = view.fit(data)
    take = eqx.filter_jit(lambda key: view.bind(state, data, key=key).take(jnp.arange(10)))
    np.testing.assert_array_equal(take(jax.random.key(0))["goals"], data.columns["goals"])
    np.testing.assert_allclose(take(None)["observations"], data.columns["observations"] / 255.0, rtol=2e-7)


def test_crops_of_data_without_images_are_refused() -> None:
    with pytest.raises(DataError, match=r'view.augment = "crop" moves images, but an observation has shape \(2,\)'):
        View(augment="crop").fit(episodes([4, 4]))
