"""Keep pytest, which runs the snippets of the Markdown pages as doctests, away from other code and output."""

collect_ignore_glob = ["_build/*", "_extensions/*", "api/names/*", "cluster/*", "conf.py", "examples/*", "gallery/*"]
