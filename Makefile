# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The front door; the work is done by Meson, in build/. Each goal sets up what it needs.
#
#   make            the release programs, build/bin/ate and build/bin/atedb
#   make demo       installs what a build needs, builds, and shows the whole of it on real files
#   make check      installs what the tests need, and runs every test; at most ten minutes
#   make check-long    what takes too long for that: crash points, every bit, other machines
#   make quick      the unit tests, the layer rule and the style; for daily work
#   make asan tsan  every test under AddressSanitizer and UBSan; the unit tests under TSan
#   make foreign    the tests of formats on s390x and arm64, under qemu
#   make fuzz       each fuzz target for FUZZ_SECONDS (30), going on from its corpus
#   make bench      the figures, each with its limit measured in the same run
#   make cover      the lines that the tests reach, in build/cover/report
#   make tidy fmt   says what the style asks for; formats the sources
#   make man        checks the manual pages
#   make install uninstall    PREFIX=/usr/local, DESTDIR=
#   make clean      removes build/

PREFIX = /usr/local
FUZZ_SECONDS = 30

.PHONY: all demo check check-long quick asan tsan foreign fuzz bench cover tidy fmt man
.PHONY: install uninstall clean
all:
	@scripts/build release

demo:
	@scripts/deps build
	@scripts/build release
	@scripts/demo

check:
	@scripts/deps check
	@scripts/check all

check-long:
	@scripts/deps check
	@scripts/check long

quick:
	@scripts/deps check
	@scripts/check quick

asan:
	@scripts/check asan

tsan:
	@scripts/check tsan

foreign:
	@scripts/deps check
	@scripts/foreign check s390x
	@scripts/foreign check arm64

fuzz:
	@scripts/fuzz $(FUZZ_SECONDS)

bench: all
	@bench/run

cover:
	@scripts/check cover

tidy:
	@python3 -B tools/layers.py
	@python3 -B tools/tidy.py
	@python3 -B tools/links.py
	@command -v clang-tidy-19 >/dev/null || { echo 'tidy: clang-tidy-19 is not here'; exit 0; }; \
	    scripts/build check && find src -name '*.c' -exec clang-tidy-19 -p build/check --quiet {} +

fmt:
	@find src include tests bench examples -name '*.[ch]' -o -name '*.cpp' | \
	    xargs -r clang-format-19 -i

man:
	@mandoc -T lint -W warning docs/man/*.[1-8]

install:
	@PREFIX='$(PREFIX)' scripts/build release
	@meson install -C build/release --no-rebuild --quiet

uninstall:
	@ninja -C build/release --quiet uninstall

clean:
	@rm -rf build
