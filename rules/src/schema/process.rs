//! The rule kinds for what webstir does not know how to do.

use webstir_engine::config::schema::{Absent, Constraint, Field, KindSchema, OutputShape, Shape, Source, Target};

/// The rule kinds that make files.
pub(super) const WITH_OUTPUTS: &[&str] = &["transpile", "bundle", "manifest", "command", "copy"];

/// A set of files, or what another rule has made.
const READABLE: &[&str] = &["files", "transpile", "bundle", "manifest", "artifacts", "command", "copy"];

pub(super) const COMMAND: KindSchema = KindSchema {
    kind: "command",
    doc: "Runs a program in a tree of its own, in which lies what is declared here",
    fields: &[
        Field::new("run", Shape::Texts, "The program and its arguments; no shell is involved")
            .example("\"node\" \"script.mjs\"")
            .required(),
        Field::new("directory", Shape::Path, "Where it runs; the workspace root when left out"),
        Field::new(
            "inputs",
            Shape::Globs,
            "The files of the workspace that it reads; those that its command line names need not be listed",
        ),
        Field::new(
            "from",
            Shape::References(Target { kinds: READABLE, absent: Absent::Refused }),
            "Rules whose files or outputs it reads",
        ),
        Field::new(
            "outputs",
            Shape::Outputs,
            "The files and directories that it writes, and all that is kept of its tree; a directory is its own as a whole",
        ),
        Field::new(
            "environment",
            Shape::Environment,
            "Environment variables to pass on (`NAME`) or to set (`NAME=value`)",
        ),
        Field::new(
            "secret",
            Shape::Names,
            "Environment variables to pass on whose values nobody may read: they are hidden in all that is said, and in no output",
        )
        .example("\"REGISTRY_TOKEN\""),
        Field::new("network", Shape::Boolean, "Whether it may use the network; `#false` when left out"),
        Field::new(
            "strict",
            Shape::Boolean,
            "Whether it is an error that it reads what it did not declare; what the profile says when left out",
        ),
        Field::new("cache", Shape::Boolean, "Whether the result is kept; `#true` when left out"),
        Field::new(
            "problems",
            Shape::Choice(&["tsc", "eslint", "eslint-unix", "gcc", "json"]),
            "How what it prints is read, so that what it says of a file is shown there; not read when left out",
        ),
        Field::new("timeout", Shape::Duration, "When it is stopped; 10m when left out"),
    ],
    constraints: &[Constraint::RequiredUnless { field: "outputs", unless: "cache", is: false }],
    sources: &[Source::Globs { globs: "inputs", base: None }],
};

pub(super) const COPY: KindSchema = KindSchema {
    kind: "copy",
    doc: "Puts files into the output as they are",
    fields: &[
        Field::new(
            "from",
            Shape::References(Target { kinds: READABLE, absent: Absent::Refused }),
            "What to copy. Files keep their path below the `base` of their set",
        )
        .required(),
        Field::new(
            "to",
            Shape::Output(OutputShape { placeholders: &["out"], required: &[], directory: true, only: None }),
            "The directory to copy into; other rules may write there too",
        )
        .required(),
    ],
    constraints: &[],
    sources: &[],
};
