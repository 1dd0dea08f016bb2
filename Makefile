# Every command of the project. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help run scale unit test test-long check openapi audit docs console browser shots pictures image release bench lock clean
PORT ?= 8080
BUILDER ?= docker
IMAGE ?= browsee-adapter
EXAMPLES ?= 100
COMPILE_CLIENT = .venv/bin/pip-compile -q --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header \
    --strip-extras --generate-hashes --allow-unsafe
COMPILE = $(COMPILE_CLIENT) --build-deps-for editable

help: ## what each command does
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

run: ## start the adapter on http://127.0.0.1:8080 (with BROWSEE_API_KEY: to Browsee; without: to the built-in sandbox; QUEUE=postgresql://…)
	@scripts/venv run
	@mkdir -p data
	@if [ ! -e adapter.yaml ] && [ -z "$$ADAPTER_CONFIG$$ADAPTER_MAPPING" ]; then \
	    [ -e data/mapping.yaml ] || cp mappings/default.yaml data/mapping.yaml; fi; \
	if [ -n "$$QUEUE" ]; then export ADAPTER_QUEUE="$$QUEUE"; fi; \
	case "$$QUEUE" in postgres*) begin=scripts/with-secrets ;; *) begin= ;; esac; \
	if [ -n "$$BROWSEE_API_KEY" ]; then exec $$begin .venv/bin/browsee-adapter serve --host 127.0.0.1 --port $(PORT); \
	else exec $$begin .venv/bin/browsee-adapter serve --host 127.0.0.1 --port $(PORT) --sandbox; fi

scale: ## start PostgreSQL, three replicas and a proxy on this machine, http://127.0.0.1:8080 (data in data/scale)
	@scripts/venv run
	@scripts/postgresql
	@mkdir -p data
	@PORT=$(PORT) exec scripts/with-secrets .venv/bin/python -m cluster

unit: ## the tests of pure parts, and of the structure (about 2 minutes)
	@scripts/venv dev
	@.venv/bin/python -m pytest -q -n logical tests/unit tests/test_layers.py tests/test_words.py

test: ## install what the tests need and run all of them (about 13 minutes on 2 cores)
	@scripts/venv dev
	@scripts/install-test-tools
	@scripts/test

test-long: ## the tests that take minutes and print figures (TESTS=tests/…: some of them)
	@scripts/venv dev
	@.venv/bin/python -m pytest -m long -s $(TESTS)

check: ## formatting, lint, types
	@scripts/venv dev
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@scripts/check-console

openapi: ## hold the running service against its description, with EXAMPLES=100 requests for each operation
	@scripts/venv dev
	@OPENAPI_EXAMPLES=$(EXAMPLES) .venv/bin/python -m pytest --timeout 3600 tests/integration/test_openapi.py

audit: ## ask whether a dependency has a known vulnerability (needs the internet)
	@scripts/audit

docs: ## renew what docs/ takes from the code: tables, settings, results of recipes, figures
	@scripts/venv dev
	@.venv/bin/python -m tests.docs.renew

console: ## bundle the third-party code of the console's page again (needs npm; see scripts/console-vendor)
	@cd scripts/console-vendor && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error && node build.mjs

browser: ## the tests of the console in Chromium, with those that are left out of make test
	@scripts/venv dev
	@.venv/bin/python -m pytest -q -m 'long or not long' tests/browser

shots: ## pictures of the console's pages into tests/browser/shots
	@scripts/venv dev
	@SHOTS=1 .venv/bin/python -m pytest -q tests/browser

pictures: ## take the pictures of docs/console.md again
	@scripts/venv dev
	@PICTURES=1 .venv/bin/python -m pytest -q tests/browser/test_documented.py

image: ## build the container image browsee-adapter (BUILDER=podman: without docker; IMAGE_BUILD_FLAGS: more options)
	@command -v $(BUILDER) >/dev/null || { echo "No $(BUILDER) here. With podman: make image BUILDER=podman" >&2; exit 2; }
	@$(BUILDER) build $(if $(findstring podman,$(BUILDER)),--format docker) $(IMAGE_BUILD_FLAGS) -t $(IMAGE) \
	    --label org.opencontainers.image.version="$$(sed -n 's/^VERSION = "\(.*\)"/\1/p' adapter/version.py)" \
	    --label org.opencontainers.image.revision="$$(git rev-parse HEAD 2>/dev/null)" .

release: ## set VERSION=1.0.0, date the changelog, commit and tag; pushing the tag publishes package and image
	@scripts/release "$(VERSION)"

bench: ## ratios against bare aiohttp, bare SQLite and Segment's mapping-kit (ROW=name; OUT=file, AGAINST=file: JSON)
	@scripts/venv dev
	@scripts/mapping-kit
	@.venv/bin/python -m bench $(ROW) $(if $(OUT),--out $(OUT)) $(if $(AGAINST),--against $(AGAINST))

lock: ## renew requirements/*.lock from pyproject.toml
	@scripts/venv dev
	@.venv/bin/python -m pip -q install pip-tools
	@$(COMPILE) -U --extra ua --extra geo --extra postgres --extra otel -o requirements/run.lock pyproject.toml
	@$(COMPILE) --extra dev --extra ua --extra geo --extra postgres --extra otel -c requirements/run.lock -o requirements/dev.lock pyproject.toml
	@for name in tests/clients/python/*.in; do $(COMPILE_CLIENT) --no-annotate -o $${name%.in}.lock $$name; done

clean: ## remove .venv and caches; data/ stays
	rm -rf .venv .image .tools dist .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/clients/.installed tests/clients/node/node_modules tests/tools/node_modules
