# All commands. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
FOR_TESTS := .venv/.installed-for-tests
# Write byte code even where the environment forbids it: each function and each test worker is a Python process.
export PYTHONDONTWRITEBYTECODE =
# Seconds since 1970; `make up` states how long it took in all.
export MAKE_STARTED := $(shell date +%s)

# Each is a command of `python -m infra.commands`, which reads make's variables from the environment.
COMMANDS := up down admin partner demo tour logs mail lighthouse screenshots audit job import rush burst chaos dlq \
  replay bench bench-init bench-imports cost plan tune simulate crashes mutate reporting contracts workflows coverage \
  package doctor deploy destroy

.DEFAULT_GOAL := help
.PHONY: help check test lint lock clean $(COMMANDS)

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

up: ## Start or update the shop on this machine and print its addresses; REPORTING=1 adds the reporting database
down: ## Stop the shop and keep its data in .local/
admin: ## Invite an admin by email: make admin EMAIL=…
partner: ## Create a partner's API key: make partner NAME=…
demo: ## Send six orders through the saga and show their states
tour: ## Run each event pattern once and show where it happened
logs: ## Show all functions' log lines in one stream: make logs NAME=… ORDER=ord_… FOLLOW=1
mail: ## Show the emails that the shop has sent, also as pages
lighthouse: ## Measure the storefront's pages with Lighthouse, on an emulated phone
screenshots: ## Write a screenshot of every page to .local/screenshots
audit: ## Check every invariant of money and stock
job: ## Run a scheduled job now: make job NAME=write_sales_report (without NAME: list them)
import: ## Import products from a file: make import FILE=docs/examples/products.csv
rush: ## Check out 200 carts at once for 50 units, then audit; a hot product: make rush RESERVATIONS=5000 SHARDS=10
chaos: ## Faults at every boundary under real concurrency, then audit: make chaos ORDERS=500 SEED=1 PLAN=… FAULTS=…
burst: ## Place 300 orders at once, then audit
dlq: ## List dead letters; SHOW=queue, REDRIVE=queue, DROP=queue ID=…
replay: ## Replay archived events: make replay FROM=2026-11-24T09:00 TO=… TYPE=OrderCompleted
reporting: ## Migrate the reporting database; REBUILD=1 fills it from the tables: make reporting STAGE=…
bench: ## Measure the running shop and compare with docs/benchmark.json; GROW=1: with 100 and 20,000 orders stored
bench-init: ## Measure what each kind of function costs to start, beside a bare Chalice app
bench-imports: ## Measure the ways of a product file: rows per second and cost; needs BILLING_METER=.local/billed make up
simulate: ## Run the shop in virtual time with faults: make simulate SEEDS=1000, or one: SEED=7 FAULTS="payments.*=error@0.1"
crashes: ## Let each function die at each call that it makes, in virtual time; PAIRS=1: the saga's steps twice
mutate: ## Remove protections one at a time and show what notices: make mutate KIND=condition LIMIT=20 ONLY=simulate
cost: ## Show what an order and a month cost on AWS, as tables and a chart: make cost SCENARIO=… OUT=…
plan: ## Simulate a load: make plan RPS=100 or ORDERS=1000 (a minute), BURST=300 …
tune: ## Recommend memory sizes: make tune, or STAGE=prod FUNCTION=CapturePayment WRITE=1
contracts: ## Write the event contracts to docs/events and refuse breaking changes
workflows: ## Draw the workflows in docs/workflows, with their topological order and time budget
coverage: ## Show which edges of the workflows the latest `make test` took, as tables and drawn in .build
package: ## Write the template and code for CloudFormation: make package STAGE=demo
doctor: ## Check whether a stage can be deployed to AWS: make doctor STAGE=demo
deploy: ## Deploy to AWS: STAGE=demo STRIPE_SECRET_KEY=sk_test_… SENDER_EMAIL=… make deploy
destroy: ## Delete a stage on AWS and list what is kept: make destroy STAGE=demo

bench chaos lighthouse screenshots cost plan simulate crashes mutate workflows coverage: $(FOR_TESTS)

# PostgreSQL and its client are optional.
ifdef REPORTING
up: $(FOR_TESTS)
endif

$(COMMANDS): $(INSTALLED)
	@$(BIN)/python -m infra.commands $@

check: $(FOR_TESTS) ## Check format and types and run the unit tests, in seconds
	@$(BIN)/ruff format --check --quiet . || { echo "  $(BIN)/ruff format . does it"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2 tests/unit

test: $(FOR_TESTS) ## Run all tests, on an emulator of their own
	@echo "  looking for a browser …" && $(BIN)/python -m infra.commands browser >/dev/null
	@$(BIN)/python -m infra.lint --quick
	@$(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder # for two cores: half of the time, tests wait for a queue or a clock

lint: $(FOR_TESTS) ## Check style, types, workflows, templates, security, known vulnerabilities
	@$(BIN)/python -m infra.lint

lock: $(FOR_TESTS) ## Lock what is packed for Lambda: requirements.txt → requirements.lock
	@$(BIN)/python -m infra.build.libraries

clean: ## Stop the shop and delete its data, what was built, and the virtual environment
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m infra.commands down; fi
	@rm -rf .local .build .venv .venv-lint .mypy_cache .hypothesis infra/lint/node_modules frontend/node_modules frontend/lighthouse/node_modules frontend/dist

$(INSTALLED): requirements.txt requirements-local.txt constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed. Install it, or name it: PYTHON=/path/to/python3 make up"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: PYTHON=python3.12 make up"; exit 2; }
	@$(PYTHON) infra/commands/install.py local
	@touch $@

$(FOR_TESTS): $(INSTALLED) requirements-dev.txt
	@$(PYTHON) infra/commands/install.py dev
	@touch $@
