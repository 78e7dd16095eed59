//! Options of compiling that rules and profiles share.

use webstir_engine::config::schema::{Field, OutputShape, Shape};

/// Language levels of the output.
const TARGETS: &[&str] = &["es2020", "es2021", "es2022", "es2023", "es2024", "esnext"];

pub(super) const DEFINE: Field = Field::new(
    "define",
    Shape::Pair,
    "An expression such as `process.env.NODE_ENV` and the constant that replaces it: a text, a number or a boolean",
)
.example("\"process.env.NODE_ENV\" \"production\"")
.repeated();

pub(super) const SOURCEMAP: Field = Field::new(
    "sourcemap",
    Shape::Choice(&["none", "linked", "embedded"]),
    "Where source maps go: nowhere, into a file beside the output, or into the output",
);

pub(super) const MINIFY: Field = Field::new("minify", Shape::Boolean, "Whether names and white space are shortened");

pub(super) const GATE: Field = Field::new(
    "gate",
    Shape::Boolean,
    "Whether every check has to pass before anything is placed, and cannot be skipped; `#false` when left out",
);

pub(super) const STRICT: Field = Field::new(
    "strict",
    Shape::Boolean,
    "Whether these are errors and not warnings: what a command reads and did not declare, and a module definition that does not load where `on-load-error` is `warn`; `#false` when left out",
);

/// The sandboxes of commands, the strongest first, as `webstir_process::Tier` names them.
const TIERS: &[&str] = &["namespace", "landlock", "tree"];

pub(super) const SANDBOX: Field = Field::new(
    "sandbox",
    Shape::Choice(TIERS),
    "The weakest sandbox that processes may be run in; `tree` when left out, `landlock` with `--ci`",
);

pub(super) const TARGET: Field =
    Field::new("target", Shape::Choice(TARGETS), "The language level of the output; es2022 when left out");

pub(super) const JSX: Field = Field::new(
    "jsx",
    Shape::Choice(&["automatic", "classic", "preserve"]),
    "How JSX is compiled; tsconfig.json otherwise",
);

pub(super) const JSX_IMPORT_SOURCE: Field =
    Field::new("jsx-import-source", Shape::Text, "The package with the JSX runtime; tsconfig.json otherwise")
        .example("\"preact\"");

/// One output for each source. `{dir}` is the source's directory below the root of the rule, with `_.._` for each step out of it.
pub(super) const EACH: OutputShape =
    OutputShape { placeholders: &["out", "dir", "name"], required: &["dir", "name"], directory: false, only: None };

/// One output.
pub(super) const ONE: OutputShape = OutputShape { placeholders: &["out"], required: &[], directory: false, only: None };
