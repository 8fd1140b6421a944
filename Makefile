# tare: a thin front for Meson and the scripts in tools/. `make help` lists the targets.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all help deps run test test-unit test-vm lint asan bench fuzz install deb clean test-long

all: ## build everything into $(BUILD)/bin/
	@tools/install-deps build
	@tools/build $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

deps: ## install every Debian package that building and testing need
	@tools/install-deps build test bench

run: all ## make a small image from busybox-static, load it and run a container
	@tools/install-deps run
	@tools/demo $(BUILD)

test: all ## the whole suite
	@tools/install-deps test
	@tests/run $(BUILD)

test-long: all ## the suite with every kill point and every seed
	@tools/install-deps test
	@TARE_TEST_LONG=1 tests/run $(BUILD)

test-unit: all ## the unit tests alone
	@tools/install-deps test
	@tests/run $(BUILD) unit

test-vm: all ## the tests that run in a virtual machine with pure cgroup v2 alone
	@tools/install-deps test
	@tests/run $(BUILD) vm

lint: ## floors, banned functions, file sizes, clang-tidy, shellcheck
	@tools/install-deps build test lint
	@tools/lint

asan: ## build with address and undefined-behaviour sanitizers and run the suites on that
	@tools/install-deps build test
	@tools/build build/asan --asan
	@TARE_FILE_TIMEOUT=1800 tests/run build/asan unit integration gauntlet fault

fuzz: ## run every fuzz target for FUZZ_SECONDS (default 30) each
	@tools/install-deps build test fuzz
	@tools/fuzz

bench: all ## measure against the peers; results in build/bench/
	@tools/install-deps test bench
	@bench/run $(BUILD)

install: all ## into DESTDIR/PREFIX
	@DESTDIR="$(DESTDIR)" tools/install $(BUILD) "$(PREFIX)"

deb: all ## a Debian package in $(BUILD)/deb/
	@tools/install-deps deb
	@tools/make-deb $(BUILD)

clean: ## remove the build folder
	rm -rf build
