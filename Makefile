# Everything a new machine needs: Python 3.11 or newer and make.
#   make demo    install, train on the embedded travel data, print the comparison
#   make test    install, check style and types, run the test suite
#   make fuzz    20,000 random runs of library cells, 600 random cells, against the plain loop
#   make bench   measure the compiled layers beside their peers
PYTHON    ?= python3
PIP_FLAGS ?=
BIN       := .venv/bin

.PHONY: demo test check fuzz check-long bench bench-slots clean

.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "cellwright needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V). Repair: make PYTHON=/path/to/python3.11 demo"; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "Python's venv module is missing. Repair on Debian: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_FLAGS) -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/.installed
	$(BIN)/cellwright train slots --config examples/demo.toml --out runs/demo --overwrite
	$(BIN)/cellwright evaluate runs/demo --data travel-en
	$(BIN)/cellwright predict runs/demo "leave Taipei on November 2nd" "arrive Taipei on November 2nd" "what time is it?"
	$(BIN)/cellwright compare --data travel-en --networks per-token,LSTM,BiLSTM

check: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/mypy cellwright

test: check
	$(BIN)/python -m pytest -n 2 -q

fuzz: .venv/.installed
	CELLWRIGHT_FUZZ=20000 CELLWRIGHT_PROGRAMS=300 $(BIN)/python -m pytest -n 2 -q --timeout 3600 \
	  tests/engine/test_fuzz_cells.py tests/engine/test_random_programs.py tests/engine/test_random_texts.py

check-long: .venv/.installed
	$(BIN)/python -m pytest -q -m long

bench: .venv/.installed
	$(BIN)/python benchmarks/engine/run.py

bench-slots: .venv/.installed
	$(BIN)/python benchmarks/slots.py snips --seeds 1 2 3 4
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/slots.py snips-10 travel-en travel-en-6 travel-zh weibo wnut17 --seeds 1

clean:
	rm -rf .venv build dist runs
