# PyHarbor's commands; `make` alone lists them. Everything they need is installed on first use, see deploy/tools.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
PYTEST_ARGS ?=
REPORTS := .reports
BIN := .venv/bin
SETUP := deploy/tools/setup.sh
WITH := deploy/tools/with-tools.sh
export PYTHON

sources := $(wildcard app activities workflows migrations tests)
suites := $(wildcard $(addprefix tests/,unit architecture contract integration workflows protocol budget))
# The protocol's tests whose outcome depends on the server: what it reads, hands on, cuts off and answers.
server_tests := $(wildcard $(addprefix tests/protocol/test_,blobs.py challenges.py gateway.py manifests.py \
	manifests_hostile.py races.py realm.py refusals.py small_blobs.py token_sizes.py transfers.py uploads*.py))
document := tests/contract/openapi.json
pytest = $(BIN)/pytest --junit-xml=$(REPORTS)/$@.xml $(workers) $(PYTEST_ARGS)
# What passing tests leave behind is removed at once, and no test waits for a disk where memory has room for its files.
memory := $(shell [ "$$(df --output=avail /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ] 2>/dev/null && [ -w /dev/shm ] && echo /dev/shm)
in_memory = TMPDIR=$(or $(memory),$${TMPDIR:-/tmp})
say = @printf '\n%s\n' "make $@: $(1)"

# An existing Temporal server makes building one needless.
ifdef HARBOR_TEMPORAL_ADDRESS
embedded :=
else
embedded := temporal
endif

.PHONY: help
help: ## list the commands
	@printf 'PyHarbor\n\n'
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@printf '\nA first look: make up. Before a change lands: make check.\n'

.PHONY: up
up: ## run a registry with its worker and Temporal in the foreground; Ctrl-C stops it
	$(call say,the registry$(comma) its worker and Temporal)
	@$(SETUP) runtime "build" "$(embedded)"
	@$(if $(embedded),temporal=$$(deploy/tools/go-tool.sh temporal) && export HARBOR_TEMPORAL_BINARY="$${HARBOR_TEMPORAL_BINARY:-$$temporal}" &&) \
		exec $(BIN)/pyharbor up

.PHONY: test
test: workers := --numprocesses=auto --dist=worksteal
test: test-setup lint ## check everything quick: lint, types, import contracts, all suites with SQLite and Temporal
	$(call say,$(notdir $(suites)))
	@$(if $(suites),,echo "there are no test suites under tests/" >&2; exit 1)
	@$(in_memory) $(WITH) temporal -- $(pytest) -m "not postgres" $(suites)

.PHONY: postgres
postgres: workers := --numprocesses=auto --dist=worksteal
postgres: test-setup ## run once more with PostgreSQL what make test runs with SQLite and depends on the database
	$(call say,$(notdir $(suites)) with PostgreSQL)
	@$(in_memory) $(WITH) temporal -- $(pytest) -m postgres $(suites)

.PHONY: test-setup
test-setup:
	@$(SETUP) dev "build postgres trace" "temporal"

.PHONY: lint
lint: dev ## check style, formatting, types and import contracts
	$(call say,ruff$(comma) mypy$(comma) import contracts)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy $(sources)
	@$(BIN)/lint-imports --no-logo

.PHONY: format
format: dev ## format the code and mend what the linter can mend
	$(call say,ruff)
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format --quiet

.PHONY: check
check: ## run all that has to pass before a change lands: test, postgres, protocol, conformance, e2e, faults
	@CI=true exec .ci/run

.PHONY: protocol
protocol: workers := --numprocesses=auto --dist=worksteal
protocol: ## run what depends on the server under gunicorn's own worker instead of ours, on SQLite
	$(call say,bodies$(comma) transfers and refusals under gunicorn's threaded worker)
	@$(SETUP) dev "build postgres"
	@$(in_memory) PYHARBOR_TEST_SERVER=gthread $(WITH) -- $(pytest) -m "not postgres" $(server_tests)

.PHONY: conformance
conformance: ## run the OCI conformance program against this registry, on SQLite and PostgreSQL
	$(call say,OCI distribution 1.1 and its development profile)
	@$(SETUP) dev "build postgres" "temporal conformance"
	@$(WITH) temporal conformance -- $(BIN)/python -m tests.conformance.run --junit-xml=$(REPORTS)/$@.xml

.PHONY: e2e
e2e: ## push and pull with Docker, skopeo, buildah, crane, oras and helm; look at it with a browser
	$(call say,real clients and a browser)
	@$(SETUP) dev "build postgres docker clients browser" "temporal crane oras helm"
	@$(WITH) temporal crane oras helm -- $(pytest) --timeout=900 tests/e2e

.PHONY: faults
faults: ## kill processes and fill disks while clients push, and see that nothing is lost
	$(call say,kill -9$(comma) full disks$(comma) read-only storage)
	@$(SETUP) dev "build postgres trace" "temporal"
	@$(WITH) temporal -- $(BIN)/pytest --junit-xml=$(REPORTS)/$@.xml --numprocesses=2 --dist=worksteal \
		--timeout=1200 -m "not alone" $(PYTEST_ARGS) tests/faults && held=true || held=false; \
	$(WITH) temporal -- $(BIN)/pytest --junit-xml=$(REPORTS)/$@-alone.xml \
		--timeout=1200 -m alone $(PYTEST_ARGS) tests/faults && $$held

.PHONY: kills
kills: ## kill processes 100 times while clients push, on each database, and see that nothing is lost
	$(call say,kill -9)
	@$(SETUP) dev "build postgres" "temporal"
	@PYHARBOR_KILL_ROUNDS=$${PYHARBOR_KILL_ROUNDS:-100} $(WITH) temporal -- $(pytest) -n0 tests/faults/test_kill_loop.py

.PHONY: fuzz
fuzz: ## call each operation of the API 100 times with generated input, and compare the servers by 5,000 requests
	$(call say,generated input)
	@$(SETUP) dev "build"
	@$(in_memory) PYHARBOR_FUZZ_EXAMPLES=$${PYHARBOR_FUZZ_EXAMPLES:-100} \
		PYHARBOR_GENERATED_REQUESTS=$${PYHARBOR_GENERATED_REQUESTS:-5000} $(WITH) -- $(pytest) -n2 --timeout=3600 \
		tests/contract/api/test_fuzz.py tests/protocol/test_same_answers.py

.PHONY: races
races: ## race uploads on one session, 5,000 rounds on each database, and play 40 long games of changes, collections and crashes
	$(call say,uploads against each other$(comma) 5$(comma)000 rounds on SQLite and on PostgreSQL; games of changes and crashes)
	@$(SETUP) dev "build postgres"
	@PYHARBOR_RACE_ROUNDS=$${PYHARBOR_RACE_ROUNDS:-5000} \
		PYHARBOR_REACHABILITY_SEEDS=$${PYHARBOR_REACHABILITY_SEEDS:-40} PYHARBOR_REACHABILITY_STEPS=$${PYHARBOR_REACHABILITY_STEPS:-150} \
		$(WITH) -- $(pytest) -n0 -s --timeout=7200 tests/faults/test_upload_races.py tests/integration/test_reachability.py

.PHONY: hostile
hostile: ## hang 10,000 silent connections of each kind on the web processes, 5 minutes each, and see that nobody else waits
	$(call say,10$(comma)000 silent clients of each kind and of all kinds)
	@$(SETUP) dev "build"
	@PYHARBOR_HOSTILE_CONNECTIONS=$${PYHARBOR_HOSTILE_CONNECTIONS:-10000} PYHARBOR_HOSTILE_SECONDS=$${PYHARBOR_HOSTILE_SECONDS:-300} \
		PYHARBOR_HOSTILE_P99_MS=$${PYHARBOR_HOSTILE_P99_MS:-50} $(WITH) -- $(pytest) -n0 -s tests/faults/test_silent_clients.py

.PHONY: fanout
fanout: ## work 100,000 tasks while workers are killed, on SQLite and PostgreSQL, and see that each ends and is counted
	$(call say,100$(comma)000 tasks$(comma) five kills)
	@$(SETUP) dev "build postgres" "temporal"
	@PYHARBOR_FAN_OUT_TASKS=$${PYHARBOR_FAN_OUT_TASKS:-100000} $(WITH) temporal -- $(pytest) -n0 tests/faults/test_fan_out.py

.PHONY: bench
bench: ## measure against distribution 3.1.1 and 2.8.2 on the same disk
	$(call say,speed and memory$(comma) beside other registries)
	@$(SETUP) dev "build postgres load peers" "temporal registry"
	@$(WITH) temporal registry -- $(BIN)/python -m tests.bench $(BENCH_ARGS)

.PHONY: budget
budget: ## record what requests take: statements, calls, bytecodes, memory, system calls; make test fails where it gets more
	@$(SETUP) dev "build trace"
	@$(BIN)/python -m tests.budget --record

.PHONY: migration
migration: dev ## write a migration from what changed in the tables: make migration m="what changes"
	$(call say,$(m))
	@$(if $(m),,echo 'say what changes: make migration m="add labels to artifacts"' >&2; exit 1)
	@folder=$$(mktemp --directory) && trap 'rm -rf "$$folder"' EXIT && \
		HARBOR_DATA_DIR="$$folder" HARBOR_DATABASE_URL="sqlite:///$$folder/empty.db" $(BIN)/pyharbor db new "$(m)"

.PHONY: openapi
openapi: dev ## write the OpenAPI document of the management API to tests/contract/openapi.json
	@$(BIN)/pyharbor openapi > $(document).new && mv $(document).new $(document) || { rm -f $(document).new; exit 1; }

.PHONY: clean
clean: ## remove the virtual environment, caches and reports; data/ stays
	$(call say,environment$(comma) caches$(comma) reports)
	@rm -rf .venv .reports .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist htmlcov *.egg-info
	@find . -name __pycache__ -type d -not -path './data/*' -not -path './frontend/node_modules/*' -prune -exec rm -rf {} +

.PHONY: dev
dev:
	@$(SETUP) dev "build"

comma := ,
