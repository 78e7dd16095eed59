//! Random edits against an oracle: after each edit the incremental build gives what a clean one gives, and nothing ran that the edit
//! cannot affect.
//!
//! `WEBSTIR_ORACLE_EDITS` says how many edits (60), `WEBSTIR_ORACLE_SEED` where they start.

mod packages;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::support::{Case, Ran, ran};

/// A module of the model; it imports only modules of lower numbers.
#[derive(Clone, PartialEq)]
struct Module {
    imports: BTreeSet<u32>,
    body: u32,
    /// An exported function with so many parameters.
    parameters: u32,
    /// Which of its two places it has.
    moved: bool,
}

/// The workspace as it should be.
#[derive(Clone)]
pub(crate) struct Model {
    modules: BTreeMap<u32, Module>,
    /// What the server imports.
    server: BTreeSet<u32>,
    /// Functions, each of which imports one module.
    functions: BTreeMap<u32, u32>,
    version: u32,
    source_maps: bool,
    environment: u32,
    profile: &'static str,
    next: u32,
}

/// Numbers that look random and come again with the same seed (SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, values: impl IntoIterator<Item = T>) -> Option<T> {
        let values: Vec<T> = values.into_iter().collect();
        if values.is_empty() { None } else { Some(values[self.below(values.len())]) }
    }
}

fn path(number: u32, module: &Module) -> String {
    format!("src/backend/{}/m{number}.ts", if module.moved { "other" } else { "lib" })
}

impl Model {
    pub(crate) fn new(numbers: &mut Numbers) -> Self {
        let mut model = Self {
            modules: BTreeMap::new(),
            server: BTreeSet::new(),
            functions: BTreeMap::new(),
            version: 1,
            source_maps: true,
            environment: 0,
            profile: "build",
            next: 0,
        };
        for _ in 0..12 {
            model.add(numbers);
        }
        model
    }

    fn add(&mut self, numbers: &mut Numbers) {
        let number = self.next;
        self.next += 1;
        let imports = (0..numbers.below(3)).filter_map(|_| numbers.of(self.modules.keys().copied())).collect();
        self.modules.insert(number, Module { imports, body: 0, parameters: 1, moved: false });
        if numbers.below(3) > 0 {
            self.server.insert(number);
        } else {
            self.functions.insert(number, number);
        }
    }

