#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# run.sh PROGRAM LINE: the program, in a new directory that is its home, prints that line.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=$(realpath "$1")
cd "$work"
said=$(HOME=$work STATE_DIRECTORY=$work XDG_STATE_HOME='' XDG_CONFIG_HOME='' "$program")
[ "$said" = "$2" ] || { echo "it said: $said" >&2; exit 1; }
