"""A table with a chart of some of its columns above it, so that both show the same numbers.

    ```{chart} C2ST
    :columns: ours, NPE, published
    | task | ours | NPE, published |
    ...

Each row is a line of dots, one for each column that is named (by how its heading begins).
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Any, ClassVar

import matplotlib as mpl
from docutils import nodes
from docutils.parsers.rst import directives
from matplotlib.figure import Figure
from pictures import BLUE, FOLDER, GREY, PINK, STYLE
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

COLOURS, MARKERS = (BLUE, PINK, GREY), ("o", "s", "D")


def number(cell: str) -> float | None:
    """The first number of a cell, 376 000 as people write it; None where there is none."""
    found = re.match(r"[\d ]*\.?\d+", cell.strip())
    return float(found[0].replace(" ", "")) if found else None


def draw(rows: Sequence[Sequence[str]], columns: Sequence[str], label: str, *, is_log: bool) -> Figure:
    """The chart of a table whose first row is its heading."""
    head, *body = rows
    figure = Figure((6.4, 0.7 + 0.27 * len(body)), layout="constrained")
    frame = figure.subplots()
    for name, colour, marker in zip(columns, COLOURS, MARKERS, strict=False):
        at = next(k for k, cell in enumerate(head) if cell.startswith(name))
        values = [number(row[at]) for row in body]
        known = [(value, k) for k, value in enumerate(values) if value is not None]
        frame.plot(*zip(*known, strict=True), marker, ms=5, color=colour, label=head[at])
    frame.set_yticks(range(len(body)), [row[0].strip("` ") for row in body])
    frame.set_ylim(len(body) - 0.5, -0.5)
    frame.grid(axis="x", color=GREY, alpha=0.3)
    frame.set(xlabel=label, xscale="log" if is_log else "linear")
    figure.legend(loc="outside upper left", ncols=len(columns), frameon=False, fontsize=8)
    return figure


class Chart(SphinxDirective):
    """A chart and its table."""

    required_arguments, final_argument_whitespace, has_content = 1, True, True
    option_spec: ClassVar = {"columns": directives.unchanged_required, "log": directives.flag}

    def run(self) -> list[nodes.Node]:
        """The picture, then the table."""
        lines = [line for line in self.content if line.startswith("|") and not re.match(r"\|[-|]+$", line)]
        rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
        columns, label = self.options["columns"].split(", "), self.arguments[0]
        asked = repr((rows, columns, label, "log" in self.options))
        name = f"chart-{hashlib.sha256(asked.encode()).hexdigest()[:12]}.svg"
        FOLDER.mkdir(exist_ok=True)
        with mpl.rc_context(STYLE):
            figure = draw(rows, columns, label, is_log="log" in self.options)
            figure.savefig(FOLDER / name, format="svg", transparent=True, metadata={"Date": None})
        words = f"{label}: {', '.join(columns)}; the numbers are in the table below"
        return self.parse_text_to_nodes(f"![{words}](/_generated/{name})\n\n" + "\n".join(self.content))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("chart", Chart)
    return {"parallel_read_safe": True}