    /// One edit; a name for it.
    pub(crate) fn edit(&mut self, numbers: &mut Numbers) -> &'static str {
        let Some(chosen) = numbers.of(self.modules.keys().copied()) else {
            self.add(numbers);
            return "add";
        };
        let imported = numbers.of(self.modules.range(..chosen).map(|(number, _)| *number));
        let is_large = self.modules.len() > 4;
        let module = self.modules.get_mut(&chosen).unwrap();
        match numbers.below(20) {
            0 | 1 => {
                self.add(numbers);
                "add"
            }
            2 if is_large => {
                self.modules.remove(&chosen);
                self.server.remove(&chosen);
                self.functions.retain(|_, imported| *imported != chosen);
                self.modules.values_mut().for_each(|module| {
                    module.imports.remove(&chosen);
                });
                "delete"
            }
            3 | 4 => {
                module.moved = !module.moved;
                "rename"
            }
            5..=9 => {
                module.body += 1;
                "body"
            }
            10 | 11 => {
                module.parameters = 1 + module.parameters % 3;
                "signature"
            }
            12 | 13 => {
                if let Some(imported) = imported
                    && !module.imports.remove(&imported)
                {
                    module.imports.insert(imported);
                }
                "import"
            }
            14 => {
                if !self.server.remove(&chosen) {
                    self.server.insert(chosen);
                }
                "entry"
            }
            15 => {
                self.source_maps = !self.source_maps;
                "config"
            }
            16 => {
                self.version += 1;
                "package"
            }
            17 => {
                self.environment = 1 - self.environment;
                "environment"
            }
            _ => {
                self.profile = numbers.of(["build", "test", "publish"]).unwrap();
                "profile"
            }
        }
    }

    /// One edit of the files alone: profile and environment are those of a process that stays.
    pub(crate) fn edit_files(&mut self, numbers: &mut Numbers) -> &'static str {
        let name = self.edit(numbers);
        (self.environment, self.profile) = (0, "build");
        name
    }

    /// Every file of the workspace.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let package = format!(
            r#"{{ "name": "oracle", "version": "{}.0.0", "type": "module", "webstir": {{ "mode": "api" }} }}"#,
            self.version
        );
        files.insert("package.json".to_owned(), package);
        let maps = if self.source_maps { "linked" } else { "none" };
        let kdl = format!(
            "workspace oracle {{\n  mode api\n}}\ntypecheck backend remove=#true\nprofile build {{\n  sourcemap {maps}\n}}\n"
        );
        files.insert("webstir.kdl".to_owned(), kdl);
        let import_of = |number: &u32| {
            let place = path(*number, &self.modules[number]).replace("src/backend/", "").replace(".ts", ".js");
            (format!("import {{ value{number} }} from \""), format!("{place}\";\n"))
        };
        for (number, module) in &self.modules {
            let mut text = String::new();
            for import in &module.imports {
                let (start, end) = import_of(import);
                text += &format!("{start}../{end}");
            }
            write!(text, "export const value{number}: number = {}", module.body).unwrap();
            for import in &module.imports {
                write!(text, " + value{import}").unwrap();
            }
            let parameters: Vec<String> = (0..module.parameters).map(|index| format!("p{index}: number")).collect();
            write!(text, ";\nexport const f{number} = ({}): number => p0 + value{number};\n", parameters.join(", "))
                .unwrap();
            files.insert(path(*number, module), text);
        }
        let mut server = String::new();
        for number in &self.server {
            let (start, end) = import_of(number);
            server += &format!("{start}./{end}");
        }
        let values: Vec<String> = self.server.iter().map(|number| format!("value{number}")).collect();
        server += &format!(
            "export const all: number[] = [{}];\nexport const mode = process.env.NODE_ENV;\n",
            values.join(", ")
        );
        files.insert("src/backend/index.ts".to_owned(), server);
        for (function, imported) in &self.functions {
            let (start, end) = import_of(imported);
            let text = format!("{start}../../{end}export const run = (): number => value{imported};\n");
            files.insert(format!("src/backend/functions/f{function}/index.ts"), text);
        }
        files
    }

    fn build(&self, case: &Case) -> Ran {
        let mut command = case.command();
        match self.profile {
            "publish" => command.args(["publish", "--json"]),
            profile => command.args(["build", "--json", "--profile", profile]),
        };
        if self.environment == 1 {
            command.env("NODE_ENV", "staging");
        }
        ran(command.output().unwrap())
    }

    /// Sources that some entry reaches.
    fn reached(&self) -> BTreeSet<String> {
        let mut open: Vec<u32> = self.server.iter().chain(self.functions.values()).copied().collect();
        let mut reached = BTreeSet::new();
        while let Some(number) = open.pop() {
            let module = &self.modules[&number];
            if reached.insert(path(number, module)) {
                open.extend(&module.imports);
            }
        }
        reached
    }
}

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
#[ignore = "long: an oracle"]
fn random_edits_build_as_a_clean_start_does() {
    let mut numbers = Numbers(setting("WEBSTIR_ORACLE_SEED", 1));
    let mut model = Model::new(&mut numbers);
    let case = Case::empty();
    let mut before: BTreeMap<String, String> = BTreeMap::new();
    let mut last = model.clone();
    for round in 0..setting("WEBSTIR_ORACLE_EDITS", 60) {
        let name = if round == 0 { "start" } else { model.edit(&mut numbers) };
        let files = model.files();
        let changed: BTreeSet<&String> =
            files.keys().chain(before.keys()).filter(|path| files.get(*path) != before.get(*path)).collect();
        for path in &changed {
            match files.get(*path) {
                Some(text) => case.write(path, text),
                None => case.remove(path),
            }
        }
        let told = format!("edit {round} ({name}), profile {}", model.profile);
        let incremental = model.build(&case);
        assert_eq!(incremental.code, Some(0), "{told}: {}", incremental.stderr);

        let clean = Case::empty();
        for (path, text) in &files {
            clean.write(path, text);
        }
        let fresh = model.build(&clean);
        assert_eq!(fresh.code, Some(0), "{told}: {}", fresh.stderr);
        let out = if model.profile == "publish" { "dist" } else { "build" };
        let (ours, theirs) = (case.tree(out), clean.tree(out));
        let differing: Vec<&String> = ours.iter().filter(|file| !theirs.contains(file)).map(|(path, _)| path).collect();
        assert!(ours == theirs, "{told}: {differing:?} differ, {} and {} files", ours.len(), theirs.len());
        assert_eq!(incremental.json()["artifacts"], fresh.json()["artifacts"], "{told}");
        assert_eq!(incremental.findings(), fresh.findings(), "{told}");

        // An edit of sources transpiles what it touched and what it made reachable; what is made of all of them may run as well.
        if round > 0 && !matches!(name, "config" | "environment" | "profile") {
            let (reached, earlier) = (model.reached(), last.reached());
            for label in incremental.actions(&["ran", "failed"]) {
                let subject = label.strip_prefix("transpile:backend(").and_then(|rest| rest.strip_suffix(')'));
                let Some(subject) = subject else { continue };
                let is_new = reached.contains(subject) && !earlier.contains(subject);
                let is_changed = changed.contains(&subject.to_owned());
                assert!(is_changed || is_new, "{told}: {label} ran, changed were {changed:?}");
            }
        }
        // Nothing is left to do, and a start without the log agrees.
        assert_eq!(model.build(&case).actions(&["ran", "failed"]), Vec::<String>::new(), "{told}");
        if round % 4 == 0 {
            case.remove(".webstir/start");
            assert_eq!(model.build(&case).actions(&["ran", "failed"]), Vec::<String>::new(), "{told}");
        }
        before = files;
        last = model.clone();
    }
}
