#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# verify.sh ATE SETS: `ate verify` holds each golden chain to be whole, as it lies.
set -eu
ate=$1 sets=$2
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME="$home"
unset XDG_STATE_HOME XDG_CONFIG_HOME
n=0
for text in "$sets"/*/*.txt; do
    chain=${text%.txt}
    keys=$(dirname "$chain")
    [ ! -d "$chain.keys" ] || keys=$chain.keys
    case $chain in */central) mode=--centralized ;; *) mode= ;; esac
    # shellcheck disable=SC2086 # nothing, or one word
    "$ate" verify "$chain" $mode --root "$keys/owner.pub" >"$home/out" || {
        cat "$home/out"
        exit 1
    }
    n=$((n + 1))
done
echo "$n chains"
[ $n -ge 31 ]
