# make demo      cut a photograph out, from nothing but python3 >= 3.10 and pip; results in demo_output/
# make test      linter, types and the quick tests, in the same environment
# make test-all  linter, types and all tests, as continuous integration runs them
# make coverage  the share of lines that all tests reach
# make service   the HTTP service in a clean environment: installed, started, asked, ended
# make docs      the documentation, in docs/_build/html
# make clean     remove the environment and what these targets made

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
WORKERS ?= 2

.PHONY: demo lint test test-all coverage service docs clean
.DELETE_ON_ERROR:

demo: $(VENV)/installed-demo
	@$(RUN) -m experiments demo

lint: $(VENV)/installed-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check --quiet .
	$(VENV)/bin/pyright --pythonpath $(RUN)

test: lint
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal -m "not slow"

test-all: lint
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal

coverage: $(VENV)/installed-test
	$(RUN) -m pytest -n $(WORKERS) --dist worksteal --cov=hybridmatte --cov-report=term

service:
	sh docs/service/try_service.sh

docs: $(VENV)/installed-docs
	rm -rf docs/api/names
	$(RUN) -m sphinx -W --keep-going -q -E -c docs -d docs/_build/doctrees . docs/_build/html
	@echo "docs/_build/html/index.html"

clean:
	rm -rf $(VENV) demo_output docs/_build docs/api/names docs/examples

# Debian and Ubuntu split ensurepip from the venv module; virtualenv, which brings its own pip, stands in for it.
$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo "error: $$($(PYTHON) --version 2>&1), expected Python 3.10 or later (make PYTHON=...)" >&2; exit 1; }
	@echo "making the environment $(VENV)"
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null && $(PYTHON) -m venv $(VENV) || { \
		echo "the venv module lacks ensurepip: fetching virtualenv with pip instead"; \
		rm -rf $(VENV); \
		$(PYTHON) -m pip install --quiet --disable-pip-version-check --target $(VENV)/virtualenv virtualenv && \
		PYTHONPATH=$(VENV)/virtualenv $(PYTHON) -m virtualenv --quiet $(VENV); \
	} || { echo "error: no environment, expected the venv module or pip (apt install python3-venv)" >&2; exit 1; }

$(VENV)/installed: pyproject.toml | $(RUN)
	@echo "installing hybridmatte into $(VENV)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/installed-demo: $(VENV)/installed
	@echo "installing the demonstration's photograph (scikit-learn) into $(VENV)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[demo]'
	@touch $@

$(VENV)/installed-test: $(VENV)/installed
	@echo "installing the test tools into $(VENV)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

$(VENV)/installed-docs: $(VENV)/installed
	@echo "installing the tools of the documentation into $(VENV)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@
