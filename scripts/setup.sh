#!/usr/bin/env bash
# Makes the virtual environment that `make demo` and `make test` run in. Needs python3 with venv; no root, no compiler.
#
#   VENV        where it goes                                   (.venv)
#   PYTHON      the interpreter it is made with                 (python3)
#   EXTRAS      optional parts of cvxgeom, comma separated      (render,train,dev)
#   TORCH_SPEC  which torch                                     (torch==2.13.0, unless the environment has one already)
#   TORCH_ARGS  more arguments for pip when it installs torch   (none; PyTorch's CPU wheel index avoids the CUDA build)
#
# A second run finds its stamp and does nothing. The stamp is named after a checksum of what was asked for and lists the
# extras that are installed, so a change of setup.py, constraints.txt or the C++, or a further extra, installs again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=${VENV:-.venv}
EXTRAS=${EXTRAS-render,train,dev}

shopt -s nullglob
built_from=(setup.py constraints.txt cvxgeom/ops/_build.py cvxgeom/_native/*.{h,cpp} cvxgeom/ops/*/*.{h,cpp})
key=$({ cat "${built_from[@]}"; printf '%s\n' "${TORCH_SPEC:-}" "$PWD"; } | cksum | tr ' ' '-')
stamp=$VENV/.cvxgeom-$key
missing=()
for part in core ${EXTRAS//,/ }; do
    if ! grep -qsx "$part" "$stamp"; then missing+=("$part"); fi
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

echo "setup: installing cvxgeom (${missing[*]}) into $VENV"
if [ ! -x "$VENV/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$VENV" || {
        echo "setup: could not make a virtual environment; cvxgeom needs Python 3.10 or newer with its venv module" >&2
        exit 1
    }
fi
pip=("$VENV/bin/python" -m pip --disable-pip-version-check install -qq --no-compile)

# Torch first and alone: resolved together with the rest, a bare "torch" may become another build of it.
# One that is there already stays, unless TORCH_SPEC asks for another.
if [ -n "${TORCH_SPEC:-}" ] || ! "$VENV/bin/python" -c 'import torch' 2>/dev/null; then
    echo "setup: torch, the largest part"
    # shellcheck disable=SC2086  # several arguments may stand in TORCH_ARGS
    "${pip[@]}" ${TORCH_ARGS:-} "${TORCH_SPEC:-torch==2.13.0}"
fi
echo "setup: cvxgeom and its other dependencies"
"${pip[@]}" --constraint constraints.txt --editable ".${EXTRAS:+[$EXTRAS]}"

# pip would byte-compile every module of every package, which takes longer than installing them. Compile what is used, by
# using it once; this also shows that the installation works.
env -u PYTHONDONTWRITEBYTECODE "$VENV/bin/python" -c '
import cvxgeom.cli.commands, torch._dynamo
print("setup: CPU library:", cvxgeom.ops.available_backends()["cpu"])'

printf '%s\n' "${missing[@]}" >>"$stamp"
echo "setup: ready"
