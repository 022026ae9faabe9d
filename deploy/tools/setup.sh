#!/usr/bin/env bash
# Brings everything a make target needs: setup.sh runtime|dev "GROUP…" "PROGRAM…"
#
# Debian packages first (system.sh), then the virtual environment (python.sh) beside the Go programs (go-tool.sh).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read -ra groups <<<"${2:-}"
read -ra programs <<<"${3:-}"

[[ ${#groups[@]} -eq 0 ]] || "$here/system.sh" "${groups[@]}"

# The background build has a process group of its own, so that an interrupt ends it together with its compiler.
building=
trap '[[ -z $building ]] || kill -- -"$building" 2>/dev/null || true' EXIT
if [[ ${#programs[@]} -gt 0 ]]; then
    set -m
    "$here/go-tool.sh" "${programs[@]}" >/dev/null </dev/null &
    building=$!
    set +m
fi
"$here/python.sh" "$1"
if [[ -n $building ]]; then
    wait "$building"
    building=
fi
