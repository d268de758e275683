#!/bin/sh
# Make an environment of its own for every peer, from exact versions: .venvs/keras and .venvs/lightning.
set -eu
cd "$(dirname "$0")/.."
for peer in keras lightning; do
    wanted="benchmarks/requirements-$peer.txt"
    home=".venvs/$peer"
    if ! cmp -s "$wanted" "$home/installed.txt"; then
        "${PYTHON:-python3}" -m venv "$home"
        "$home/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$wanted"
        cp "$wanted" "$home/installed.txt"
    fi
done
