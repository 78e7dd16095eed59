//! What webstir knows of TypeScript: the facts of a module, where imports lead, what a `tsconfig.json` says, how a module is compiled and
//! declared, and how the compiler checks a program.
//!
//! Nothing here knows of rules or plans: it is called with texts, and with views of a workspace.

pub mod declarations;
pub mod json;
pub mod resolve;
pub mod source;
pub mod text;
pub mod transpile;
pub mod tsconfig;
pub mod typecheck;
