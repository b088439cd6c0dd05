# Each target is one or two commands that also work by hand; README.md lists them.
PORT ?= 8000
VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(shell command -v uv 2>/dev/null)
ifdef DATABASE_URL
export DATABASE_URL
endif

.PHONY: help setup run dev demo test lint format migrate status bench beside lock

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

$(VENV)/.runtime: requirements.txt
ifdef UV
	test -x $(PYTHON) || uv venv --quiet $(VENV)
	uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements.txt
else
	test -x $(PYTHON) || python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
endif
	touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
ifdef UV
	uv pip install --quiet --python $(PYTHON) --require-hashes -r requirements-dev.txt
else
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
endif
	touch $@

.env:
	@key=$$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))'); \
	sed "s|^SECRET_KEY=.*|SECRET_KEY=$$key|" .env.example > .env

setup: $(VENV)/.runtime .env ## install what Exemplar needs, write .env

migrate: setup ## bring the database up to date
	$(PYTHON) manage.py migrate --verbosity 0

demo: migrate ## load the jaffle shop into demo, run its test cases, print the verdicts
	$(PYTHON) manage.py load_package examples/jaffle_shop --application demo
	@# Two cases fail on purpose (exit 1); an error (exit 2) stops here.
	$(PYTHON) manage.py run_testcases --application demo || test $$? -eq 1

run: demo ## set up, demo, verdicts, server and worker on 127.0.0.1:$(PORT)
	@echo
	@echo "Exemplar is on http://127.0.0.1:$(PORT)/ - open"
	@echo "  /runs/       the run that was just made, with the two cases that fail on purpose"
	@echo "  /functions/  what the jaffle shop does to its tables"
	@echo "  /api/docs    the REST API"
	@echo "  /admin/      for curators: first make a user with  $(PYTHON) manage.py createsuperuser"
	@echo
	@exec $(PYTHON) manage.py serve --port $(PORT)

dev: migrate ## server and worker alone, reloading when code changes
	@exec $(PYTHON) manage.py serve --port $(PORT) --reload

test: $(VENV)/.dev .env ## lint, types and tests, on the database of DATABASE_URL
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(PYTHON) manage.py makemigrations --check --dry-run --verbosity 0
	$(PYTHON) -m pytest

lint: $(VENV)/.dev .env ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .

status: setup ## which migrations are applied, and what the checks say
	$(PYTHON) manage.py showmigrations
	$(PYTHON) manage.py check

# What is measured beside Exemplar, in a virtual environment of its own: .venv-bench, .venv-beside.
$(VENV)-%/.done: requirements-%.txt
ifdef UV
	test -x $(@D)/bin/python || uv venv --quiet $(@D)
	uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
else
	test -x $(@D)/bin/python || python3 -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
endif
	touch $@

bench: $(VENV)/.dev $(VENV)-bench/.done .env ## the figures of the README, measured here (POSTGRES_URL adds a JSONB model)
	$(PYTHON) -m benchmarks $(POSTGRES_URL)

beside: $(VENV)/.dev $(VENV)-beside/.done .env ## small test cases beside dbt and SQLMesh
	$(PYTHON) -m benchmarks.beside_dbt

lock: ## renew the hashed locks from requirements*.in (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 requirements.in -o requirements.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --prerelease=allow --python-version 3.11 requirements-bench.in -o requirements-bench.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 requirements-distributed.in -o requirements-distributed.txt
	uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 requirements-beside.in -o requirements-beside.txt
