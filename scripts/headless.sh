#!/usr/bin/env bash
# Installs fakewatch without Qt and with the headless OpenCV into a new virtual environment:
#     scripts/headless.sh /opt/fakewatch
# The image of deploy/Dockerfile is made by it. Every wheel is checked against its hash.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?usage: scripts/headless.sh DIRECTORY}
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' || {
    echo "headless: $python is no Python 3.10, 3.11 or 3.12; name one as PYTHON." >&2
    exit 1
}
"$python" -m venv --clear --without-pip "$target"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"$python" -m venv "$tools"
"$tools/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
    --require-hashes -r scripts/uv.txt

# uv reads none of pip's settings; a mirror or certificate that is set for pip alone counts too.
if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    index=${PIP_INDEX_URL:-$("$tools/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
fi
if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE="$PIP_CERT"; fi

"$tools/bin/uv" pip install --quiet --no-cache --python "$target/bin/python" \
    --constraints constraints.txt --build-constraints constraints.txt \
    --overrides deploy/headless-overrides.txt --requirements deploy/headless.txt .
