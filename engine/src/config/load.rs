//! From texts to a configuration.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::config::kdl;
use crate::config::kdl::quoted;
use crate::config::read::{Draft, ProfileDraft, Reader, RuleDraft, WorkspaceDraft};
use crate::config::report::{Anchor, Report, listed, suggestion, workspace_file};
use crate::config::schema::{Field, Language, PROFILE_OUT};
use crate::config::value::{Block, Place, Spanned};
use crate::config::{Config, LARGEST_FILE, Rule, Workspace, outputs, resolve};
use crate::diagnostic::{Diagnostic, Span};
use crate::label::Label;
use crate::path::RelPath;

/// The preset that has nothing in it.
const NO_PRESET: &str = "none";

/// What a configuration is made of.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The text of `webstir.kdl`; `None` when there is no such file.
    pub text: Option<&'a str>,
    /// `webstir.mode` of `package.json`; `None` when it is not there.
    pub package_mode: Option<PackageMode<'a>>,
    /// What may be written.
    pub language: &'a Language,
}

/// `webstir.mode` of `package.json`.
#[derive(Debug, Clone, Copy)]
pub struct PackageMode<'a> {
    /// The text as it is written.
    pub text: &'a str,
    /// Where it is written.
    pub span: Option<Span>,
}

/// The text of a configuration file; a finding when it is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or("");
        let span = Span::locate(valid, valid.len(), valid.len());
        let message = format!("`{}` is not UTF-8 from this byte on", super::FILE_NAME);
        let diagnostic = Diagnostic::error("config::not_utf8", message).help("Save the file as UTF-8");
        Box::new(diagnostic.at(&workspace_file(), span))
    })
}

/// Reads and checks everything. Findings are sorted by their place.
pub fn load(inputs: &Inputs<'_>) -> (Config, Vec<Diagnostic>) {
    let mut report = Report::default();
    let config = Loading { language: inputs.language, report: &mut report }.load(inputs);
    (config, report.finish())
}

/// The rules of the preset and of the user as one.
struct Merged {
    rules: Vec<Rule>,
    /// Rules of the preset that the user removed, and where.
    removed: FxHashMap<Label, Place>,
}

struct Loading<'a> {
    language: &'a Language,
    report: &'a mut Report,
}

/// What was chosen to start from.
struct Start {
    mode: Option<Spanned<Arc<str>>>,
    preset: Option<&'static super::schema::Preset>,
    anchor: Anchor,
    /// Whether the choice could not be understood, so that rules of a preset may be missing.
    unknown: bool,
}

