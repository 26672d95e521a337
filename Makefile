# What people and CI call. The build itself is CMake's (CMakeLists.txt, CMakePresets.json).
#
# A recipe of more than a few lines is a script in scripts/.

.DEFAULT_GOAL := build
.SUFFIXES:
JOBS ?= $(shell nproc)
export JOBS
PREFIX ?= /usr

build_of = cmake --preset $(1) $(2) >/dev/null && cmake --build build/$(1) -j $(JOBS)

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## Install the Debian packages that are missing (root or sudo); names them first
	@scripts/deps

deps-full: ## The same, and what check-full, fuzz, coverage, bench and tidy need
	@scripts/deps build demo check full

deps-check:
	@scripts/deps --check build || { echo 'make deps installs them' >&2; exit 1; }

build: deps-check ## Build the module and the programs (the default goal): build/release
	@$(call build_of,release)

debug: deps-check ## Build with assertions and fault points: build/debug
	@$(call build_of,debug)

demo: ## Seal a model and run it inside a token on a software TPM, from nothing (MODEL=/path for another model)
	@scripts/demo

demo-policy: ## Two users, one allowed ten inferences, the eleventh refused, the backup put back (leaves nothing)
	@scripts/demo-policy

demo-kes: ## A key signs, its clock evolves it, the folder copied before is put back and refused (leaves nothing)
	@scripts/demo-kes

demo-clean: ## Undo the demo: its token, its TPM, its registration
	@scripts/demo-clean

check: deps-check ## Build and run every test, in a release and in an ASan and UBSan build (under 10 minutes)
	@scripts/check

check-full: deps-check ## The same, and soak, mutation and kill tests
	@scripts/check full

bench: deps-check ## Ratios against ONNX Runtime and SoftHSM, and what evidence, policies and KES cost, in one run
	@scripts/bench

fuzz: ## Each fuzz target, or TARGETS='cbor policy', for FUZZ_SECONDS (60), with clang
	@scripts/fuzz $(TARGETS)

coverage: ## Line coverage by room
	@scripts/coverage

format: ## Run clang-format over every source
	@git ls-files '*.c' '*.h' | grep -v '^crypto/reasons\.h$$' | xargs clang-format -i

tidy: deps-check ## Run clang-tidy over every source of the rooms
	@$(call build_of,debug)
	@git ls-files 'crypto/*.c' 'enclave-backend/*.c' 'evidence/*.c' 'inference/*.c' 'module/*.c' 'tpm-backend/*.c' 'tools/*.c' 'verify/*.c' | \
		xargs -P $(JOBS) -n 1 clang-tidy -p build/debug --quiet # one a run: several confuse its va_list checker

install: deps-check ## Install module, programs, manuals and registration (PREFIX=/usr, DESTDIR)
	@$(call build_of,release,-DCMAKE_INSTALL_PREFIX=$(PREFIX))
	@cmake --install build/release --prefix $(PREFIX)

clean: ## Remove what was built; the fetched model in build/models stays
	@find build -mindepth 1 -maxdepth 1 ! -name models -exec rm -rf {} +

.PHONY: help deps deps-full deps-check build debug demo demo-clean demo-kes demo-policy check check-full bench fuzz coverage format tidy \
	install clean
