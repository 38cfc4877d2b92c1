# ECR Lab. `make start` begins the course, `make test` proves it. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.tools

.PHONY: start test install tools lint build bench soak engines validate bundle lock clean help misfit

# Only as an argument of make: PORT is a common variable of shells, and has another meaning there.
given = $(if $(filter command,$(origin $(1))),$(if $($(1)),$(2) $(call quoted,$($(1)))))
quoted = '$(subst ','\'',$(1))'

start: install ## Start the lab and open the course in JupyterLab (Ctrl-C stops all). Other ports: PORT=8899 LAB_PORT=4600
	@$(VENV)/bin/ecrlab_course start $(call given,PORT,--port) $(call given,LAB_PORT,--lab-port)

test: ## Install what the tests need, then lint, type check and every test. Of one lesson, lab or drill: LESSON=04
	@PYTHON="$(PYTHON)" scripts/test.sh $(call given,LESSON,--lesson)

install: $(INSTALLED) ## Make .venv with the pinned packages of the course

# A .venv that does not run here (its folder was moved, its Python upgraded away) is made again.
$(INSTALLED): requirements.txt pyproject.toml scripts/venv.sh scripts/commands.py $(if $(wildcard $(VENV)),$(shell scripts/venv-fits.sh $(VENV) || echo misfit))
	@scripts/venv.sh "$(PYTHON)" $(VENV)

tools: $(TOOLS) ## Install the tests' own packages too: mypy, ruff, hypothesis, playwright

$(TOOLS): $(INSTALLED) requirements-test.txt
	@echo "Installing the packages of the tests (400 MB on the disk, once)."
	@$(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --no-compile --require-hashes -r requirements-test.txt
	@touch $@

lint: tools ## Style and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/python scripts/check_types.py

build: install ## Generate notebooks and solutions from content/
	$(VENV)/bin/ecrlab_course build
	$(VENV)/bin/ecrlab fidelity --write docs/fidelity.md

bench: install ## Measure, side by side with what else there is
	$(VENV)/bin/python bench/policy.py
	$(VENV)/bin/python bench/surplus.py
	$(VENV)/bin/python bench/registry.py
	$(VENV)/bin/python bench/starts.py
	$(VENV)/bin/python bench/tasks.py
	$(VENV)/bin/python bench/board.py

soak: tools ## The long tests: kill -9, bad requests, growth
	$(VENV)/bin/pytest -m soak
	ECRLAB_EVERY=1 $(VENV)/bin/pytest tests/aws/test_random_policies.py tests/notebooks/test_sections.py tests/notebooks/test_generated.py tests/course/test_matrix.py tests/course/test_desk.py
	$(VENV)/bin/python bench/soak_crash.py
	$(VENV)/bin/python bench/registry_fuzz.py
	$(VENV)/bin/python bench/registry_growth.py

engines: install ## Every solution with the engines and Pythons that people have (maintainers, as root; about 4 GB, hours)
	$(VENV)/bin/python scripts/engines/run.py $(if $(AGAIN),--again) $(ROWS)

validate: install ## Test your own notebook, in a lab of its own: make validate NOTEBOOK=work/00-start-here.ipynb
	@scripts/validate.sh $(call quoted,$(NOTEBOOK))

bundle: install ## Make one file from which a class installs offline (ENGINE=1: with a container engine)
	@scripts/bundle.sh $(VENV)/bin/python

lock: install ## Pin again what pyproject.toml asks for (maintainers)
	test -x $(VENV)/bin/uv || $(VENV)/bin/python -m pip install --quiet uv
	@scripts/lock.sh $(VENV)/bin/uv

clean: ## Remove .venv and caches; never work/ or .ecrlab/
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests bench -name __pycache__ -type d -prune -exec rm -rf {} +

help:
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
