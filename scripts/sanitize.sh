#!/usr/bin/env bash
# Builds the CPU library with the address and undefined-behavior sanitizers and runs the tests of the ops on it.
# One report ends the run. Leaks are not looked for: the interpreter and torch keep what they like.
#
#   PYTHON            the interpreter with cvxgeom's test requirements  (.venv/bin/python)
#   INSTRUCTION_SETS  which kernels, separated by spaces                (all that the processor has)
#
# Building takes about a minute, the tests another per instruction set, on one core.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PYTHON=${PYTHON:-$PWD/.venv/bin/python}
CXX=${CXX:-g++}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# A copy of the package, so that the library in use stays as it is.
mkdir "$folder/tests"
cp -r cvxgeom "$folder/"
cp -r tests/__init__.py tests/conftest.py tests/ops "$folder/tests/"
cp pyproject.toml "$folder/"
cd "$folder"
rm -f cvxgeom/_native/*.so
"$PYTHON" - <<'PYTHON_END'
import runpy
build = runpy.run_path("cvxgeom/ops/_build.py")["build"]
build(flags=("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))
PYTHON_END

export ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 OMP_NUM_THREADS=1
# libstdc++ first too: the sanitizer looks for its exception functions before torch brings them.
export LD_PRELOAD="$("$CXX" -print-file-name=libasan.so) $("$CXX" -print-file-name=libstdc++.so)"
# Kernels for vectors that this processor lacks cannot run. The Triton tests call none of the compiled functions, tests of
# pieces and opcheck spend long elsewhere, and the rates that _native/peak.cpp measures say nothing here.
sets="avx2 baseline"
if grep -qsw avx512bw /proc/cpuinfo; then sets="avx512 $sets"; fi
for set in ${INSTRUCTION_SETS:-$sets}; do
    echo "sanitize: $set"
    CVXGEOM_ISA=$set "$PYTHON" -m pytest -q -p no:cacheprovider -m "not slow" -k "not peak and not pieces and not opcheck" \
        --ignore-glob "*/test_cuda*.py" tests/ops "$@"
done
