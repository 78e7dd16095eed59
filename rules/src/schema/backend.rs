//! The rule kinds that lead from sources to artifacts.

use webstir_engine::config::schema::{
    Absent, BlockSchema, Constraint, Field, KindSchema, OutputShape, Shape, Source, Target,
};

use super::options::{DEFINE, EACH, JSX, JSX_IMPORT_SOURCE, MINIFY, ONE, SOURCEMAP, TARGET};

/// A rule that must be there wherever it is used.
const fn rule(kinds: &'static [&'static str]) -> Target {
    Target { kinds, absent: Absent::Refused }
}

pub(super) const FILES: KindSchema = KindSchema {
    kind: "files",
    doc: "A named set of source files",
    fields: &[
        Field::new(
            "from",
            Shape::Reference(rule(&["command"])),
            "The command that makes them: its outputs are placed in `base`, which is theirs alone and which git ignores",
        ),
        Field::new("base", Shape::Path, "The directory that the globs start from; the workspace root when left out"),
        Field::new("include", Shape::Globs, "The files that are in the set").required(),
        Field::new("exclude", Shape::Globs, "Files that are not, although `include` matches them"),
    ],
    constraints: &[Constraint::RequiredWith { field: "base", with: "from" }],
    sources: &[Source::Directory("base"), Source::Globs { globs: "include", base: Some("base") }],
};

const BUCKET: BlockSchema = BlockSchema {
    named: true,
    arguments: Some(&BUCKET_GLOBS),
    properties: &[
        Field::new("max", Shape::Integer(1, 10_000), "As many entries as there may be"),
        Field::new("optional", Shape::Boolean, "Whether there may be none; `#false` when left out"),
        Field::new(
            "linked",
            Shape::Boolean,
            "Whether its entries are written by a `bundle` with `linked #true` and by nothing else; `#false` when left out",
        ),
    ],
    fields: &[],
    merged: false,
};

const BUCKET_GLOBS: Field =
    Field::new("globs", Shape::Globs, "The entries, seen from the root; in this order").required();

const MODULE_DEFINITION: BlockSchema = BlockSchema {
    named: false,
    arguments: None,
    properties: &[],
    fields: &[
        Field::new("try", Shape::Globs, "Takes the first file that is there").repeated(),
        Field::new("try-export", Shape::Block(&TRY_EXPORT), "Takes the file if it exports the name").repeated(),
    ],
    merged: false,
};

const TRY_EXPORT: BlockSchema = BlockSchema {
    named: false,
    arguments: Some(&TRY_EXPORT_GLOB),
    properties: &[Field::new("name", Shape::Text, "The name that must be exported").example("\"module\"").required()],
    fields: &[],
    merged: false,
};

const TRY_EXPORT_GLOB: Field = Field::new("glob", Shape::Glob, "The file, seen from the root").required();

pub(super) const ENTRIES: KindSchema = KindSchema {
    kind: "entries",
    doc: "Where programs begin, found among files and sorted into buckets",
    fields: &[
        Field::new("from", Shape::Reference(rule(&["files"])), "The files to search").required(),
        Field::new(
            "root",
            Shape::Path,
            "The directory that the globs start from; the `base` of the files when left out",
        ),
        Field::new("bucket", Shape::Block(&BUCKET), "A kind of entries: a name and globs").repeated(),
        Field::new(
            "module-definition",
            Shape::Block(&MODULE_DEFINITION),
            "How the module definition is found: the first step that finds a file decides",
        ),
    ],
    constraints: &[],
    sources: &[],
};

pub(super) const TYPECHECK: KindSchema = KindSchema {
    kind: "typecheck",
    doc: "Checks the types of a TypeScript project; `publish` fails on an error",
    fields: &[
        Field::new("project", Shape::Path, "The tsconfig.json").example("\"src/backend/tsconfig.json\"").required(),
        Field::new(
            "on-missing-project",
            Shape::Choice(&["warn", "error", "ignore"]),
            "What happens when the project is not there; `error` when left out",
        ),
    ],
    constraints: &[],
    sources: &[Source::Directory("project")],
};

