#!/usr/bin/env bash
# Runs a command that finds the named Go programs and PostgreSQL: with-tools.sh PROGRAM… -- COMMAND…
#
# Each program's path is in PYHARBOR_<NAME>_BIN (PYHARBOR_TEMPORAL_BIN …), the folder of PostgreSQL's own in PYHARBOR_POSTGRES_BIN.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
while [[ $# -gt 0 && $1 != -- ]]; do
    path=$("$here/go-tool.sh" "$1")
    export "PYHARBOR_${1^^}_BIN=$path"
    shift
done
shift

if [[ -z ${PYHARBOR_POSTGRES_BIN:-} ]]; then
    newest=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort --version-sort | tail -n 1)
    if [[ -n $newest ]]; then
        export PYHARBOR_POSTGRES_BIN=$newest
    fi
fi
exec "$@"
