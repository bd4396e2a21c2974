# Functions that scripts/start and scripts/test share: a Python, a virtual environment, what is in it.
# shellcheck shell=sh

say() {
    printf '%s\n' "$*" >&2
}

# Print the first Python that is new enough.
find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    say "FourEyes needs Python 3.11 or newer, and there is none on the PATH; install it, for example: apt install python3"
    return 1
}

# can_make_venvs PYTHON
can_make_venvs() {
    "$1" -c 'import venv; from ensurepip import bootstrap' 2>/dev/null
}

# make_venv PYTHON FOLDER: make the virtual environment unless a working one is there; leave nothing half-made.
make_venv() {
    if "$2/bin/python" -m pip --version >/dev/null 2>&1; then
        return
    fi
    if ! can_make_venvs "$1"; then
        say "Python's venv module is not installed here; install it and start again: apt install $(basename "$1")-venv"
        return 1
    fi
    rm -rf "$2"
    if ! "$1" -m venv "$2"; then
        rm -rf "$2"
        say "The virtual environment $2 could not be made; what Python said about it stands above."
        return 1
    fi
}

# install_into FOLDER REPOSITORY EXTRAS: install, unless just this was installed there before.
install_into() {
    wanted="$3 $2 $(cat "$2/pyproject.toml" "$2/constraints.txt" | cksum)"
    stamp="$1/foureyes-installed"
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    say "Installing FourEyes into $1; this takes about a minute, and is done again only when its dependencies change."
    rm -f "$stamp"
    if ! "$1/bin/python" -m pip install --quiet --disable-pip-version-check -c "$2/constraints.txt" -e "$2$3"; then
        say "The installation failed; what pip said about it stands above. Start again to try once more."
        return 1
    fi
    echo "$wanted" >"$stamp"
}
