# `just ready` is what a change must pass.

ready: format clippy test docs

format:
    cargo fmt --all --check

clippy:
    cargo clippy --workspace --all-targets -- -D warnings

test:
    cargo test --workspace

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
