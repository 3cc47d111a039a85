"""The recipe of each data set that can be made on this machine, and recipes as text for a worker process."""

import dataclasses
import json

from . import manipulation, pointmaze
from .manipulation import ManipulationRecipe
from .names import Entry
from .pointmaze import PointMazeRecipe
from .recipe import Recipe

_CLASSES = {cls.__name__: cls for cls in (PointMazeRecipe, ManipulationRecipe)}


def published(entry: Entry) -> Recipe | None:
    """What OGBench published of how the data set was made; `None` if that needs what the package does not ship."""
    if entry.family == "pointmaze":
        return pointmaze.published_recipe(entry.environment, entry.layout, entry.kind)
    if entry.family in ("cube", "scene", "puzzle"):
        return manipulation.published_recipe(entry.environment, entry.kind)
    return None


def to_text(recipe: Recipe) -> str:
    """A recipe as one line."""
    return json.dumps([type(recipe).__name__, dataclasses.asdict(recipe)])


def from_text(text: str) -> Recipe:
    """The recipe that `to_text` wrote."""
    name, fields = json.loads(text)
    return _CLASSES[name](**fields)
