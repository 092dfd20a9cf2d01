#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# run.sh BUILD SOURCE: installs that build into an empty folder and uses only what is there: builds
# a program by pkg-config's flags, against libate.so and against libate.a, runs both and the
# installed programs, and takes all of it away again.
set -eu
build=$1 source=$2
version=$(cat "$source/VERSION")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The prefix that the build was configured with is inside DESTDIR; pkg-config is told so.
meson install -C "$build" --no-rebuild --quiet --destdir "$work/root"
pc=$(find "$work/root" -name ate.pc)
[ -n "$pc" ] || { echo "no ate.pc was installed"; exit 1; }
export PKG_CONFIG_PATH="${pc%/*}"
inside() { # keeps the flags of other packages, moves ours under DESTDIR
    prefix=$(pkg-config --variable=prefix ate)
    pkg-config "$@" ate | sed "s|\([ILl]\{0,1\}\)$prefix/|\1$work/root$prefix/|g"
}
libdir=$work/root$(pkg-config --variable=libdir ate)

for name in libate.so libate.so.0 libate.a; do
    [ -e "$libdir/$name" ] || { echo "$name was not installed"; exit 1; }
done
cp "$source/tests/install/hello.c" "$work/"
cd "$work"
# shellcheck disable=SC2046 # flags are words
cc -Wall -Wextra -Werror -DEXPECTED="\"$version\"" hello.c -o shared $(inside --cflags --libs)
# The same flags with the archive in place of the shared library.
# shellcheck disable=SC2046
cc -Wall -Wextra -Werror -DEXPECTED="\"$version\"" hello.c -o static $(inside --cflags) \
    $(inside --static --libs | sed 's/-late\b/-l:libate.a/')

[ "$(LD_LIBRARY_PATH=$libdir ./shared)" = "$version" ]
[ "$(./static)" = "$version" ]
needs() { readelf -d "$1" | grep -q "NEEDED.*$2"; }
needs shared 'libate\.so\.0' || { echo "shared: not linked with libate.so.0"; exit 1; }
! needs static libate || { echo "static: needs libate.so"; exit 1; }
! needs "$libdir/libate.so" libjansson ||
    { echo "libate.so needs libjansson, which is the programs'"; exit 1; }

hardened() {
    readelf -hlWd "$1" >headers
    for sign in 'Type: *DYN' GNU_RELRO 'FLAGS.*NOW' 'GNU_STACK.*RW '; do
        grep -q "$sign" headers || { echo "$1: not hardened: no $sign"; exit 1; }
    done
}
hardened "$libdir/libate.so"

for program in ate atedb; do
    path=$work/root$(pkg-config --variable=prefix ate)/bin/$program
    hardened "$path"
    [ "$("$path" --version | head -n 1)" = "$program $version" ] ||
        { echo "$program --version does not say $version"; exit 1; }
done
echo "installed, built against and run: $version"
