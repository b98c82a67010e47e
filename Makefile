# make run · make demo · make test · make lint · make bench: each does its own set-up.
PY := .venv/bin/python
RUN := .venv/.runs
DEV := .venv/.tests

.PHONY: run demo test lint bench lock clean

run: $(RUN)
	@exec $(PY) manage.py up

# Demonstration data, marked as such; ARGS=--remove takes it away.
demo: $(RUN)
	@exec $(PY) manage.py demo $(ARGS)

test: $(DEV)
	@$(PY) scripts/run_tests.py $(ARGS)

lint: $(DEV)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy aiops accounts monitoring forecasting remediation genai
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) scripts/check_deploy.py

bench: $(DEV)
	@$(PY) -m bench $(ARGS)

# Pin what *.in ask for, for every supported Python at once.
lock: $(DEV)
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --no-header $(UPGRADE) requirements.in -o requirements.txt
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --no-header $(UPGRADE) requirements-dev.in -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf .venv .mypy_cache .ruff_cache

$(RUN): requirements.txt scripts/venv.sh
	@scripts/venv.sh requirements.txt $@

$(DEV): requirements-dev.txt scripts/venv.sh
	@scripts/venv.sh requirements-dev.txt $@
	@touch $(RUN)
