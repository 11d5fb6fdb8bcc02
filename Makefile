# `make serve` runs the server, `make test` passes every check. Both set up what they need, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN := PYTHONPATH=app $(BIN)/python -m audience_mock
ARGS ?=
NPM_CLIENT := tests/contract/npm
NODE_EXAMPLE := tests/e2e/node_example

# Compiled bytecode is worth 2 to 3 seconds of every start, so it is kept even where the shell says not to.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help serve test bench soak format lock openapi docs docs-reference clean
help:
	@echo "make serve    run the server on http://127.0.0.1:8000 (more flags: make serve ARGS='--port 0 --seed demo')"
	@echo "make test     every check: lint, types, import floors, tests, served descriptions, README samples"
	@echo "make soak     what takes minutes: a file of a gibibyte, a thousand lives along the links"
	@echo "make bench    how fast it is, against frameworks and other mocks (ARGS=--quick: whether that runs)"
	@echo "make format   let ruff mend what it can"
	@echo "make openapi  write openapi/ and fixtures/world.schema.json again after a change of what they describe"
	@echo "make docs     build the documentation into build/site"
	@echo "make docs-reference  write the generated parts of docs/ again, after a change of settings, commands or APIs"
	@echo "make lock     resolve requirements.lock and the locks of the tests again"

serve: $(VENV)/.runtime
	@exec env $(RUN) serve $(ARGS)

test: $(VENV)/.runtime $(VENV)/.checks $(VENV)/.npm
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 2 --dist loadgroup --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --include='*/audience_mock/core/*' --fail-under=95
	$(BIN)/coverage report --fail-under=90

# Needs wrk, curl and Node.js; installs the other mocks into build/bench, once.
bench: $(VENV)/.runtime
	PYTHONPATH=app:tests $(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.runtime $(VENV)/.checks
	$(BIN)/python -m pytest -m soak -s $(ARGS)

format: $(VENV)/.checks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(VENV)/.runtime
	$(RUN) export-openapi openapi
	$(RUN) schema > fixtures/world.schema.json

# NO_MKDOCS_2_WARNING: the theme announces its successor on every build.
docs: $(VENV)/docs/.installed
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --strict --quiet --config-file docs/site/mkdocs.yml
	@echo "build/site/index.html"

docs-reference: $(VENV)/.checks
	@PYTHONPATH=app $(BIN)/python docs/site/reference.py

lock: $(VENV)/.checks
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		-c requirements.lock --group test -o tests/requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		tests/contract/official_client.in -o tests/contract/official_client.lock
	cd $(NPM_CLIENT) && npm install --package-lock-only --loglevel=error
	cd $(NODE_EXAMPLE) && npm install --package-lock-only --loglevel=error
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
		tests/benchmarks/peers/moto.in -o tests/benchmarks/peers/moto.lock
	cd tests/benchmarks/peers && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

	$(BIN)/uv pip compile -q --universal --no-strip-extras --generate-hashes --no-annotate --no-header \
		--python-version 3.11 --group docs -o docs/requirements.lock

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Audience Mock needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	@touch $@

# Pinterest's official client pins a urllib3 that the newer one refuses, so it lives in a folder of its own.
$(VENV)/.checks: $(VENV)/.runtime pyproject.toml tests/requirements.lock tests/contract/official_client.lock
	$(PIP) install --require-hashes -r tests/requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	rm -rf $(VENV)/official_client
	$(PIP) install --no-deps --require-hashes --target $(VENV)/official_client -r tests/contract/official_client.lock
	@touch $@

# The site's packages and those of the checks need not fit each other: it gets an environment of its own.
$(VENV)/docs/.installed: docs/requirements.lock | $(BIN)/python
	@cmp -s $< $@ || { \
		echo "Installing $$(grep -c '^[^ ].*==' $<) packages for the documentation ($<)"; \
		$(BIN)/python -m venv --clear $(VENV)/docs && \
		$(VENV)/docs/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $< && \
		cp $< $@; } && touch $@

# One of the clients that the tests run is of npm, and one of the examples is in JavaScript. Without Node.js their
# tests are skipped, with the reason.
$(VENV)/.npm: $(foreach project,$(NPM_CLIENT) $(NODE_EXAMPLE),$(project)/package-lock.json $(project)/.npmrc) | $(BIN)/python
	@if ! command -v npm > /dev/null; then \
		echo "npm is not installed: the tests of npm's pinterest-sdk and of the Node example will be skipped"; \
	else \
		$(call npm_ci,$(NPM_CLIENT),$(VENV)/npm) && \
		$(call npm_ci,$(NODE_EXAMPLE),$(VENV)/node_example) && \
		touch $@; \
	fi
npm_ci = rm -rf $(2) && mkdir $(2) && cp $(1)/package.json $(1)/package-lock.json $(1)/.npmrc $(2) && \
	(cd $(2) && npm ci --ignore-scripts --loglevel=error)
