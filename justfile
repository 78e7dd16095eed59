# `just ready` is what a change must pass before `./test --all`.

ready: format clippy deny test docs

# What to run after each edit: format and lints, of one crate where it is named (`just check webstir-engine`).
check package="":
    cargo fmt --all --check
    cargo clippy {{ if package == "" { "--workspace" } else { "-p " + package } }} --all-targets -- -D warnings

# Licences, banned crates and where crates come from: deny.toml. Installs cargo-deny where it is missing.
deny:
    command -v cargo-deny >/dev/null || cargo install --quiet --debug --locked cargo-deny
    cargo deny check licenses bans sources

format:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

# All but the long tests; `just test --all` runs those too.
test *arguments:
    ./test {{arguments}}

# The tests with part of a name, of one crate or of all: `just t t14_`, `just t glob:: webstir-engine`.
t name package="":
    cargo test {{ if package == "" { "--workspace" } else { "-p " + package } }} -- --include-ignored {{name}}

# The specs of the cache, written anew: look at what changed.
specs:
    UPDATE_SPECS=1 cargo test --test integration specs::

docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The smallest and fastest binary.
dist:
    cargo build --profile dist

# Ratios to esbuild and tsc; see docs/benchmarks.md.
bench *arguments:
    cargo bench --bench build -- {{arguments}}

# Processor time a request beside hyper, Bun and the package's runtime.
bench-serve *arguments:
    cargo bench --bench serve -- {{arguments}}

# Processor time of a command in a tree of its own.
bench-process *arguments:
    cargo bench --bench process -- {{arguments}}

# The starter under load: errors and growth.
load:
    ulimit -n 12000 && cargo bench --bench load

# One parser under libFuzzer, for a minute: `just fuzz cookies`.
fuzz target:
    cp Cargo.lock fuzz/ && cd fuzz && mkdir -p corpus/{{target}} seeds/{{target}} && cargo fuzz run -s none {{target}} corpus/{{target}} seeds/{{target}} -- -max_total_time=60
