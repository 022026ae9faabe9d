#!/usr/bin/env bash
# Installs Debian packages by group: system.sh GROUP…; does nothing when all of them are there.
#
# No service is started by an installation: servers under test are started by the tests, on loopback, with their own data.
set -euo pipefail

declare -A groups=(
    [build]="gcc libc6-dev libldap2-dev libsasl2-dev python3-dev python3-venv"
    [postgres]="postgresql"
    [docker]="docker.io iptables busybox-static debootstrap"
    [clients]="skopeo buildah"
    [browser]="chromium fonts-liberation"
    [load]="wrk"
    [peers]="docker-registry"
    [trace]="strace"
    [shell]="shellcheck"
    [trace]="strace"
)

fail() {
    printf 'system.sh: %s\n' "$*" >&2
    exit 1
}

[[ $# -gt 0 ]] || fail "name at least one group of packages: ${!groups[*]}"

missing=()
for group in "$@"; do
    [[ -n ${groups[$group]:-} ]] || fail "no group '$group'; there are: ${!groups[*]}"
    for package in ${groups[$group]}; do
        state=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null) || true
        [[ $state == "install ok installed" ]] || missing+=("$package")
    done
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

command -v apt-get >/dev/null || fail "this is no Debian system; install by hand what Debian calls: ${missing[*]}"
[[ $EUID -eq 0 ]] || fail "Debian packages are missing and only root can install them. Run: sudo apt-get install ${missing[*]}"

# One run at a time, and the file that keeps services from starting is removed whatever happens.
exec 9<"${BASH_SOURCE[0]}"
flock 9
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

started=$SECONDS
printf '==> installing Debian packages: %s\n' "${missing[*]}" >&2
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get --quiet --quiet --yes -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 </dev/null 9<&-; }
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
    tail -n 30 "$log" >&2
    fail "the installation failed, its whole output is in $log. Try: apt-get update && apt-get install ${missing[*]}"
fi
rm -f "$log"
printf '==> Debian packages are ready (%s s)\n' "$((SECONDS - started))" >&2
