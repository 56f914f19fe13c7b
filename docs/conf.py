"""Configuration of Sphinx. `make docs` builds the site into docs/_build/html.

The source folder of the site is the root of the repository, so that links between the Markdown files work on the site
as they work on a code host: pages under docs/, and the README of each experiment.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_extensions")]

import hybridmatte  # noqa: E402

project = "hybridmatte"
author = "the authors of hybridmatte"
copyright = "2026, " + author
version = release = hybridmatte.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "link_names",
]
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/api/**",
    "docs/examples/**",
    "docs/guide/*.md",
    "docs/notes/*.md",
    "docs/results/*.md",
    "docs/theory/*.md",
    "experiments/*/README.md",
    "hybridmatte/weights/*.md",
    "hybridmatte/weights/*/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = [".*", "docs/_build", "docs/examples/**/*.ipynb", "docs/examples/**/*.py", "**/__pycache__"]
templates_path = [str(ROOT / "docs" / "_templates")]
nitpicky = False  # a name in single backticks may be a parameter; the extension link_names links the public names
default_role = "py:obj"
suppress_warnings = ["ref.footnote"]  # docstrings list their references without citing each

# Markdown
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

# API reference: docstrings in NumPy's style, one page for each public name
autosummary_generate = True
autosummary_imported_members = False
autodoc_typehints = "none"  # the docstrings name shapes, types and ranges
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Shapes", "params_style"), ("Returns of item k", "returns_style")]

# Gallery: every example runs at each build
sphinx_gallery_conf = {
    "examples_dirs": ["docs/gallery"],
    "gallery_dirs": ["docs/examples"],
    "filename_pattern": r"\.py$",
    "subsection_order": ["docs/gallery/one_call", "docs/gallery/compare", "docs/gallery/rebuild"],
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": "docs/examples/backreferences",
    "doc_module": ("hybridmatte",),
    "reference_url": {"hybridmatte": None},
    "abort_on_example_error": True,
    "run_stale_examples": True,  # also if only the package has changed
    "download_all_examples": False,
    "min_reported_time": 10_000,
    "show_memory": False,
    "write_computation_times": False,
    "capture_repr": (),
    "show_signature": False,
    "remove_config_comments": True,
    "plot_gallery": "True",
}

# Pages; those with wide tables and those of one function have no contents at their right
WITH_CONTENTS = ("*", "docs/*", "docs/api/*", "docs/examples/**", "docs/guide/*", "docs/notes/*", "docs/theory/*")
html_theme = "pydata_sphinx_theme"
html_title = "hybridmatte"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_entry"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": dict.fromkeys(WITH_CONTENTS, ["page-toc"]),
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}
