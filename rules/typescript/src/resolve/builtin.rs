//! The modules that Node brings along.

/// `name`, when it is a module of Node that is found without `node:`.
pub fn builtin(name: &str) -> Option<&str> {
    BUILTINS.binary_search(&name).ok().map(|_| name)
}

/// Sorted.
const BUILTINS: [&str; 61] = [
    "_http_agent",
    "_http_client",
    "_http_common",
    "_http_incoming",
    "_http_outgoing",
    "_http_server",
    "_tls_common",
    "assert",
    "assert/strict",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "dns/promises",
    "domain",
    "events",
    "fs",
    "fs/promises",
    "http",
    "http2",
    "https",
    "inspector",
    "inspector/promises",
    "module",
    "net",
    "os",
    "path",
    "path/posix",
    "path/win32",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "readline/promises",
    "repl",
    "stream",
    "stream/consumers",
    "stream/promises",
    "stream/web",
    "string_decoder",
    "sys",
    "timers",
    "timers/promises",
    "tls",
    "trace_events",
    "tty",
    "url",
    "util",
    "util/types",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// Modules that exist only behind `node:`.
const PREFIXED: [&str; 4] = ["sea", "sqlite", "test", "test/reporters"];

/// What follows `node:`, when it is a module of Node.
pub(super) fn prefixed(name: &str) -> Option<&str> {
    builtin(name).or_else(|| PREFIXED.contains(&name).then_some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(BUILTINS.is_sorted());
    }
}
