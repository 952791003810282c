# make run    start everything in the foreground        make test   the whole suite
# make test-sdks  the device SDKs, against a running service
# make lint   ruff, mypy, import-linter, deptry, migrations     make coverage       the suite, and what it does not reach
# make screenshots   pictures of every page of the console, with demo data, in var/screenshots
# make bench-latency, push_api, file_push, receipts, gateway, vendors

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# What lint needs of the environment: nothing is connected to.
LINT_ENV := DATABASE_URL=postgresql://lint@localhost/lint REDIS_URL=redis://localhost/0 MPS_SECRET_KEY=lint \
	MPS_FIELD_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

# A run of the tests starts some hundred processes, and each would compile all our modules.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: run test coverage test-sdks sdk-js-bundle test-interop test-faults lint format screenshots clean

run: .venv/run.stamp
	@exec $(BIN)/python -m mps_project.run

# Four on two cores: a worker waits much, for processes it has started, for sockets and for the database.
test: .venv/dev.stamp
	$(BIN)/python -m pytest -n 4 --dist loadgroup --durations=20 $(ARGS)

# The same, with the lines and branches that no test reaches.
coverage: .venv/dev.stamp
	$(BIN)/python -m pytest -n 4 --dist loadgroup --cov --cov-report=term-missing $(ARGS)

# The published device clients; mosquitto_sub and mosquitto_pub take part in `make test` where they are installed.
test-interop: .venv/dev.stamp
	@missing=; for tool in mosquitto_sub mosquitto_pub node npm; do \
		command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
		if [ -n "$$missing" ]; then \
			echo "not on this machine:$$missing (Debian packages: mosquitto-clients, nodejs, npm)" >&2; exit 1; fi
	MPS_ALL_CLIENTS=1 $(BIN)/python -m pytest -n 2 tests/gateway/test_interoperability.py $(ARGS)

# The device SDKs: their own tests, and the scenarios that all of them pass. What this machine cannot build is skipped.
test-sdks: .venv/dev.stamp
	$(BIN)/python -m pytest -n 4 --dist loadgroup --durations=20 sdk/conformance sdk/python/tests sdk/js/live_tests --sdk all $(ARGS)

# Processes killed, stopped and paused under a fleet and its load, also for longer than a test may take.
test-faults: .venv/dev.stamp
	MPS_LONG_FAULTS=1 $(BIN)/python -m pytest tests/e2e/test_faults.py $(ARGS)

# The console's copy of the TypeScript SDK's bundle, after a change of sdk/js.
sdk-js-bundle:
	cd sdk/js && npm ci --ignore-scripts --no-audit --no-fund && npm run build
	rm -f console/static/console/vendor/mps-device-*.min.js
	cp sdk/js/dist/mps-device.min.js console/static/console/vendor/mps-device-$$(node -p "require('./sdk/js/package.json').version").min.js
	cp sdk/js/LICENSES.md console/static/console/vendor/mps-device-LICENSES.md

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(LINT_ENV) $(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(LINT_ENV) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# ARGS=--docs makes the pictures of README and docs too.
screenshots: .venv/dev.stamp
	@$(BIN)/python -m tests.support.screenshots $(ARGS)

bench-%: .venv/dev.stamp
	@$(BIN)/python -m bench.$* $(ARGS)

clean:
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed; none was found" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; found " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@# Where the venv module is incomplete (Debian has it in a package of its own) it says so, and leaves half of one.
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/run.stamp: requirements.txt | .venv/bin/python
	$(BIN)/pip install --disable-pip-version-check -q -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements.txt requirements-dev.txt | .venv/bin/python
	$(BIN)/pip install --disable-pip-version-check -q -r requirements-dev.txt
	@touch $@ .venv/run.stamp
