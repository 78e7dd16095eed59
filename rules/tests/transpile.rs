//! The transpiler against TypeScript itself, under Node.

#[path = "transpile/cases.rs"]
mod cases;
#[path = "transpile/tools.rs"]
mod tools;
#[path = "transpile/elision.rs"]
mod elision;
#[path = "transpile/output.rs"]
mod output;
#[path = "transpile/hostile.rs"]
mod hostile;
#[path = "transpile/maps.rs"]
mod maps;
