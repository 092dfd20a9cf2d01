# shellcheck shell=sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# suite.sh: a newer Debian's packages, without a change to this system's apt: sourced by deps and
# foreign, in the folder `cache`, with $apt, a folder in it, and $suite, the name of that Debian.

# The mirrors this machine already uses (a company's, a proxy), but the newer suite.
uris() {
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' \
        2>/dev/null | awk -v label="$1" '$1 == label { print $2; exit }'
}
# Writes apt/debian.sources, of deb-src or deb; 1: no mirror is known. Binaries that only tests run
# with are those of the release: its security archive need not be in step with it at every mirror.
suite_sources() { # deb-src|deb
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/empty"
    mirror=$(uris Debian)
    [ -n "$mirror" ] || mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -n 's/^URIs: *\(http[^ ]*\).*/\1/p
            s/^deb *\(\[[^]]*\]\)\{0,1\} *\(http[^ ]*\) .*/\2/p' |
        grep -v -e security -e updates | head -n 1) || true
    [ -n "$mirror" ] || return 1
    security=$(uris Debian-Security)
    security=${security:-${mirror%/}-security/}
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    for s in "$mirror $suite" "$security $suite-security"; do
        case "$1 $s" in "deb "*-security) continue ;; esac
        printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n\n' \
            "$1" "${s% *}" "${s#* }" "$keyring"
    done >"$apt/debian.sources"
}
# apt with this machine's way to the network, and nothing else of its configuration or state.
private() {
    "$@" -o "Dir::Etc::sourcelist=$cache/$apt/debian.sources" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o APT::Default-Release= -o "Dir::State=$cache/$apt" \
        -o "Dir::State::lists=$cache/$apt/lists" -o "Dir::State::status=$cache/$apt/empty" \
        -o "Dir::Cache=$cache/$apt/cache" -o "Dir::Log=$cache/$apt" \
        -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)" -o Acquire::Retries=3 \
        -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false \
        </dev/null
}
