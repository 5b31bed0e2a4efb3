# What a target runs in is made in .venv, of test-versions in .venv/versions; EXTRA=gpu or EXTRA=tpu takes another build
# of TensorFlow.
EXTRA ?= cpu
VENV := .venv
READY := $(VENV)/ready-$(EXTRA)
PYTHON ?=
VERSIONS ?= 3.10-2.19 3.12-2.20 3.12-2.21

.PHONY: figure1 test test-slow test-versions lint docs clean

figure1: $(READY)
	$(VENV)/bin/python scripts/train.py --flagfile=scripts/experiments/figure1.flags

test: $(READY)
	$(VENV)/bin/python -m pytest -m "not slow" --numprocesses=auto --dist=loadscope

test-slow: $(READY)
	$(VENV)/bin/python -m pytest -m slow --numprocesses=3 --dist=worksteal

# The smoke tests on other versions, of Python and of TensorFlow: what is looked at before a release.
test-versions: $(VERSIONS:%=version-%)

# TensorFlow 2.19 brings an older protobuf than what reads CIFAR-10 has come to want.
version-%:
	@python=python$(firstword $(subst -, ,$*)); tensorflow=$(lastword $(subst -, ,$*)); folder=$(VENV)/versions/$*; \
	$$python -c 'import ensurepip, venv' 2>/dev/null || { echo "Left out: there is no $$python that runs."; exit 0; }; \
	set -e; echo "$$($$python --version), TensorFlow $$tensorflow"; \
	$$python -m venv $$folder; \
	printf '%s\n' "tensorflow==$$tensorflow.*" "tensorflow-cpu==$$tensorflow.*" > $$folder/versions.txt; \
	if [ $$tensorflow = 2.19 ]; then echo 'tensorflow-metadata<1.18' >> $$folder/versions.txt; fi; \
	$$folder/bin/python -m pip install --quiet --upgrade pip; \
	$$folder/bin/python -m pip install --quiet --constraint $$folder/versions.txt --editable '.[$(EXTRA)]' pytest pytest-timeout; \
	$$folder/bin/python -m pytest -m smoke

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

docs: $(READY)
	$(VENV)/bin/python docs/build.py docs/build

clean:
	rm -rf $(VENV)

# A command can be there and still not run, so each candidate is tried. Old versions of pip take many minutes to choose
# TensorFlow's dependencies, hence the upgrade. What an older environment left goes first; environments below it, of
# other versions and of the benchmarks' peers, are kept.
$(READY): setup.py pyproject.toml
	@for python in $(PYTHON) python3.12 python3.11 python3.10 python3 python; do \
		$$python -c 'import sys, ensurepip, venv; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || continue; \
		echo "Making $(VENV) with $$($$python --version)"; \
		mkdir -p $(VENV) && \
			find $(VENV) -mindepth 1 -maxdepth 1 ! -name versions ! -name peers -exec rm -rf {} + && \
			$$python -m venv $(VENV); exit $$?; \
	done; \
	echo "No Python 3.10, 3.11 or 3.12 with its venv module was found: install one (on Debian with python3-venv), or name one: make PYTHON=..." >&2; \
	exit 2
	$(VENV)/bin/python -m pip install --quiet --upgrade pip
	$(VENV)/bin/python -m pip install --quiet --editable '.[$(EXTRA),dev]'
	@touch $(READY)
