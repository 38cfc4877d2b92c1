# ECR Lab. `make start` begins the course, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed

.PHONY: start test install lint build bench soak engines bundle lock clean help

start: install ## Start the lab and open the course in JupyterLab (Ctrl-C stops all of it)
	@$(VENV)/bin/ecrlab_course start

test: ## Install what the tests need, then lint, type check and every test
	@PYTHON="$(PYTHON)" scripts/test.sh

install: $(INSTALLED) ## Make .venv with the pinned packages

$(INSTALLED): requirements.txt pyproject.toml scripts/venv.sh
	@scripts/venv.sh "$(PYTHON)" $(VENV)

lint: install ## Style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

build: install ## Generate notebooks and solutions from content/
	$(VENV)/bin/ecrlab_course build
	$(VENV)/bin/ecrlab fidelity --write docs/fidelity.md

bench: install ## Measure, side by side with what else there is
	$(VENV)/bin/python bench/policy.py
	$(VENV)/bin/python bench/registry.py

soak: install ## The long tests: kill -9, bad requests, growth
	$(VENV)/bin/pytest -m soak
	$(VENV)/bin/python bench/soak_crash.py
	$(VENV)/bin/python bench/registry_fuzz.py
	$(VENV)/bin/python bench/registry_growth.py

engines: install ## Every solution with the engines and Pythons that people have (maintainers, as root; about 4 GB, an hour)
	$(VENV)/bin/python scripts/engines/run.py $(ROWS)

bundle: install ## Make one file from which a room installs without the net (ENGINE=1: with a container engine)
	@scripts/bundle.sh $(VENV)/bin/python

lock: ## Pin again what pyproject.toml asks for (maintainers)
	test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet uv
	$(VENV)/bin/uv pip compile --universal --python-version 3.11 --extra course --extra test --extra install --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml -o requirements.txt

clean: ## Remove .venv and caches; never work/ or .ecrlab/
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