impl Loading<'_> {
    fn load(mut self, inputs: &Inputs<'_>) -> Config {
        let text = match inputs.text {
            Some(text) if text.len() > LARGEST_FILE => {
                let message = format!("`{}` is larger than 1 MiB", super::FILE_NAME);
                let help = "Nothing of it was read; a configuration has a few hundred lines at most";
                let span = Span::locate(text, 0, 0);
                self.report.add(Place::Written(span), Diagnostic::error("config::too_large", message).help(help));
                return Config::default();
            }
            text => text,
        };
        let (user, readable) = self.read(text.unwrap_or(""), false);
        if !readable {
            // What is missing may be in the nodes that could not be read, so nothing can be said about the whole.
            return Config::default();
        }
        let workspace = user.workspace.clone();
        let start = self.start(workspace.as_ref(), text.is_some(), inputs.package_mode);
        self.report.anchor = start.anchor.clone();
        let base = match start.preset {
            Some(preset) => self.read(preset.text, true).0,
            None => Draft::default(),
        };
        let complete = !start.unknown;

        let mut toolchain = base.toolchain;
        toolchain.patch(user.toolchain, self.language.toolchain, &[]);
        toolchain.invalid.clear();
        let drafts = self.merge_profiles(base.profiles, user.profiles, complete);
        let mut profiles = resolve::profiles(drafts, self.language, complete, self.report);
        let Merged { mut rules, removed } = self.merge_rules(base.rules, user.rules, complete);
        resolve::memberships(&mut rules, &profiles, self.language, complete, self.report);
        self.need_profile(&rules, profiles.is_empty() && complete);
        if complete {
            resolve::constraints(&rules, self.language, self.report);
        }
        resolve::references(&mut rules, &removed, self.language, complete, self.report);
        resolve::cycles(&rules, &profiles, self.report);
        outputs::check(&rules, &profiles, self.language, self.report);
        for fields in
            profiles.iter_mut().map(|profile| &mut profile.fields).chain(rules.iter_mut().map(|rule| &mut rule.fields))
        {
            fields.invalid.clear();
        }
        let WorkspaceDraft { name, fields } = workspace.unwrap_or_default();
        let environment = fields.texts("environment").cloned().collect();
        let workspace = Workspace { name, mode: start.mode, environment };
        Config { workspace, toolchain, profiles, rules, anchor: start.anchor }
    }

    /// One file, and whether all of its nodes could be read.
    fn read(&mut self, text: &str, preset: bool) -> (Draft, bool) {
        let document = kdl::read(text);
        let mut reader = Reader::new(text, self.language, self.report, preset);
        reader.faults(&document.faults);
        let draft = reader.document(&document.nodes);
        (draft, document.faults.iter().all(|fault| fault.kind == kdl::FaultKind::Depth))
    }

    /// Which mode and preset hold: those of `workspace`, else that of `package.json`.
    fn start(&mut self, workspace: Option<&WorkspaceDraft>, has_file: bool, package: Option<PackageMode<'_>>) -> Start {
        let fields = workspace.map(|workspace| &workspace.fields);
        let written = |field: &str| fields.and_then(|fields| fields.text(field)).cloned();
        let mut start = Start { mode: None, preset: None, anchor: Anchor::default(), unknown: false };
        let known: Vec<&str> = self.language.presets.iter().map(|preset| preset.name).collect();
        let mut chosen_by = Place::Elsewhere;
        let mut from_package = false;
        if let Some(mode) = written("mode") {
            if let Some(preset) = self.language.preset(&mode) {
                start.mode = Some(mode.clone());
                start.preset = Some(preset);
                chosen_by = mode.place;
            } else {
                start.unknown = true;
                let near = self.report.nearest(&mode, known.iter().copied());
                let help = suggestion(near, &format!("The modes are {}", listed(&known, "and")));
                let message = format!("There is no mode {}", quoted(&mode));
                self.report.add(mode.place, Diagnostic::error("config::unknown_mode", message).help(help));
            }
        } else if fields.is_some_and(|fields| fields.is_attempted("mode")) {
            start.unknown = true;
        } else {
            from_package = self.package_mode(has_file, package, &known, &mut start);
        }
        if let Some(preset) = written("preset") {
            from_package = false;
            chosen_by = preset.place;
            start.preset = self.language.preset(&preset);
            if start.preset.is_none() && &**preset != NO_PRESET {
                start.unknown = true;
                let choice = known.iter().copied().chain([NO_PRESET]);
                let near = self.report.nearest(&preset, choice.clone());
                let help = suggestion(near, &format!("The presets are {}", listed(choice, "and")));
                let message = format!("There is no preset {}", quoted(&preset));
                self.report.add(preset.place, Diagnostic::error("config::unknown_preset", message).help(help));
            }
        } else if fields.is_some_and(|fields| fields.is_attempted("preset")) {
            start.unknown = true;
        }
        start.anchor = if from_package {
            Anchor { file: Some(package_file()), span: package.and_then(|package| package.span), preset: None }
        } else if let Place::Written(span) = chosen_by {
            Anchor { file: Some(workspace_file()), span: Some(span), preset: None }
        } else {
            Anchor::default()
        };
        start.anchor.preset = start.preset.map(|preset| Arc::from(preset.name));
        start
    }

    /// Takes the mode of `package.json`; whether it decides.
    fn package_mode(
        &mut self,
        has_file: bool,
        package: Option<PackageMode<'_>>,
        known: &[&str],
        start: &mut Start,
    ) -> bool {
        let values = listed(known, "or");
        let Some(package) = package else {
            if !has_file {
                start.unknown = true;
                let message = "`webstir.mode` is missing in `package.json`, and there is no `webstir.kdl`";
                let help = format!("Set `webstir.mode` to {values}");
                let diagnostic = Diagnostic::error("config::missing_mode", message).help(help);
                self.report.push(diagnostic.in_file(&package_file()));
            }
            return false;
        };
        let mode = package.text.trim().to_lowercase();
        let Some(preset) = self.language.preset(&mode) else {
            start.unknown = true;
            let message = format!("`webstir.mode` is {}, which is no mode", quoted(package.text));
            let help = format!("Set it to {values}");
            let mut diagnostic = Diagnostic::error("config::unknown_mode", message).help(help).in_file(&package_file());
            diagnostic.span = package.span;
            self.report.push(diagnostic);
            return false;
        };
        start.mode = Some(Spanned::new(Arc::from(mode.as_str()), Place::Elsewhere));
        start.preset = Some(preset);
        true
    }

    fn nothing_to_remove(&mut self, what: &str, near: Option<&str>, rule: Option<&Label>, place: Place) {
        let message = match &self.report.anchor.preset {
            Some(preset) => format!("The preset `{preset}` has no {what} to remove"),
            None => format!("Without a preset there is no {what} to remove"),
        };
        let mut diagnostic = Diagnostic::error("config::nothing_to_remove", message);
        diagnostic.help = Some(suggestion(near, "Take `remove=#true` out, or the whole node"));
        self.report.add_to(rule, place, diagnostic);
    }

    fn blocks_to_remove(&mut self, rule: Option<&Label>, missing: Vec<(&'static str, Block)>) {
        for (field, block) in missing {
            let name = block.name.as_ref().map_or("", |name| &name.value);
            self.nothing_to_remove(&format!("`{field} {name}` here"), None, rule, block.place);
        }
    }

    fn merge_profiles(
        &mut self,
        base: Vec<ProfileDraft>,
        user: Vec<ProfileDraft>,
        complete: bool,
    ) -> Vec<ProfileDraft> {
        let schema: Vec<Field> = std::iter::once(&PROFILE_OUT).chain(self.language.profile).copied().collect();
        let mut profiles = base;
        for draft in user {
            let same = profiles.iter().position(|profile| profile.name == draft.name);
            match (same, draft.removed) {
                (Some(index), Some(_)) => {
                    profiles.remove(index);
                }
                (None, Some(place)) => {
                    if complete {
                        let near = self
                            .report
                            .nearest(&draft.name, profiles.iter().map(|profile| &*profile.name))
                            .map(str::to_owned);
                        self.nothing_to_remove(&format!("profile `{}`", draft.name), near.as_deref(), None, place);
                    }
                }
                (Some(index), None) => {
                    let profile = &mut profiles[index];
                    profile.place = draft.place;
                    if draft.extends.is_some() {
                        profile.extends = draft.extends;
                    }
                    profile.fields.patch(draft.fields, &schema, &[]);
                }
                (None, None) => profiles.push(draft),
            }
        }
        profiles
    }

    fn merge_rules(&mut self, base: Vec<RuleDraft>, user: Vec<RuleDraft>, complete: bool) -> Merged {
        let mut removed = FxHashMap::default();
        let mut drafts: Vec<Option<RuleDraft>> = base.into_iter().map(Some).collect();
        let index: FxHashMap<Label, usize> = drafts
            .iter()
            .enumerate()
            .filter_map(|(index, draft)| draft.as_ref().map(|draft| (draft.label.clone(), index)))
            .collect();
        for mut draft in user {
            let same = index.get(&draft.label).copied();
            match (same, draft.removed) {
                (Some(index), Some(place)) => {
                    drafts[index] = None;
                    removed.insert(draft.label, place);
                }
                (None, Some(place)) => {
                    if complete {
                        let known: Vec<String> = index.keys().map(ToString::to_string).collect();
                        let label = draft.label.to_string();
                        let near = self.report.nearest(&label, known.iter().map(String::as_str));
                        self.nothing_to_remove(&format!("rule `{label}`"), near, Some(&draft.label), place);
                    }
                }
                (Some(index), None) => {
                    let Some(rule) = &mut drafts[index] else { continue };
                    let Some(schema) = self.language.kind(draft.label.kind()) else { continue };
                    let fields: Vec<Field> = schema.all_fields().copied().collect();
                    rule.place = draft.place;
                    let missing = rule.fields.patch(draft.fields, &fields, schema.constraints);
                    self.blocks_to_remove(Some(&draft.label), missing);
                }
                (None, None) => {
                    let missing = draft.fields.take_removed();
                    self.blocks_to_remove(Some(&draft.label), missing);
                    drafts.push(Some(draft));
                }
            }
        }
        let rule = |draft: RuleDraft| Rule {
            label: draft.label,
            place: draft.place,
            fields: draft.fields,
            profiles: Arc::from([]),
        };
        Merged { rules: drafts.into_iter().flatten().map(rule).collect(), removed }
    }

    fn need_profile(&mut self, rules: &[Rule], lacking: bool) {
        if let Some(rule) = rules.first().filter(|_| lacking) {
            let diagnostic = Diagnostic::error("config::missing_profile", "There are rules, but no profile to build");
            let help = "Add `profile build { out \"build\" }`, or choose a preset in `workspace`";
            self.report.add_to(None, rule.place, diagnostic.help(help));
        }
    }
}

fn package_file() -> RelPath {
    RelPath::new("package.json").unwrap_or_else(|_| RelPath::root())
}
