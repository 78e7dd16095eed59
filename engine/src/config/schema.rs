//! The language as tables: what kinds of rules there are and what may stand in them.
//!
//! The engine knows how to read a [`Shape`]; a crate of rules declares a [`KindSchema`] a rule kind and hands all of them over as
//! one [`Language`]. Everything here is `'static` plain data.

/// All that may be written in `webstir.kdl`.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// The rule kinds, in the order in which they are documented.
    pub kinds: &'static [KindSchema],
    /// Fields of a `profile` besides `out`.
    pub profile: &'static [Field],
    /// Fields of `toolchain`.
    pub toolchain: &'static [Field],
    /// The presets; their names are also the workspace modes.
    pub presets: &'static [Preset],
}

impl Language {
    /// The schema of a rule kind.
    pub fn kind(&self, name: &str) -> Option<&'static KindSchema> {
        self.kinds.iter().find(|kind| kind.kind == name)
    }

    /// The preset of that name.
    pub fn preset(&self, name: &str) -> Option<&'static Preset> {
        self.presets.iter().find(|preset| preset.name == name)
    }
}

/// Rules that a workspace starts from.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Its name, which is a workspace mode as well.
    pub name: &'static str,
    /// Profiles and rules in the language of `webstir.kdl`.
    pub text: &'static str,
}

/// One rule kind: a node `<kind> <name> { <fields> }`.
#[derive(Debug, Clone, Copy)]
pub struct KindSchema {
    /// The name of the node.
    pub kind: &'static str,
    /// One sentence for people.
    pub doc: &'static str,
    /// What may stand in it, besides `profiles` and `needs`.
    pub fields: &'static [Field],
    /// What holds between its fields.
    pub constraints: &'static [Constraint],
    /// The places that it reads as source and that no output may overwrite.
    pub sources: &'static [Source],
}

/// One field: a node inside a rule, a profile or a block; or a property or the arguments of a block.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// How it is written.
    pub name: &'static str,
    /// One sentence for people.
    pub doc: &'static str,
    /// A value as it could be written; where there is none, the shape gives one.
    pub example: Option<&'static str>,
    /// What its value looks like.
    pub shape: Shape,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be there more than once.
    pub repeated: bool,
}

impl Field {
    /// A field that may be left out and stands at most once.
    pub const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, doc, example: None, shape, required: false, repeated: false }
    }

    /// The same field, with a value to show.
    #[must_use]
    pub const fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    /// The same field, which must be there.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same field, which may be there more than once.
    #[must_use]
    pub const fn repeated(mut self) -> Self {
        self.repeated = true;
        self
    }
}

/// What the value of a field looks like.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// One text that is not empty.
    Text,
    /// One or more texts.
    Texts,
    /// One or more names of environment variables.
    Names,
    /// Names of environment variables to pass on, and `NAME=value` pairs to set.
    Environment,
    /// A path inside the workspace.
    Path,
    /// One glob.
    Glob,
    /// One or more globs.
    Globs,
    /// Where one output goes.
    Output(OutputShape),
    /// Where several outputs go; each is a file, or a directory that belongs to the rule as a whole.
    Outputs,
    /// `#true` or `#false`.
    Boolean,
    /// A whole number between two bounds, both included.
    Integer(u64, u64),
    /// `"500ms"`, `"2s"`, `"5m"`, `"1h"`.
    Duration,
    /// `"512B"`, `"64KiB"`, `"256MiB"`, `"1GiB"`.
    Size,
    /// An exact version, `"7.0.2"`.
    Version,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One rule.
    Reference(Target),
    /// One or more rules.
    References(Target),
    /// A name and a value, one pair a node.
    Pair,
    /// One or more profiles.
    Profiles,
    /// A node with its own contents.
    Block(&'static BlockSchema),
}

/// Which rules a reference may name.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The rule kinds; all of them when empty.
    pub kinds: &'static [&'static str],
    /// What it means when the rule that is named is not part of a profile of the rule that names it.
    pub absent: Absent,
}

/// What a reference to a rule outside the profile means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// A mistake.
    Refused,
    /// Nothing: the reference is left out in that profile.
    Skipped,
}

/// The template of an output path.
#[derive(Debug, Clone, Copy)]
pub struct OutputShape {
    /// The placeholders that may be used.
    pub placeholders: &'static [&'static str],
    /// The placeholders that must be used.
    pub required: &'static [&'static str],
    /// Whether the path is a directory that other rules may write to as well.
    pub directory: bool,
    /// The field with the profiles in which the output is written, when those are fewer than the rule's.
    pub only: Option<&'static str>,
}

/// A node with its own contents: `<field> <name> <arguments>.. <property>=<value>.. { <fields> }`.
#[derive(Debug, Clone, Copy)]
pub struct BlockSchema {
    /// Whether the first argument is a name, which must be unique among the blocks of the field.
    pub named: bool,
    /// What the (other) arguments are. The field's name is the one under which they are found.
    pub arguments: Option<&'static Field>,
    /// What may be written as `name=value`.
    pub properties: &'static [Field],
    /// What may stand between the braces.
    pub fields: &'static [Field],
    /// Whether a patch changes single fields of the block instead of the whole block.
    pub merged: bool,
}

impl BlockSchema {
    /// Every field, wherever it is written.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> {
        self.arguments.into_iter().chain(self.properties).chain(self.fields)
    }
}

/// What holds between the fields of a rule.
#[derive(Debug, Clone, Copy)]
pub enum Constraint {
    /// One of these fields is there, and only one.
    ExactlyOne(&'static [&'static str]),
    /// The field is there unless the boolean field `unless` has the value `is`.
    RequiredUnless {
        /// The field that must be there.
        field: &'static str,
        /// The boolean field.
        unless: &'static str,
        /// Its value that makes the other field optional.
        is: bool,
    },
    /// The field is there where the field `with` is.
    RequiredWith {
        /// The field that must be there.
        field: &'static str,
        /// The other field.
        with: &'static str,
    },
}

/// A place that a rule reads as source.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// The path field of this name.
    Directory(&'static str),
    /// The globs in the field `globs`, below the path in the field `base`.
    Globs {
        /// The field with the globs.
        globs: &'static str,
        /// The field with the directory they start from; the workspace root when there is none.
        base: Option<&'static str>,
    },
}

/// Fields that every rule has.
pub(super) const COMMON: &[Field] = &[
    Field::new("profiles", Shape::Profiles, "The profiles that the rule is part of; all of them when left out"),
    Field::new(
        "needs",
        Shape::References(Target { kinds: &[], absent: Absent::Skipped }),
        "Rules that must be done before this one, although it reads nothing of theirs",
    ),
];

/// The output root of a profile.
pub(super) const PROFILE_OUT: Field =
    Field::new("out", Shape::Path, "The directory that `{out}` stands for; two profiles may share one")
        .example("\"build\"")
        .required();

/// The environment of a workspace.
pub(super) const WORKSPACE: &[Field] = &[
    Field::new("mode", Shape::Text, "What kind of workspace this is; also the preset when none is named")
        .example("api"),
    Field::new("preset", Shape::Text, "The rules that the workspace starts from, or `none`").example("api"),
    Field::new("environment", Shape::Names, "The environment variables that rules may read; no others reach them")
        .example("\"NODE_ENV\""),
];

impl KindSchema {
    /// Every field of the kind, the common ones included.
    pub fn all_fields(&self) -> impl Iterator<Item = &'static Field> + Clone + use<> {
        self.fields.iter().chain(COMMON)
    }
}
