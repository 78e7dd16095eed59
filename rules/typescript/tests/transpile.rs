//! The transpiler against TypeScript itself, under Node.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]
#![expect(clippy::unwrap_used, reason = "the functions around tests may unwrap as tests do")]

#[path = "transpile/cases.rs"]
mod cases;
#[path = "transpile/elision.rs"]
mod elision;
#[path = "transpile/hostile.rs"]
mod hostile;
#[path = "transpile/maps.rs"]
mod maps;
#[path = "transpile/output.rs"]
mod output;
#[path = "transpile/tools.rs"]
mod tools;
