# `just` lists the recipes. Arguments after a recipe go to the command behind it: `just verify --quick`.

set positional-arguments
set quiet

# What ci/setup brought is found first.
export PATH := justfile_directory() / "target/tools/bin" + ":" + env("PATH")

[private]
default:
    @just --list --unsorted

# install what is missing: a C compiler, Java, TLC, cargo-nextest, just
[group('main')]
setup:
    ci/setup

# decide every claim with every engine, and print the table (CLAIM..., --list, --quick, --soak, --json FILE)
[group('main')]
verify *args:
    ci/verify "$@"

# run every check that CI runs, or only the steps named (--list)
[group('main')]
test *steps:
    ci/test "$@"

# print a claim's statement, where it comes from, its verdict and its race diagram
[group('main')]
explain claim:
    ci/verify explain "$1"

# check the models in spec/ with TLC and compare every number and graph with the committed ones
[group('engines')]
spec *args:
    ci/verify spec "$@"

# the code's reachable graph against the spec's, state by state and edge by edge
[group('engines')]
lockstep *args:
    ci/verify --engine lockstep "$@"

# every interleaving of the small casts with the ghost assertions, random ones of the larger casts
[group('engines')]
shuttle *args:
    ci/verify --engine shuttle "$@"

# weak memory, use after free, leaks and data races
[group('engines')]
loom *args:
    ci/verify --engine loom "$@"

# real threads on the plain build
[group('engines')]
threads *args:
    ci/verify --engine threads "$@"

# break the crate in every small way, one at a time, and see who notices (FILTER..., --json FILE, --update)
[group('engines')]
mutants *args:
    ci/verify mutants "$@"

# the unit, property and snapshot tests of the plain build
[group('tests')]
unit:
    ci/test unit

# the tests of the packages that are built for shuttle and for loom
[group('tests')]
model-tests:
    ci/test tests-shuttle tests-loom

# clippy on the plain build and on both engines' builds; a warning fails
[group('tests')]
lint:
    ci/test lint lint-shuttle lint-loom

# what the SAFETY and ORDERING comments rest on
[group('tests')]
safety:
    ci/safety

# the documentation (target/doc) and its examples; a warning fails
[group('tests')]
doc:
    ci/test doc doctests

# run the examples; each prints what it proved, and fails if it did not
[group('tests')]
examples:
    ci/examples

# AddressSanitizer over the plain tests (needs a nightly toolchain)
[group('tests')]
asan *args:
    ci/asan "$@"

# random operations against a reference model, so many seconds (needs a nightly toolchain)
[group('tests')]
fuzz *seconds:
    ci/fuzz "$@"

# random operations from many threads, so many minutes (10)
[group('tests')]
soak *minutes:
    ci/soak "$@"

# do what docs/adding-a-claim.md says, in a copy, and compare what is printed
[group('tests')]
recipe:
    ci/recipe

# pack the crate, then build and test the packed crate alone
[group('tests')]
package:
    ci/package

# time the crate beside its peers (--work NAME, --quick, --check, --json FILE, --update-docs)
[group('tests')]
bench *args:
    ci/bench "$@"

# format the code
[group('upkeep')]
fmt:
    cargo fmt --all

# regenerate the pinned counts and the committed graphs; read the diff before you commit it
[group('upkeep')]
bless:
    ci/verify spec --update
    ci/verify --bless
    ci/verify mutants --update

# remove what was built; what ci/setup brought stays
[group('upkeep')]
clean:
    if [ -d target ]; then find target -mindepth 1 -maxdepth 1 ! -name tools -exec rm -rf {} +; fi
