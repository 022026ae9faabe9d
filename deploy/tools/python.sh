#!/usr/bin/env bash
# Makes the virtual environment .venv: python.sh runtime | dev
#
# Installs the pinned and hashed requirements and the `pyharbor` command; does nothing when they have not changed since.
set -euo pipefail

target=${1:-}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-python3}
venv=$root/.venv
requirements=$root/deploy/requirements

say() { printf '==> %s\n' "$*" >&2; }
fail() {
    printf 'python.sh: %s\n' "$*" >&2
    exit 1
}

case $target in
    runtime | dev) ;;
    *) fail "say what to install: 'runtime' or 'dev'" ;;
esac

command -v "$python" >/dev/null || fail "$python is missing. Install it: apt-get install python3 python3-venv python3-dev"
described=$("$python" - <<'PROBE'
import sys
try:
    import ensurepip, venv
    modules = "complete"
except ImportError:
    modules = "incomplete"
print("%s|%s|%s %s" % (sys.version_info >= (3, 11), modules, " ".join(sys.version.split()), getattr(sys, "base_prefix", "")))
PROBE
)
IFS='|' read -r recent modules interpreter <<<"$described"
[[ $recent == True ]] ||
    fail "$python is Python ${interpreter%% *}, PyHarbor needs 3.11 or newer. Name a newer one: make PYTHON=python3.11 …"
[[ $modules == complete ]] ||
    fail "$python cannot make virtual environments. Install the module: apt-get install python3-venv"

# One run at a time works on the environment; the lock is the requirements folder itself.
exec 9<"$requirements"
flock 9

# The environment belongs to one interpreter and one folder, since its scripts name both.
identity="$interpreter $root"
fingerprint() {
    (cd "$root" && cat setup.cfg pyproject.toml && cd "$requirements" && cat build.txt "$@") | sha256sum | cut -d' ' -f1
}
belongs() { [[ -x $venv/bin/python && -f $venv/.identity && $(<"$venv/.identity") == "$identity" ]]; }
runtime=$(fingerprint runtime.txt)
dev=$(fingerprint runtime.txt dev.txt)
stamp=$venv/.installed-$target
if belongs && [[ -f $stamp && $(<"$stamp") == "${!target}" ]]; then
    exit 0
fi

install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"; }

started=$SECONDS
if ! belongs; then
    say "making the virtual environment .venv (Python ${interpreter%% *})"
    "$python" -m venv --clear "$venv"
    printf '%s\n' "$identity" >"$venv/.identity"
fi
rm -f "$venv"/.installed-*
say "installing the pinned $target packages into .venv (first time: one to two minutes)"
install --require-hashes -r "$requirements/build.txt"
install --require-hashes --no-build-isolation -r "$requirements/$target.txt" ||
    fail "the packages could not be installed (see above). If a compiler or a header is missing: deploy/tools/system.sh build"
install --no-deps --no-build-isolation --editable "$root"
printf '%s\n' "$runtime" >"$venv/.installed-runtime"
if [[ $target == dev ]]; then
    printf '%s\n' "$dev" >"$stamp"
fi
say "Python packages are ready ($((SECONDS - started)) s)"
