"""Sphinx extension: link public names and examples, describe tables, and collect external links.

* In docstrings and pages, a public name in backticks links to its page of the API reference.
* A link to an example's script in ``docs/gallery`` leads to the example's page.
* ``METHODS`` and ``NAMED``, which are dictionaries without a docstring, are described by their entries.
* ``external_links.txt`` beside the built site lists all links to other sites. The build does not open them.
"""

import importlib
import re
from collections import defaultdict
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform

PACKAGES = ("hybridmatte", "hybridmatte.losses", "hybridmatte.networks", "hybridmatte.data", "hybridmatte.training")
PARTS = Path(__file__).parent.parent / "api" / "parts.md"
NAME = re.compile(r"(?:(?P<package>[\w.]+)\.)?(?P<name>\w+)(?:\(.*\))?", re.DOTALL)
EXAMPLE_LINK = re.compile(r"\]\((?P<up>(?:\.\./)*)gallery(?:/(?P<path>[\w/]+)\.py)?\)")


def documented_names() -> dict[str, list[str]]:
    """Return the full names of the public objects, and of the parts of a solver, by their last part."""
    names = defaultdict(list)
    for package in PACKAGES:
        for name in importlib.import_module(package).__all__:
            names[name].append(f"{package}.{name}")
    for full in re.findall(r"^   ~([\w.]+)$", PARTS.read_text(encoding="utf-8"), re.MULTILINE):
        names[full.rpartition(".")[2]].append(full)
    return names


DOCUMENTED = documented_names()


def full_name(text: str, *, is_docstring: bool = False) -> str | None:
    """Return the full name of the one public object that a text in backticks names; None if there is none.

    Many single words are commands, keys or parameters as well (`matte`, `unet`, `image`), so in a page a bare word
    counts only if it is written like a name: with an underscore, a capital letter, or parentheses.
    """
    match = NAME.fullmatch(text.strip())
    if match is None:
        return None
    package, name = match["package"], match["name"]
    if package is None and not is_docstring and re.fullmatch("[a-z0-9]+", text.strip()):
        return None
    ends = f".{package}.{name}" if package else f".{name}"
    found = [full for full in DOCUMENTED.get(name, ()) if f".{full}".endswith(ends)]
    return found[0] if len(found) == 1 else None


class LinkPublicNames(SphinxPostTransform):
    """Turn literals of the pages that name a public object into links to it."""

    default_priority = 5  # before references are resolved

    def run(self, **_: object) -> None:
        """Replace the literals of one document."""
        for literal in list(self.document.findall(nodes.literal)):
            target = full_name(literal.astext())
            if target is None or isinstance(literal.parent, (nodes.reference, addnodes.pending_xref, nodes.title)):
                continue
            if self.env.docname.endswith(f"/{target}"):
                continue
            link = addnodes.pending_xref(
                "",
                refdomain="py",
                reftype="obj",
                reftarget=target,
                refexplicit=False,
                refdoc=self.env.docname,
                refwarn=False,
            )
            literal.replace_self(link)
            link += literal


def resolve_docstring_name(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """Resolve a public name of another package than the docstring's own."""
    if node.get("refdomain") != "py" or node.get("reftype") != "obj":
        return None
    target = full_name(node["reftarget"], is_docstring=True)
    if target is None or target == node["reftarget"]:
        return None
    return env.domains["py"].resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, content)


def link_to_examples(_: Sphinx, document: str, source: list[str]) -> None:
    """Lead links to the scripts of examples to their pages."""
    del document
    source[0] = EXAMPLE_LINK.sub(lambda link: f"]({link['up']}examples/{link['path'] or 'index'}.rst)", source[0])


def describe_table(_: Sphinx, kind: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Describe a public dictionary by its entries: of `METHODS` what each method does, of `NAMED` where data are."""
    del options
    if kind != "data" or not isinstance(value, dict):
        return
    if name.endswith("METHODS"):
        entries = {key: f"{method.summary}. Use it for: {method.when}." for key, method in value.items()}
        lines[:] = ["The methods by name. `solve` and the command line know them by these names.", ""]
    else:
        entries = {key: f"from {layout.source}; splits: {', '.join(layout.splits)}." for key, layout in value.items()}
        lines[:] = ["The named data sets, each with its source and its splits, for `open_named`.", ""]
    lines += [f"* ``{key}``: {text}" for key, text in entries.items()] + [""]


def skip_fields(_: Sphinx, kind: str, name: str, value: object, skip: bool, options: object) -> bool | None:
    """Leave out the fields of named tuples, which the docstring of the class describes."""
    del kind, name, skip, options
    return True if type(value).__name__ == "_tuplegetter" else None


def write_external_links(app: Sphinx, error: Exception | None) -> None:
    """Write the links to other sites, each with the pages that have it."""
    if error is not None or app.builder.format != "html":
        return
    pages = defaultdict(set)
    for document in app.env.found_docs:
        for reference in app.env.get_doctree(document).findall(nodes.reference):
            if re.match("https?:", reference.get("refuri", "")):
                pages[reference["refuri"]].add(document)
    lines = [f"{link}  {', '.join(sorted(pages[link]))}\n" for link in sorted(pages)]
    Path(app.outdir).with_name("external_links.txt").write_text("".join(lines), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_post_transform(LinkPublicNames)
    app.connect("missing-reference", resolve_docstring_name)
    app.connect("source-read", link_to_examples)
    app.connect("autodoc-process-docstring", describe_table)
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("build-finished", write_external_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
