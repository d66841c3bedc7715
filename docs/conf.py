"""How Sphinx builds the documentation: `make docs` writes it to site/, and every warning is an error."""

import os
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # the same pictures on every machine

project = "Posterior Lab"
author = "Posterior Lab contributors"
copyright = "Posterior Lab contributors, MIT licence"  # noqa: A001  a name of Sphinx's
release = metadata.version("posterior-lab")
language = "en-GB"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "docstrings",
    "tables",
    "pictures",
    "charts",
    "formulas",
]
exclude_patterns = ["_ext", "_generated"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = [
    "misc.highlighting_failure",  # blocks of configuration that no lexer reads whole
    "ref.python",  # attributes of the same name in two classes
]

# Docstrings: Google style; one backtick or two, both mean code.
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "none"
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_theme = "furo"
html_title = "Posterior Lab"
html_static_path = ["_static"]
html_css_files = ["lab.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"  # of formulas.py: browsers draw it without a script
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c94", "color-brand-content": "#0b5c94"},
    "dark_css_variables": {"color-brand-primary": "#6fb6e3", "color-brand-content": "#6fb6e3"},
}
