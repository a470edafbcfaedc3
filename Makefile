# make demo and make test need nothing but git, make and a python3: they set everything up first.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test lint words bench bench-detectors lock clean

VENV := .venv
PY := $(VENV)/bin/python
INPUTS := setup.cfg pyproject.toml constraints.txt scripts/setup.sh scripts/uv.txt \
	realtime/system_libraries.txt
RUNTIME := $(VENV)/.runtime-ready
DEV := $(VENV)/.dev-ready

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

setup: $(RUNTIME) ## what a watcher needs, in .venv (PYTHON=... chooses the interpreter)

setup-dev: $(DEV) ## the same with torch and the test tools

$(RUNTIME): $(INPUTS)
	@scripts/setup.sh runtime
	@touch $@

$(DEV): $(INPUTS)
	@scripts/setup.sh dev
	@touch $(RUNTIME) $@

demo: $(RUNTIME) ## the main job on the built-in clip, in a window where there is a display
	@$(VENV)/bin/fakewatch demo

test: $(DEV) ## every test
	@QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(PY) -m pytest

lint: $(DEV) ## style and types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy

words: $(DEV) ## take new texts of the window over into its translations, and compile them
	@$(PY) scripts/words.py $(if $(LANGUAGE_CODE),--add "$(LANGUAGE_CODE)")

bench: $(DEV) ## throughput of the pipeline against its own stages
	@$(PY) -m benchmarks.pipeline

# Published weights and clips are not part of the project: SHARED, or PEERS and CLIPS, say where.
SHARED := ../shared/data
PEERS := $(SHARED)/weights
CLIPS := $(SHARED)

bench-detectors: $(DEV) ## our detector beside published ones (PEERS=, CLIPS=, RUNS= folders)
	@$(PY) -m benchmarks.detectors --weights "$(PEERS)" --data "$(CLIPS)" \
		$(if $(RUNS),--runs "$(RUNS)")

lock: $(DEV) ## pin every dependency anew, with hashes, for Python 3.10 to 3.12
	@echo uv | $(PY) -m uv pip compile - --upgrade --universal --python-version 3.8 --no-annotate \
		--generate-hashes --custom-compile-command "make lock" --quiet -o scripts/uv.txt
	@$(PY) -m uv pip compile setup.cfg --constraints scripts/lock.in --upgrade --universal \
		--python-version 3.10 --all-extras --generate-hashes \
		--custom-compile-command "make lock" --quiet -o constraints.txt

clean: ## everything that was made, .venv too
	@rm -rf $(VENV) build dist out *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
