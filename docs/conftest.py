"""Keep pytest, which runs the snippets of the Markdown pages as doctests, away from the site's own code and output."""

collect_ignore_glob = ["_build/*", "_extensions/*", "api/names/*", "conf.py", "examples/*", "gallery/*"]
