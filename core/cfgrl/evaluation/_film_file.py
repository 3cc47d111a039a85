"""Films as files: animated WebP or GIF, or MP4 with the extra `video`; floor plans where nothing was rendered."""

import importlib.util
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from cfgrl._errors import ConfigError
from cfgrl.data._dataset import Environment

FORMATS = ("webp", "gif", "mp4")
#: Height and width of a floor plan's longer side, and the smallest side of a film, in pixels.
_PLAN, _SMALLEST = 240, 192
_WALL, _FLOOR, _AGENT, _GOAL = (70, 74, 82), (245, 244, 240), (0, 114, 178), (213, 94, 0)


def write_film(path: pathlib.Path, pictures: Sequence[np.ndarray], *, seconds: float) -> None:
    """Write pictures, each of shape `(height, width, 3)` and uint8, as a film that lasts `seconds`.

    The ending of `path` chooses the format; an earlier film is replaced by a whole one. Raises `ConfigError` if MP4
    is asked for without the extra `video`.
    """
    require_format(path.suffix[1:])
    factor = -(-_SMALLEST // min(pictures[0].shape[:2]))  # a camera of 64 pixels would be a stamp on a screen
    enlarged = [np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1) for picture in pictures]
    rate = len(pictures) / seconds
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        (_write_mp4 if path.suffix == ".mp4" else _write_animation)(temporary, enlarged, rate)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def require_format(name: str) -> None:
    """Raise `ConfigError` where films of this format cannot be written here."""
    if name == "mp4" and importlib.util.find_spec("imageio_ffmpeg") is None:
        raise ConfigError("MP4 needs an extra: pip install 'cfgrl[video]'; webp and gif work without.")


def _write_animation(path: pathlib.Path, pictures: Sequence[np.ndarray], rate: float) -> None:
    from PIL import Image

    first, *others = [Image.fromarray(picture) for picture in pictures]
    options: dict[str, Any] = {"method": 4, "quality": 80} if path.suffix == ".webp" else {"optimize": False}
    first.save(path, save_all=True, append_images=others, duration=max(20, round(1000 / rate)), loop=0, **options)


def _write_mp4(path: pathlib.Path, pictures: Sequence[np.ndarray], rate: float) -> None:
    import imageio.v2 as imageio

    with imageio.get_writer(path, fps=max(rate, 1.0), macro_block_size=8) as writer:
        for picture in pictures:
            writer.append_data(picture)  # pyright: ignore[reportAttributeAccessIssue]


def picture(environment: Environment, goal: np.ndarray | None) -> np.ndarray | None:
    """What an environment shows: its own picture, or its floor plan with the agent and the goal; `None` for neither."""
    shown = environment.frame()
    if shown is not None:
        return shown
    position, walls = environment.position(), environment.walls()
    if position is None or walls is None:
        return None
    return _floor(walls, position, None if goal is None else np.ravel(goal)[:2])


def _floor(walls: np.ndarray, position: np.ndarray, goal: np.ndarray | None) -> np.ndarray:
    from PIL import Image, ImageDraw

    low = walls[:, :2].min(axis=0)
    high = (walls[:, :2] + walls[:, 2:]).max(axis=0)
    scale = _PLAN / (high - low).max()
    width, height = (max(1, round(float(side))) for side in (high - low) * scale)
    image = Image.new("RGB", (width, height), _FLOOR)
    pen = ImageDraw.Draw(image)

    def place(xy: np.ndarray) -> tuple[float, float]:
        return float((xy[0] - low[0]) * scale), float((high[1] - xy[1]) * scale)  # up is up

    for x, y, across, up in walls:
        pen.rectangle((place(np.array((x, y + up))), place(np.array((x + across, y)))), fill=_WALL)
    for xy, colour, radius in ((goal, _GOAL, 5), (position, _AGENT, 4)):
        if xy is not None:
            x, y = place(xy)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return np.asarray(image)
