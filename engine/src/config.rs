//! The configuration: `webstir.kdl` and the preset as checked data.
//!
//! [`load`] never fails: it gives a [`Config`] of everything that could be understood, and findings for the rest. A configuration
//! with an error among its findings is good for showing, not for building. What may be written is a [`Language`](schema::Language),
//! which the rule kinds declare; the engine knows `workspace`, `toolchain`, `profile` and how a rule looks.
//!
//! | code | what is wrong |
//! | --- | --- |
//! | `config::not_utf8` | the file is not UTF-8 |
//! | `config::too_large` | the file is larger than 1 MiB |
//! | `config::too_deep` | blocks are nested too deep |
//! | `config::too_many` | not all findings are shown |
//! | `config::syntax` | the text is not KDL 2 |
//! | `config::unknown_node` | a top-level node that does not exist |
//! | `config::unknown_field` | a field that its node does not have |
//! | `config::unknown_property` | a `name=value` that its node does not have |
//! | `config::unexpected_value` | a value or block where none belongs |
//! | `config::missing_name` | a rule, profile or block without its name |
//! | `config::missing_value` | a field without a value |
//! | `config::missing_field` | a field that must be there |
//! | `config::missing_profile` | rules, but no profile |
//! | `config::contradiction` | fields that exclude each other |
//! | `config::wrong_type` | for example a text instead of a number |
//! | `config::bad_name` `bad_text` `bad_number` `bad_choice` `bad_glob` `bad_path` `bad_template` `bad_duration` `bad_size` `bad_version` | the type is right, the value is not (each with the prefix `config::`) |
//! | `config::duplicate_name` | two nodes of one name |
//! | `config::duplicate_field` | a field twice |
//! | `config::unknown_reference` | a rule that does not exist |
//! | `config::ambiguous_reference` | several rules have the name |
//! | `config::wrong_reference_kind` | a rule of another kind than the field takes |
//! | `config::reference_not_in_profile` | a rule that is not there in every profile it is needed in |
//! | `config::cycle` | rules that wait for each other |
//! | `config::output_conflict` | one output of two rules, or the output root of a profile in that of another |
//! | `config::output_outside` | an output outside of the workspace |
//! | `config::output_overwrites_source` | an output over something that is read |
//! | `config::unknown_profile` | a profile that does not exist |
//! | `config::profile_cycle` | profiles that extend each other |
//! | `config::unknown_preset` `unknown_mode` | a preset or mode that does not exist (each with the prefix `config::`) |
//! | `config::missing_mode` | neither `webstir.kdl` nor a mode in `package.json` |
//! | `config::nothing_to_remove` | `remove=#true` on what the preset does not have |

pub mod edit;
pub mod glob;
mod kdl;
mod load;
mod merge;
mod outputs;
mod print;
mod quantity;
mod read;
mod reference;
mod report;
mod resolve;
pub mod schema;
pub mod settings;
pub mod template;
pub mod value;

use std::ops::Deref;
use std::sync::Arc;

pub use self::load::{Inputs, PackageMode, decode, load};
pub use self::quantity::size as parse_size;
pub use self::reference::reference;
pub use self::template::Template;
pub use self::value::{Block, Fields, Literal, Pair, Place, Spanned};
use crate::diagnostic::Diagnostic;
use crate::label::Label;

/// The name of the configuration file, at the workspace root.
pub const FILE_NAME: &str = "webstir.kdl";

/// The largest configuration file that is read, in bytes.
pub const LARGEST_FILE: usize = 1 << 20;

/// Everything that is configured: the preset, patched by `webstir.kdl`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    workspace: Workspace,
    toolchain: Fields,
    profiles: Vec<Profile>,
    rules: Vec<Rule>,
    anchor: report::Anchor,
}

/// The workspace as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workspace {
    /// Its name.
    pub name: Option<Spanned<Arc<str>>>,
    /// What kind of workspace it is: the name of a preset.
    pub mode: Option<Spanned<Arc<str>>>,
    /// The environment variables that rules may read.
    pub environment: Vec<Spanned<Arc<str>>>,
}

/// A way to build: an output root and defaults for the rules, with what it extends filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    name: Arc<str>,
    place: Place,
    fields: Fields,
}

impl Profile {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its head is written.
    pub fn place(&self) -> Place {
        self.place
    }
}

/// A profile is asked for its fields directly; `path("out")` is the output root.
impl Deref for Profile {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    label: Label,
    place: Place,
    fields: Fields,
    profiles: Arc<[Arc<str>]>,
}

impl Rule {
    /// Its kind and name.
    pub fn label(&self) -> &Label {
        &self.label
    }

    /// Where its head is written: by the user if they patch it.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The profiles it is part of.
    pub fn profiles(&self) -> &[Arc<str>] {
        &self.profiles
    }

    /// Whether it is part of a profile.
    pub fn in_profile(&self, profile: &str) -> bool {
        self.profiles.iter().any(|name| **name == *profile)
    }

    /// Whether the field, whose shape is profiles, names a profile. A field that is not there names all of them.
    pub fn names_profile(&self, field: &str, profile: &str) -> bool {
        !self.fields.has(field) || self.fields.texts(field).any(|name| *name.value == *profile)
    }
}

/// A rule is asked for its fields directly.
impl Deref for Rule {
    type Target = Fields;

    fn deref(&self) -> &Fields {
        &self.fields
    }
}

impl Config {
    /// The workspace as a whole.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The tools and their versions.
    pub fn toolchain(&self) -> &Fields {
        &self.toolchain
    }

    /// Every profile, the preset's first.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The profile of that name.
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.iter().find(|profile| &*profile.name == name)
    }

    /// Every rule, the preset's first.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules of a profile.
    pub fn rules_in(&self, profile: &str) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.in_profile(profile))
    }

    /// The rule of that label.
    pub fn rule(&self, label: &Label) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.label == *label)
    }

    /// Puts a diagnostic at a place of this configuration. A place in a preset becomes the place that chose the preset, with a note.
    #[must_use]
    pub fn put(&self, diagnostic: Diagnostic, place: Place) -> Diagnostic {
        self.anchor.put(diagnostic, place)
    }

    /// Adds another place of this configuration to a diagnostic.
    #[must_use]
    pub fn relate(&self, diagnostic: Diagnostic, message: impl Into<String>, place: Place) -> Diagnostic {
        self.anchor.relate(diagnostic, message, place)
    }

    /// Everything written out as KDL, without a preset. Reading it back gives the same configuration but for the places.
    pub fn expanded(&self) -> String {
        print::print(self)
    }

    /// The same configuration without any place: two of these are equal when they mean the same.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        self.anchor = report::Anchor::default();
        let Workspace { name, mode, environment } = &mut self.workspace;
        for value in name.iter_mut().chain(mode).chain(environment) {
            value.place = Place::Elsewhere;
        }
        self.toolchain.forget_places();
        for profile in &mut self.profiles {
            profile.place = Place::Elsewhere;
            profile.fields.forget_places();
        }
        for rule in &mut self.rules {
            rule.place = Place::Elsewhere;
            rule.fields.forget_places();
        }
        self
    }
}

#[cfg(test)]
mod tests;
