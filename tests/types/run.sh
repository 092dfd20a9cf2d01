#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# run.sh SOURCE [FLAG...]: the public headers and ATE_TYPE() under every compiler that is here, as
# C and as C++ of several years, with every warning an error:
#   1. each header by itself;
#   2. the programs hello.c, person.c and person.cpp;
#   3. each case of refused.c, which must not compile.
# With FLAGs only the programs, which are also linked with these flags and run.
set -eu
source=$1
shift
here=$source/tests/types
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
warnings='-Wall -Wextra -Wconversion -Wshadow -Wundef -pedantic -Werror'
checks=0

fail() {
    echo "run.sh: $1"
    exit 1
}

compile() { # COMPILER FLAG...: says what it says only when it fails
    checks=$((checks + 1))
    # shellcheck disable=SC2086 # flags are words
    "$@" $warnings -I"$source/include" >"$work/said" 2>&1
}

[ $# = 0 ] && only= || only=programs
headers() { # COMPILER STANDARD LANGUAGE
    [ -z "$only" ] || return 0
    for header in "$source"/include/ate/*.h; do
        name=ate/${header##*/}
        printf '#include <%s>\n#include <%s>\n' "$name" "$name" >"$work/header"
        compile "$1" "-std=$2" -c -o "$work/object" -x "$3" "$work/header" ||
            { cat "$work/said"; fail "$name does not compile with $1 -std=$2"; }
    done
}

program() { # COMPILER STANDARD LANGUAGE FILE FLAG...
    compiler=$1 standard=$2 language=$3 file=$4
    shift 4
    if [ $# = 0 ]; then
        compile "$compiler" "-std=$standard" -c -o "$work/object" -x "$language" "$here/$file" ||
            { cat "$work/said"; fail "$file does not compile with $compiler -std=$standard"; }
        return
    fi
    rm -rf "$work/run"
    mkdir "$work/run"
    compile "$compiler" "-std=$standard" -o "$work/run/program" -x "$language" "$here/$file" \
        -x none "$@" ||
        { cat "$work/said"; fail "$file does not link with $compiler -std=$standard"; }
    (cd "$work/run" && XDG_STATE_HOME=$work/run/state ./program >"$work/said" 2>&1) ||
        { cat "$work/said"; fail "$file by $compiler -std=$standard failed"; }
}

cases=$(sed -n 's/^#if defined(\([A-Z_]*\)).*/\1/p; s/^#elif defined(\([A-Z_]*\)).*/\1/p' \
    "$here/refused.c" | sort -u)
cases="$cases $(sed -n 's/.*|| defined(\([A-Z_]*\)).*/\1/p' "$here/refused.c")"
[ "$(echo "$cases" | wc -w)" -gt 30 ] || fail "refused.c lost its cases"

refused() { # COMPILER STANDARD LANGUAGE
    [ -z "$only" ] || return 0
    for case in $cases; do
        if compile "$1" "-std=$2" "-D$case" -c -o "$work/object" -x "$3" "$here/refused.c"; then
            [ "$case" = NOTHING ] || fail "$case compiles with $1 -std=$2"
        else
            [ "$case" != NOTHING ] ||
                { cat "$work/said"; fail "refused.c does not compile with $1 -std=$2"; }
            ! grep -q 'no such case' "$work/said" || fail "refused.c does not know $case"
        fi
    done
}

compilers=
for cc in gcc clang-19 clang; do
    command -v "$cc" >/dev/null || continue
    case " $compilers " in *" clang-19 "*) [ "$cc" != clang ] || continue ;; esac
    compilers="$compilers $cc"
    for standard in c11 c17 gnu17; do
        headers "$cc" "$standard" c
        program "$cc" "$standard" c hello.c "$@"
        program "$cc" "$standard" c person.c "$@"
    done
    refused "$cc" c17 c
done
for cxx in g++ clang++-19 clang++; do
    command -v "$cxx" >/dev/null || continue
    case " $compilers " in *" clang++-19 "*) [ "$cxx" != clang++ ] || continue ;; esac
    compilers="$compilers $cxx"
    for standard in c++11 c++17 c++20; do
        headers "$cxx" "$standard" c++
        program "$cxx" "$standard" c++ person.cpp "$@"
    done
    refused "$cxx" c++17 c++
done
[ -n "$compilers" ] || fail "no compiler is here"
echo "$checks compilations as expected by$compilers"