pub(super) const TRANSPILE: KindSchema = KindSchema {
    kind: "transpile",
    doc: "Compiles every module that can be reached from entries, each to one JavaScript file",
    fields: &[
        Field::new("entries", Shape::References(rule(&["entries"])), "Where to begin").required(),
        Field::new("root", Shape::Path, "The directory that `{dir}` starts from; the workspace root when left out"),
        Field::new(
            "out",
            Shape::Output(OutputShape { only: Some("emit"), ..EACH }),
            "Where the module of one source goes. Of a source outside of `root`, `{dir}` begins with `_.._` for each step out of it",
        )
        .required(),
        Field::new(
            "emit",
            Shape::Profiles,
            "The profiles in which `out` is written; in the others the modules are only there for bundles. All when left out",
        ),
        TARGET,
        DEFINE,
        SOURCEMAP,
        JSX,
        JSX_IMPORT_SOURCE,
    ],
    constraints: &[],
    sources: &[Source::Directory("root")],
};

pub(super) const BUNDLE: KindSchema = KindSchema {
    kind: "bundle",
    doc: "Links modules into one file an entry",
    fields: &[
        Field::new("modules", Shape::Reference(rule(&["transpile"])), "The rule that compiles the modules").required(),
        Field::new("entries", Shape::References(rule(&["entries"])), "What to link: every entry"),
        Field::new(
            "linked",
            Shape::Boolean,
            "Whether the entries of `linked` buckets are linked, or those of all others; `#false` when left out",
        ),
        Field::new(
            "module-definition",
            Shape::Reference(rule(&["entries"])),
            "What to link instead: the module definition that these entries find",
        ),
        Field::new(
            "packages",
            Shape::Choice(&["external", "bundle"]),
            "Whether imports of packages stay imports; `external` when left out",
        ),
        Field::new("external", Shape::Texts, "Imports that stay imports, packages or not")
            .example("\"better-sqlite3\""),
        Field::new("platform", Shape::Choice(&["node", "browser"]), "Where the output runs; `node` when left out"),
        Field::new("tree-shake", Shape::Boolean, "Whether unused code is left out; `#true` when left out"),
        TARGET,
        DEFINE,
        MINIFY,
        Field::new(
            "keep-names",
            Shape::Boolean,
            "Whether functions and classes are called at run time what the source calls them; `#false` when left out",
        ),
        SOURCEMAP,
        Field::new(
            "out",
            Shape::Output(OutputShape { required: &[], ..EACH }),
            "Where the bundle of one entry goes; `{dir}` and `{name}` are needed when there are several entries",
        )
        .required(),
    ],
    constraints: &[Constraint::ExactlyOne(&["entries", "module-definition"])],
    sources: &[],
};

const LIMITS: BlockSchema = BlockSchema {
    named: false,
    arguments: None,
    properties: &[],
    fields: &[
        Field::new("cpu", Shape::Duration, "Processor time; 2s when left out"),
        Field::new("memory", Shape::Size, "Memory; 256MiB when left out"),
    ],
    merged: true,
};

pub(super) const MANIFEST: KindSchema = KindSchema {
    kind: "manifest",
    doc: "Evaluates the module definition and merges it with what is declared",
    fields: &[
        Field::new("module", Shape::Reference(rule(&["bundle"])), "The bundle with the module definition").required(),
        Field::new("declared", Shape::Path, "The JSON file whose `webstir.moduleManifest` is merged in"),
        Field::new("limits", Shape::Block(&LIMITS), "What the evaluation may use"),
        Field::new("environment", Shape::Names, "The environment variables that the evaluation sees"),
        Field::new(
            "on-load-error",
            Shape::Choice(&["warn", "error"]),
            "What a module definition that throws means in `build`; elsewhere it is an error. `warn` when left out",
        ),
        Field::new("out", Shape::Output(ONE), "Where the manifest goes").required(),
    ],
    constraints: &[],
    sources: &[Source::Directory("declared")],
};

pub(super) const ARTIFACTS: KindSchema = KindSchema {
    kind: "artifacts",
    doc: "The sorted index of what other rules have made",
    fields: &[
        Field::new(
            "of",
            Shape::References(Target { kinds: super::process::WITH_OUTPUTS, absent: Absent::Skipped }),
            "The rules whose outputs are listed; those that are not part of the profile are left out",
        )
        .required(),
        Field::new("entry-points", Shape::References(rule(&["entries"])), "The entries whose outputs are entry points"),
        Field::new("out", Shape::Output(ONE), "Where the index goes").required(),
        Field::new(
            "engine",
            Shape::Choice(&["auto", "embedded", "worker"]),
            "What runs handlers: the engine in `webstir`, or Bun or Node; `auto`, which follows from the bundle, when left out",
        ),
        Field::new(
            "validate",
            Shape::Boolean,
            "Whether the server applies the schemas of routes to params, query and body; `#false` when left out",
        ),
    ],
    constraints: &[],
    sources: &[],
};
