//! The same for packages that are checked one by one: what is found after an edit is what a clean build finds, and no package is
//! checked that the edit cannot concern.
//!
//! `WEBSTIR_ORACLE_PACKAGE_EDITS` says how many edits (6).

use std::collections::{BTreeMap, BTreeSet};

use super::{Numbers, setting};
use crate::support::Case;

const PACKAGES: usize = 4;

/// A package. It imports packages of lower numbers.
#[derive(Clone)]
struct Package {
    imports: BTreeSet<usize>,
    body: u32,
    /// The number in the name of the field that its interface has.
    field: u32,
    /// The fields that it believes the packages below to have.
    believed: BTreeMap<usize, u32>,
    /// Whether its declarations follow from its text.
    declares: bool,
    /// A function whose type only inference tells.
    infers: bool,
}

struct Model(Vec<Package>);

impl Model {
    fn new() -> Self {
        let package = |number: usize| Package {
            imports: (0..number).filter(|below| number - below < 3).collect(),
            body: 0,
            field: 0,
            believed: (0..number).map(|below| (below, 0)).collect(),
            declares: true,
            infers: false,
        };
        Self((0..PACKAGES).map(package).collect())
    }

    /// One edit; its name and the packages whose check it may concern.
    fn edit(&mut self, numbers: &mut Numbers) -> (&'static str, BTreeSet<usize>) {
        let chosen = numbers.below(PACKAGES);
        let above = self.above(chosen);
        let package = &mut self.0[chosen];
        match numbers.below(12) {
            0..=3 => {
                package.body += 1;
                let is_hidden = package.declares && !package.infers;
                ("body", if is_hidden { BTreeSet::from([chosen]) } else { above })
            }
            4 | 5 => {
                package.field += 1;
                ("field", above)
            }
            6..=8 => {
                let fields: Vec<u32> = self.0.iter().map(|package| package.field).collect();
                let package = &mut self.0[chosen];
                package.believed.iter_mut().for_each(|(below, field)| *field = fields[*below]);
                ("repair", BTreeSet::from([chosen]))
            }
            9 if chosen > 0 => {
                let below = numbers.below(chosen);
                if !package.imports.remove(&below) {
                    package.imports.insert(below);
                }
                ("import", above)
            }
            // Every check is told which projects declare.
            10 => {
                package.declares = !package.declares;
                ("declares", (0..PACKAGES).collect())
            }
            _ => {
                package.infers = !package.infers;
                ("infers", (0..PACKAGES).collect())
            }
        }
    }

    /// A package and everything that reaches it.
    fn above(&self, package: usize) -> BTreeSet<usize> {
        let mut above = BTreeSet::from([package]);
        for (number, package) in self.0.iter().enumerate() {
            if package.imports.iter().any(|below| above.contains(below)) {
                above.insert(number);
            }
        }
        above
    }

    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        let mut kdl = "workspace chain\nprofile build { out \"build\"; }\n".to_owned();
        files.insert("package.json".to_owned(), r#"{ "name": "chain", "type": "module" }"#.to_owned());
        for (number, package) in self.0.iter().enumerate() {
            kdl += &format!("typecheck p{number} {{ project \"packages/p{number}/tsconfig.json\"; }}\n");
            let place = format!("packages/p{number}");
            let manifest =
                format!(r#"{{ "name": "@chain/p{number}", "type": "module", "exports": "./src/index.ts" }}"#);
            files.insert(format!("{place}/package.json"), manifest);
            let project = format!(
                r#"{{ "compilerOptions": {{ "module": "nodenext", "strict": true, "noEmit": true, "types": [], "declaration": true, "isolatedDeclarations": {} }}, "include": ["src"] }}"#,
                package.declares && !package.infers
            );
            files.insert(format!("{place}/tsconfig.json"), project);
            let mut text = "import { base } from \"./base.js\";\n".to_owned();
            for below in &package.imports {
                text += &format!("import {{ make{below}, type I{below} }} from \"@chain/p{below}\";\n");
            }
            text += &format!("export interface I{number} {{ field{}: number; }}\n", package.field);
            text += &format!(
                "export function make{number}(): I{number} {{ return {{ field{}: base() }}; }}\n",
                package.field
            );
            for below in &package.imports {
                // The trap: what is declared here stays the same when the interface below changes.
                text += &format!("export function via{number}to{below}(): I{below} {{ return make{below}(); }}\n");
                text += &format!("export const use{below}: number = make{below}().field{};\n", package.believed[below]);
                for further in &self.0[*below].imports {
                    text += &format!(
                        "import {{ via{below}to{further} }} from \"@chain/p{below}\";\nexport const far{below}to{further}: number = via{below}to{further}().field{};\n",
                        package.believed[further]
                    );
                }
            }
            if package.infers {
                text += "export const inferred = () => ({ made: base() });\n";
            }
            files.insert(format!("{place}/src/index.ts"), text);
            let base = format!("export function base(): number {{ return {}; }}\n", package.body);
            files.insert(format!("{place}/src/base.ts"), base);
        }
        files.insert("webstir.kdl".to_owned(), kdl);
        files
    }
}

fn write(case: &Case, files: &BTreeMap<String, String>, before: &BTreeMap<String, String>) {
    for (path, text) in files.iter().filter(|(path, text)| before.get(*path) != Some(text)) {
        case.write(path, text);
    }
    if before.is_empty() {
        for number in 0..PACKAGES {
            case.link(&format!("node_modules/@chain/p{number}"), &format!("../../packages/p{number}"));
        }
    }
}

#[test]
#[ignore = "long: an oracle"]
fn packages_are_checked_as_a_clean_build_checks_them() {
    let mut numbers = Numbers(setting("WEBSTIR_ORACLE_SEED", 1));
    let mut model = Model::new();
    let case = Case::empty();
    let mut before = BTreeMap::new();
    for round in 0..=setting("WEBSTIR_ORACLE_PACKAGE_EDITS", 6) {
        let (name, concerned) = match round {
            0 => ("start", (0..PACKAGES).collect()),
            _ => model.edit(&mut numbers),
        };
        let files = model.files();
        let changes = files != before;
        write(&case, &files, &before);
        let told = format!("edit {round} ({name}) of {concerned:?}");
        let incremental = case.build(&[]);
        let clean = Case::empty();
        write(&clean, &files, &BTreeMap::new());
        let fresh = clean.build(&[]);
        assert_eq!(incremental.code, fresh.code, "{told}: {}{}", incremental.stderr, fresh.stderr);
        let errors = |ran: &crate::support::Ran| -> Vec<serde_json::Value> {
            // Which package says that another does not declare depends on which of them is checked.
            let document = ran.json();
            let found = document["diagnostics"].as_array().unwrap().iter();
            found.filter(|found| found["severity"] == "error").cloned().collect()
        };
        assert_eq!(errors(&incremental), errors(&fresh), "{told}");
        let ran = incremental.actions(&["ran", "failed"]);
        for label in &ran {
            let number: usize = label.strip_prefix("typecheck:p").unwrap().parse().unwrap();
            assert!(concerned.contains(&number), "{told}: {ran:?}");
        }
        assert!(!changes || !ran.is_empty() || name == "repair", "{told}: nothing was checked");
        assert_eq!(case.build(&[]).actions(&["ran", "failed"]), Vec::<String>::new(), "{told}");
        before = files;
    }
}
