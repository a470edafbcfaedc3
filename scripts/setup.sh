#!/usr/bin/env bash
# Prepares .venv: `setup.sh runtime` for who only watches, `setup.sh dev` for tests and training.
# Called by make when .venv is missing or older than what describes it; safe to run again.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly LOG=build/setup.log
readonly LIBRARIES=realtime/system_libraries.txt
readonly MANAGED_PYTHON=3.12

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# Run quietly with the output in the log; on failure show its end.
quietly() {
    if ! "$@" >>"$LOG" 2>&1; then
        tail -n 15 "$LOG" >&2
        return 1
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
    command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
}

apt_install() {
    say "installing system packages: apt-get install --no-install-recommends $*"
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update &&
        quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
            -o Dpkg::Use-Pty=0 --no-install-recommends "$@"
}

has_fonts() {
    [ -n "$(find /usr/share/fonts /usr/local/share/fonts "$HOME/.fonts" \
        "$HOME/.local/share/fonts" -name '*.[to]tf' -print -quit 2>/dev/null)" ]
}

# Packages of the shared objects that the loader cannot find, for one purpose of the table.
missing_packages() {
    local purpose=$1 known soname package wanted
    known=$( (PATH=$PATH:/sbin:/usr/sbin ldconfig -p) 2>/dev/null || true)
    [ -n "$known" ] || return 0 # not a glibc system: the doctor looks again, with the wheels
    while read -r soname package wanted; do
        [ "$wanted" = "$purpose" ] || continue
        case $known in *"	$soname "*) ;; *) printf '%s ' "$package" ;; esac
    done < <(grep -v '^#' "$LIBRARIES")
    if [ "$purpose" = window ] && ! has_fonts; then printf 'fonts-dejavu-core '; fi
}

# True for a Python that fits: wheels of every dependency exist for 3.10 to 3.12 only.
fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null
}

# Debian and Ubuntu ship python3 without ensurepip; the package python3-venv brings it.
makes_venvs() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

fits_and_makes_venvs() { fits "$1" && makes_venvs "$1"; }

# Print a Python whose check "$1" succeeds; PYTHON, where set, is the only candidate.
find_python() {
    local check=$1 candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.10 python3 python \
        "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-2].*/bin/python}; do
        if "$check" "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    return 1
}

has_environment() { [ -x .venv/bin/python ] && fits .venv/bin/python; }

system_packages() {
    local core window
    core=$(missing_packages core)
    window=$(missing_packages window)
    if ! has_environment && ! find_python fits_and_makes_venvs >/dev/null &&
        ! find_python makes_venvs >/dev/null; then
        core+='python3-venv '
    fi
    [ -n "$core$window" ] || return 0
    if may_install; then
        # shellcheck disable=SC2086 # package names, one word each
        apt_install $core $window && return
        fail "apt-get failed (whole output in $LOG); mend that, then run make again."
    fi
    say "system packages are missing; install them with:"
    say "    sudo apt-get install --no-install-recommends $core$window"
    [ -z "$core" ] || fail "nothing runs without ${core% }; install it, then run make again."
    say "going on: only the window needs them."
}

install_uv() { # into the virtual environment "$1"
    quietly "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        --require-hashes -r scripts/uv.txt
}

# A Python that fits, obtained with uv, which any other Python can install.
obtain_python() {
    local any uv=uv
    say "no Python 3.10, 3.11 or 3.12 here; obtaining $MANAGED_PYTHON with uv"
    if ! command -v uv >/dev/null; then
        any=$(find_python makes_venvs) ||
            fail "no Python can make virtual environments; install python3-venv, then run make again."
        { quietly "$any" -m venv --clear build/uv && install_uv build/uv; } ||
            fail "uv could not be installed; check the network, then run make again."
        uv=build/uv/bin/uv
    fi
    { quietly "$uv" python install "$MANAGED_PYTHON" &&
        "$uv" python find --managed-python "$MANAGED_PYTHON" 2>>"$LOG"; } ||
        fail "Python $MANAGED_PYTHON could not be downloaded; install Python 3.10, 3.11 or 3.12" \
            "and run make again, with PYTHON=/path/to/python if it is not on the PATH."
}

virtual_environment() {
    local python
    if has_environment; then return; fi
    if ! python=$(find_python fits_and_makes_venvs); then
        [ -z "${PYTHON:-}" ] ||
            fail "$PYTHON is no Python 3.10, 3.11 or 3.12 with venv; give another one as PYTHON."
        python=$(obtain_python)
    fi
    say "making .venv with $("$python" --version 2>&1)"
    quietly "$python" -m venv --clear .venv ||
        fail "the virtual environment could not be made; see $LOG, then run make again."
}

# uv reads none of pip's settings; a mirror or certificate that is set for pip alone counts too.
take_over_pip_settings() {
    local index
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
        index=${PIP_INDEX_URL:-$index}
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    fi
    if [ -z "${SSL_CERT_FILE:-}" ] && [ -n "${PIP_CERT:-}" ]; then
        export SSL_CERT_FILE="$PIP_CERT"
    fi
}

enough_disk() { # "$1" GB
    local free
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1000000) }')
    [ "$free" -ge "$1" ] || fail "this needs $1 GB of disk and $free GB are free; make room first."
}

python_packages() {
    local what=$1
    .venv/bin/python -m uv --version >>"$LOG" 2>&1 || install_uv .venv ||
        fail "uv could not be installed; check the network, then run make again."
    take_over_pip_settings
    # Every wheel is checked against its hash in constraints.txt, setuptools for the build too.
    .venv/bin/python -m uv pip install --quiet --python .venv/bin/python \
        --constraints constraints.txt --build-constraints constraints.txt --editable "$what" ||
        fail "the Python packages could not be installed; check the network and the mirror" \
            "settings of pip and uv, then run make again."
}

main() {
    local started=$SECONDS
    mkdir -p build
    : >"$LOG"
    system_packages
    virtual_environment
    case ${1:-} in
    runtime)
        enough_disk 3
        say "installing the runtime (about a minute)"
        python_packages .
        ;;
    dev)
        enough_disk 10
        say "installing the runtime, torch and the test tools (some minutes)"
        python_packages '.[train,dev]'
        ;;
    *) fail "usage: scripts/setup.sh runtime|dev" ;;
    esac
    say "done in $((SECONDS - started)) s; .venv holds $(du -sh .venv | cut -f1)"
}

main "$@"
