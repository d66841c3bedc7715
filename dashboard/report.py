"""A finished run on one page of HTML that needs nothing else: to be printed, sent, or kept with a paper."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Any

import xarray as xr

from dashboard import theme
from dashboard.figure_files import Meanings, figure_file
from dashboard.methods_paragraph import methods_paragraph
from dashboard.notes import read_notes
from dashboard.run_title import title_of
from dashboard.views.draws import posterior_draws
from dashboard.views.marginal_figure import MarginalFigure
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.provenance import provenance_html, settings_words
from dashboard.views.run_rows import overview
from dashboard.views.tables import parameter_table
from dashboard.views.verdict_words import findings_html, verdict_line
from dashboard.words import method_name
from inference.diagnostics import verdict
from inference.runs import Run

MARGINALS = (
    ("model", "posterior; bars: the central 90 %, dots: medians"),
    ("prior", "prior"),
    ("truth", "true value"),
)


def report(run: Run, tree: xr.DataTree) -> io.BytesIO:
    """The file, in the colours of the current session.

    Args:
        run: finished.
        tree: of its result.
    """
    found = verdict(tree)
    sections = {
        "Request": _facts(run),
        "Verdict": verdict_line(found) + findings_html(found),
        **({"Posterior": _posterior(run.id, tree)} if "posterior" in tree.children else {}),
        "Methods": f'<p class="words">{escape(methods_paragraph(tree))}</p>',
        "Provenance": provenance_html({str(name): value for name, value in tree.attrs.items()}),
    }
    title = escape(title_of(run))
    body = "".join(f"<section><h2>{name}</h2>{markup}</section>" for name, markup in sections.items())
    page = f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{title}</title><style>{_style()}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
    return io.BytesIO(page.encode())


def _facts(run: Run) -> str:
    request, notes = run.request, read_notes(run.record)
    told = {
        "run": run.id,
        "model": request.simulator,
        "method": method_name(request.method),
        "settings": settings_words(request.method, request.config) or "as they come",
        "observation": overview(run).observation,
        "seed": str(request.seed),
        "asked for": f"{run.created:%Y-%m-%d %H:%M} UTC",
        "note": notes.note,
        "tags": ", ".join(notes.tags),
    }
    rows = (f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>" for name, words in told.items() if words)
    return f"<dl>{''.join(rows)}</dl>"


def _posterior(name: str, tree: xr.DataTree) -> str:
    draws, mosaic = posterior_draws(tree), PairMosaic(tree, zoomed=True)
    shown = [_picture(MarginalFigure(draws).figure, f"Parameters · {name}", MARGINALS)]
    if draws.dim > 1:
        meanings = [(role, words) for role, words in mosaic.meanings() if role != "selection"]
        shown.append(_picture(mosaic.figure, f"Pairs of parameters · {name}", meanings))
    return parameter_table(draws) + "".join(shown)


def _picture(figure: Any, title: str, meanings: Meanings) -> str:
    """An SVG within the page, as an image: nothing in it can run."""
    file = figure_file("svg", [[figure]], title=title, meanings=meanings)
    data = base64.b64encode(file.getvalue()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}" alt="{escape(title)}">'


_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def _style() -> str:
    colours = theme.colours()
    line = f"1px solid color-mix(in srgb, {colours.quiet} 30%, transparent)"
    return f"""
:root {{ color-scheme: {"dark" if theme.is_dark() else "light"}; }}
body {{ font: 15px/1.5 "Helvetica Neue", Arial, sans-serif; color: {colours.text};
  background: {colours.surface}; max-width: 60rem; margin: 2.5rem auto; padding: 0 1.5rem; }}
h1 {{ font-size: 1.7rem; line-height: 1.25; }}
h2 {{ font-size: 1.15rem; margin: 2.2rem 0 .6rem; }}
dl {{ display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; }}
dt, small, .quiet {{ color: {colours.quiet}; }}
dd {{ margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }}
table {{ border-collapse: collapse; width: 100%; font-size: .92rem; }}
th {{ text-align: left; font-weight: 400; color: {colours.quiet}; }}
th, td {{ padding: .3rem 1rem .3rem 0; border-bottom: {line}; vertical-align: baseline; }}
td.code {{ overflow-wrap: anywhere; }}
.number {{ text-align: right; }}
.verdict {{ display: flex; gap: .8rem; align-items: baseline; }}
.verdict p {{ margin: 0; }}
.chip {{ border: {line}; border-radius: 1rem; padding: 0 .6rem; }}
.words {{ white-space: pre-wrap; overflow-wrap: anywhere; }}
img {{ width: 100%; margin-top: 1.2rem; }}
section {{ break-inside: avoid-page; }}
"""
