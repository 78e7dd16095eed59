//! The typecheck machinery with real compilers.
//!
//! The compilers are installed once by npm into the target directory.

#![expect(clippy::disallowed_methods, reason = "tests prepare real directories")]
#![expect(clippy::unwrap_used, reason = "a test fails by unwrapping")]

#[path = "typecheck/bare.rs"]
mod bare;
#[path = "typecheck/before.rs"]
mod before;
#[path = "typecheck/compilers.rs"]
mod compilers;
#[path = "typecheck/declarations.rs"]
mod declarations;
#[path = "typecheck/extending.rs"]
mod extending;
#[path = "typecheck/failures.rs"]
mod failures;
#[path = "typecheck/findings.rs"]
mod findings;
#[path = "typecheck/declarations/forms.rs"]
mod forms;
#[path = "typecheck/inputs.rs"]
mod inputs;
#[path = "typecheck/declarations/modules.rs"]
mod modules;
#[path = "typecheck/projects.rs"]
mod projects;
#[path = "typecheck/tools.rs"]
mod tools;
#[path = "typecheck/warm.rs"]
mod warm;
