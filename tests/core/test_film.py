"""Films: what is filmed, how many pictures, which files; floor plans with the right things in the right places."""

import pathlib

import jax
import numpy as np
import pytest
from PIL import Image
from toys import small_agent, walk

from cfgrl import ConfigError, Environment, StepResult, init
from cfgrl.evaluation._film import LONGEST, film
from cfgrl.evaluation._film_file import picture, write_film
from cfgrl.evaluation._vector_environment import Episode


class Corridor(Environment):
    """Counts its steps, and shows the number of the step."""

    def __init__(self, length: int, *, shows: bool = True):
        self.length, self.shows, self.at = length, shows, 0

    def reset(self, task: str, seed: int):
        self.at = 0
        return np.zeros(2, np.float32), np.array([3.0, 1.0], np.float32)

    def step(self, action):
        self.at += 1
        done = self.at == self.length
        return StepResult(np.full(2, self.at, np.float32), 0.0, done, done)

    def frame(self):
        return np.full((4, 6, 3), self.at % 256, np.uint8) if self.shows else None


class Plan(Corridor):
    def position(self):
        return np.array([1.5, 0.5])

    def walls(self):
        return np.array([(0.0, 0.0, 1.0, 1.0), (0.0, 2.0, 4.0, 1.0)])


@pytest.fixture(scope="module")
def played():
    agent, data = small_agent(), walk()
    return agent, init(agent, data, key=jax.random.split(jax.random.key(0), 2))


@pytest.mark.parametrize("length", [5, LONGEST, 3 * LONGEST + 7])
def test_a_film_shows_the_episode_from_its_start_to_its_end(played, length: int) -> None:
    (made,) = film(*played, Corridor(length), [Episode(0, "task", 2.0, 7)], picture)
    shown = [int(frame[0, 0, 0]) for frame in made.pictures]
    assert len(shown) <= LONGEST + 2 and made.success is True
    assert shown[0] == 0 and shown[-1] == length % 256
    assert [n % 256 for n in range(0, length, made.stride)] == shown[:-1]


def test_an_environment_without_pictures_has_no_film(played) -> None:
    assert not list(film(*played, Corridor(3, shows=False), [Episode(0, "task", 2.0, 7)], picture))


def test_a_floor_plan_has_walls_agent_and_goal_where_they_are() -> None:
    drawn = picture(Plan(3, shows=False), np.array([3.5, 0.5]))
    assert drawn is not None
    height, width, _ = drawn.shape
    assert (width, height) == (240, 180)

    def at(x: float, y: float) -> tuple[int, ...]:
        return tuple(drawn[min(height - 1, round((3 - y) * 60)), round(x * 60)].tolist())

    wall, floor = at(0.5, 0.5), at(2.5, 1.5)
    assert wall == at(2.0, 2.5) and wall != floor
    assert at(1.5, 0.5) not in (wall, floor) and at(3.5, 0.5) not in (wall, floor, at(1.5, 0.5))
    without = picture(Plan(3, shows=False), None)
    assert without is not None and tuple(without[150, 210].tolist()) == floor


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_films_are_files_that_others_open(ending: str, tmp_path: pathlib.Path) -> None:
    pictures = [np.full((64, 64, 3), 20 * n, np.uint8) for n in range(8)]
    path = tmp_path / f"film.{ending}"
    write_film(path, pictures, seconds=0.8)
    with Image.open(path) as image:
        assert image.n_frames == 8 and image.size == (192, 192)
        image.seek(5)
        assert np.allclose(np.asarray(image.convert("RGB")), 100, atol=6)


def test_mp4_says_what_it_needs(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install 'cfgrl\\[video\\]'; webp and gif work without"):
        write_film(tmp_path / "film.mp4", [np.zeros((8, 8, 3), np.uint8)], seconds=1.0)
