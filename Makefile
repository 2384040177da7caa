# The front door; CMake and Ninja do the work. `make help` lists the targets.
BUILD ?= build
BUILD_TYPE ?= RelWithDebInfo
PREFIX ?= /usr/local
CMAKE_FLAGS ?=
WERROR ?= $(if $(CI),ON,OFF)

.PHONY: all help deps demo check check-matrix chaos bench fuzz format install deb clean configure

all: configure ## build wfe and libwfe into build/
	@cmake --build $(BUILD)

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "make %-14s %s\n", $$1, $$2}'

deps: ## install the Debian packages of tools/deps.txt that are missing
	@tools/deps.sh

configure: deps
	@test -f $(BUILD)/build.ninja || cmake -S . -B $(BUILD) -G Ninja \
	  -DCMAKE_BUILD_TYPE=$(BUILD_TYPE) -DWFE_WERROR=$(WERROR) $(CMAKE_FLAGS) >/dev/null

demo: all ## start a private containerd if none answers, bring in an image, run a step
	@tools/demo.sh $(BUILD)

check: deps ## build and run all tests, plain and with sanitizers
	@tools/check.sh

check-matrix: all ## the integration tests against containerd 1.6, 1.7 and 2.x
	@tools/check-matrix.sh

chaos: all ## kill a run at every point a crash could come between, and resume it
	@tools/chaos.sh $(BUILD)

bench: all ## measure side by side with ctr; writes bench/results.md
	@bench/run.sh $(BUILD)

fuzz: deps ## run every fuzz target for FUZZ_SECONDS (default 60) each
	@tools/fuzz.sh

format: ## format every C file
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all ## install below PREFIX (DESTDIR is honoured)
	@cmake --install $(BUILD) --prefix $(PREFIX)

deb: deps ## make Debian packages of the command and the library in build-deb/packages/
	@tools/deb.sh

clean: ## remove the build folders
	@rm -rf build build-asan build-fuzz build-deb
