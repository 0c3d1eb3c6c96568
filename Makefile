# make demo   a new project, trained and tested on real data
# make test   linters, types, docs and the whole test suite
# make docs   the documentation site, in site/

PYTHON ?= python3
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
DEMO := demo

export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint docs benchmark clean

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; assert (3, 10) <= sys.version_info[:2] <= (3, 13), "Python 3.10 to 3.13 is needed: make PYTHON=python3.11"'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --editable ".[digits,parquet,notebook]"
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP_INSTALL) --editable ".[dev]"
	touch $@

demo: $(VENV)/installed
	test -d $(DEMO) || $(BIN)/hydra-lightning new $(DEMO)
	OMP_NUM_THREADS=2 $(BIN)/python $(DEMO)/lightning_classes/train.py
	@echo
	@echo "next:  source $(VENV)/bin/activate && cd $(DEMO)"
	@echo "       python lightning_classes/train.py experiment=digits model.optimizer.lr=0.005"
	@echo "       python lightning_classes/eval.py run=@last mode=predict"

lint: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/installed-dev
	$(BIN)/mkdocs build --strict --quiet

test: lint docs
	$(BIN)/pytest --numprocesses 2 --dist worksteal

benchmark: $(VENV)/installed-dev
	$(BIN)/python benchmarks/run.py

clean:
	rm -rf $(VENV) $(DEMO) site dist
