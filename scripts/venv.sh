#!/bin/sh
# scripts/venv.sh REQUIREMENTS STAMP: make .venv and install one requirements file into it.
# uv does it in seconds; where uv cannot be had or fails, pip does it.
set -eu
requirements=$1 stamp=$2

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

if ! fits .venv/bin/python; then
    rm -rf .venv
    for python in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        fits "$python" && break
        python=
    done
    if [ -z "$python" ]; then
        echo "AIOps needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python3" >&2
        exit 1
    fi
    "$python" -m venv .venv || {
        echo "Python's venv module is missing; on Debian and Ubuntu: apt install python3-venv" >&2
        exit 1
    }
fi
echo "Installing $requirements …"
if { [ -x .venv/bin/uv ] || .venv/bin/python -m pip install -q --disable-pip-version-check uv >/dev/null 2>&1; } &&
    .venv/bin/uv pip install -q --python .venv/bin/python -r "$requirements"; then
    :
else
    .venv/bin/python -m pip install -q --disable-pip-version-check -r "$requirements"
fi
touch "$stamp"
