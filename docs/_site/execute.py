"""Run notebooks and store in them what they print and draw, without Jupyter; the tests compare what they print.

python docs/_site/execute.py docs/notebooks/*.ipynb
"""

import base64
import contextlib
import io
import json
import pathlib
import sys
from typing import Any

DPI = 80


def run(notebook: dict[str, Any]) -> None:
    """Execute every cell in one namespace, and replace its outputs."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(cells, start=1):
        pictures: list[str] = []
        printed = io.StringIO()
        pyplot.show = lambda pictures=pictures: pictures.append(_picture(pyplot))
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), f"cell {count}", "exec"), namespace)
        cell["execution_count"] = count
        cell["outputs"] = [*_stream(printed.getvalue()), *map(_display, pictures)]


def _picture(pyplot: Any) -> str:
    """The current figure as PNG."""
    file = io.BytesIO()
    # Without the version of matplotlib, which would make the same picture another file.
    pyplot.savefig(file, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": None})
    pyplot.close("all")
    return base64.b64encode(file.getvalue()).decode()


def _stream(text: str) -> list[dict[str, Any]]:
    return [{"name": "stdout", "output_type": "stream", "text": text.splitlines(keepends=True)}] if text else []


def _display(png: str) -> dict[str, Any]:
    return {"data": {"image/png": png, "text/plain": ["<Figure>"]}, "metadata": {}, "output_type": "display_data"}


if __name__ == "__main__":
    for path in map(pathlib.Path, sys.argv[1:]):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        run(notebook)
        path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
