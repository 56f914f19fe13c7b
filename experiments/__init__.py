"""Experiments behind the paper tables, figures and benchmarks: `python -m experiments --list`.

`registry.py` lists them. The package of an experiment declares it (question, cost, options) and holds `run.py`, which
measures, `report.py`, which turns the recorded result into a page, and sometimes `draw.py`, which draws the pictures
of the page. Results, pages and pictures are in `docs/results`.
"""
