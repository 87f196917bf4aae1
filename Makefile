# All commands. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help up down admin partner demo tour mail lighthouse screenshots audit job import lint rush burst dlq replay contracts test package deploy clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' Makefile

up: $(INSTALLED) ## Start or update the shop on this machine and print its addresses
	@$(BIN)/python -m infra.commands up

down: $(INSTALLED) ## Stop the shop and keep its data in .local/
	@$(BIN)/python -m infra.commands down

admin: $(INSTALLED) ## Invite an admin by email: make admin EMAIL=… (STAGE=demo: on AWS)
	@EMAIL="$(EMAIL)" STAGE="$(STAGE)" $(BIN)/python -m infra.commands.people admin

partner: $(INSTALLED) ## Make a partner's API key: make partner NAME=… (STAGE=demo: on AWS)
	@NAME="$(NAME)" STAGE="$(STAGE)" $(BIN)/python -m infra.commands.people partner

demo: $(INSTALLED) ## Send six orders through the saga and watch them
	@$(BIN)/python -m infra.commands demo

tour: $(INSTALLED) ## Run each event pattern once and show where it happened
	@$(BIN)/python -m infra.commands tour

mail: $(INSTALLED) ## Read the emails that the shop has sent
	@$(BIN)/python -m infra.commands mail

lighthouse: $(INSTALLED) ## Measure the storefront's pages with Lighthouse, on an emulated phone
	@$(BIN)/python -m infra.commands lighthouse

screenshots: $(INSTALLED) ## Write a screenshot of every page to .local/screenshots
	@$(BIN)/python -m infra.commands screenshots

audit: $(INSTALLED) ## Check every invariant of money and stock (STAGE=demo: on AWS)
	@$(BIN)/python -m infra.commands.audit

job: $(INSTALLED) ## Run a scheduled job now: make job NAME=write_sales_report (without NAME: list them)
	@NAME="$(NAME)" STAGE="$(STAGE)" INPUT='$(INPUT)' $(BIN)/python -m infra.commands.job

import: $(INSTALLED) ## Import products from a file: make import FILE=docs/examples/products.csv
	@$(BIN)/python -m infra.commands.import_products $(FILE)

rush: $(INSTALLED) ## 200 buyers at once for 50 units, then the audit
	@$(BIN)/python -m infra.commands rush

burst: $(INSTALLED) ## 300 orders at once, then the audit
	@$(BIN)/python -m infra.commands burst

dlq: $(INSTALLED) ## List dead letters; SHOW=queue, REDRIVE=queue, DROP=queue ID=…
	@SHOW="$(SHOW)" REDRIVE="$(REDRIVE)" DROP="$(DROP)" ID="$(ID)" $(BIN)/python -m infra.commands.dlq

replay: $(INSTALLED) ## Replay archived events: make replay FROM=2026-11-24T09:00 TO=… TYPE=OrderCompleted
	@FROM="$(FROM)" TO="$(TO)" TYPE="$(TYPE)" $(BIN)/python -m infra.commands.replay

contracts: $(INSTALLED) ## Write the event contracts to docs/events and refuse breaking changes
	@$(BIN)/python -m infra.build.contracts

test: $(INSTALLED) ## Run all tests, on an emulator of their own
	@echo "  looking for a browser …" && $(BIN)/python -m infra.commands.browser >/dev/null
	@$(BIN)/python -m infra.lint --quick
	@$(BIN)/python -m pytest -n 3 --dist worksteal # two cores are enough: half of the time they wait for a queue or a clock

lint: $(INSTALLED) ## Check style, types, workflows, templates, security, known vulnerabilities
	@$(BIN)/python -m infra.lint

package: $(INSTALLED) ## Write what CloudFormation deploys: make package STAGE=demo
	@AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-eu-west-1} $(BIN)/python -m infra.build.package $(or $(STAGE),demo)

deploy: $(INSTALLED) ## Deploy to AWS: STAGE=demo STRIPE_SECRET_KEY=sk_test_… SENDER_EMAIL=… make deploy
	@$(BIN)/python -m infra.deploy.aws

clean: ## Stop the shop and delete its data, what was built, and the virtual environment
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m infra.commands down; fi
	@rm -rf .local .build .venv .venv-lint .mypy_cache .hypothesis infra/lint/node_modules frontend/node_modules frontend/lighthouse/node_modules frontend/dist

$(INSTALLED): requirements.txt requirements-dev.txt constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed. Install it, or name it: PYTHON=/path/to/python3 make up"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name a newer one: PYTHON=python3.12 make up"; exit 1; }
	@echo "  installing into .venv (about a minute, once) …"
	@$(PYTHON) -m venv .venv || { echo "The venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"; exit 1; }
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt 2>.venv/pip.log || { \
	  tail -n 5 .venv/pip.log; echo "The packages could not be installed. Is there a network? The whole log: .venv/pip.log"; exit 1; }
	@touch $@
