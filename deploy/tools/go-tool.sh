#!/usr/bin/env bash
# Builds a pinned Go program once and prints the path of its binary: go-tool.sh NAME… | --list
#
# Binaries are kept by version under PYHARBOR_TOOLS (default ~/.cache/pyharbor/tools); modules are verified by Go's checksum database.
set -euo pipefail

# name        | package                                             | version                              | seconds | variables of the build
table='
temporal      | github.com/temporalio/cli/cmd/temporal              | v1.5.1                               | 160 | CGO_ENABLED=0
crane         | github.com/google/go-containerregistry/cmd/crane    | v0.22.1                              | 10  | CGO_ENABLED=0
oras          | oras.land/oras/cmd/oras                             | v1.3.6                               | 10  | CGO_ENABLED=0
helm          | helm.sh/helm/v3/cmd/helm                            | v3.22.0                              | 70  | CGO_ENABLED=0
regctl        | github.com/regclient/regclient/cmd/regctl           | v0.11.7                              | 10  | CGO_ENABLED=0
conformance   | github.com/opencontainers/distribution-spec/conformance | v0.0.0-20260831232431-97274622c111 | 5 | CGO_ENABLED=0
registry      | github.com/distribution/distribution/v3/cmd/registry | v3.1.1                              | 65  | CGO_ENABLED=0
'

say() { printf '==> %s\n' "$*" >&2; }
fail() {
    printf 'go-tool.sh: %s\n' "$*" >&2
    exit 1
}
rows() { sed -e '/^$/d' -e 's/ *| */|/g' <<<"$table"; }

if [[ ${1:-} == --list ]]; then
    rows | cut -d'|' -f1
    exit 0
fi
[[ $# -gt 0 ]] || fail "name a program: $(rows | cut -d'|' -f1 | paste -sd' ')"

tools=${PYHARBOR_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/pyharbor/tools}

build() {
    local name package version seconds variables
    IFS='|' read -r name package version seconds variables < <(rows | grep "^$1|") ||
        fail "no program '$1'; there are: $(rows | cut -d'|' -f1 | paste -sd' ')"
    local folder=$tools/$name/$version
    if [[ ! -x $folder/$name ]]; then
        command -v go >/dev/null || fail "Go is missing and $name is built with it. Install Go 1.26 or newer and put it on the PATH."
        mkdir -p "$folder"
        exec 9<"$folder"
        flock 9
        if [[ ! -x $folder/$name ]]; then
            compile
        fi
        exec 9<&-
    fi
    printf '%s\n' "$folder/$name"
}

# Reads the variables of `build`. The binary appears under its name only when it is whole.
compile() {
    local started=$SECONDS bin log
    bin=$(mktemp --directory "$folder/build.XXXXXX")
    log=$folder/build.log
    say "building $name $version (once, about $seconds s)"
    if ! (cd / && env ${variables:+"$variables"} GOBIN="$bin" GOWORK=off go install -trimpath "$package@$version") >"$log" 2>&1 9<&-; then
        rm -rf "$bin"
        tail -n 20 "$log" >&2
        fail "$name $version could not be built, the whole output is in $log. Go 1.26 or newer is needed: this is $(go version)."
    fi
    mv "$bin"/* "$folder/$name"
    rm -rf "$bin"
    say "$name $version is ready ($((SECONDS - started)) s)"
}

for program in "$@"; do
    build "$program"
done
