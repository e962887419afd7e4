# make demo              decompose a chair, and make a shape of a depth map of another; results under out/
# make demo MESH=my.obj  the same with your own mesh
# make demo DEPTH=my.png DEPTH_ARGS="--fov 58 --view 20 30"  or your own depth map
# make test              the whole test run
# make lint types        what CI checks besides
#
# Each target sets up what it needs first (scripts/setup.sh). Overrides: VENV, PYTHON, EXTRAS, TORCH_SPEC, TORCH_ARGS.

VENV ?= .venv
OUT ?= out
MESH ?= cvxgeom/assets/chair.obj
DEPTH ?= cvxgeom/assets/chair_depth.png
# The camera of the depth map above; of your own say what you know (cvxgeom reconstruct --help).
DEPTH_ARGS ?= $(if $(filter cvxgeom/assets/chair_depth.png,$(DEPTH)),--intrinsics cvxgeom/assets/chair_depth.json)
# With gpu (Triton) besides, the tests of the CUDA kernels run too; without it they skip.
EXTRAS ?= render,train,dev
PYTEST_ARGS ?= -n auto --maxprocesses 4
BIN := $(VENV)/bin
export VENV PYTHON TORCH_SPEC TORCH_ARGS OUT MESH DEPTH

.PHONY: help demo test lint types format setup clean
.DEFAULT_GOAL := help

help:
	@sed -n '1,/^$$/ s/^# \{0,1\}//p' Makefile

demo:
	@EXTRAS=render bash scripts/setup.sh
	@mkdir -p "$$OUT"
	@name=$$(basename "$$MESH"); name=$${name%.*}; set -x; \
	$(BIN)/cvxgeom fit "$$MESH" -o "$$OUT/$$name.npz" --mesh "$$OUT/$$name.glb" --picture "$$OUT/$$name.png"
	@name=$$(basename "$$DEPTH"); name=$${name%.*}_shape; set -x; \
	$(BIN)/cvxgeom reconstruct "$$DEPTH" $(DEPTH_ARGS) -o "$$OUT/$$name.glb" --shape "$$OUT/$$name.npz" \
		--picture "$$OUT/$$name.png"

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(PYTEST_ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup
	$(BIN)/pyright --pythonpath $(BIN)/python

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

setup:
	@EXTRAS=$(EXTRAS) bash scripts/setup.sh

# The environment stays: it is slow to make. Remove it by hand to start from nothing.
clean:
	rm -rf "$$OUT" build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
