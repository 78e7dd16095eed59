//! The `imports` of the `package.json` that is nearest to a module: what specifiers that start with `#` mean.

use serde_json::Value;
use webstir_engine::path::RelPath;

/// Conditions that hold for a module of the workspace, besides `default`.
const CONDITIONS: [&str; 3] = ["node", "import", "module"];

/// The `imports` of one `package.json`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PackageImports {
    entries: Box<[Entry]>,
    /// Where the file lies; its targets are seen from there.
    pub(super) directory: RelPath,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Entry {
    /// With at most one `*` that means something.
    pattern: Box<str>,
    /// What to take, the first choice first.
    targets: Box<[Box<str>]>,
}

impl Default for PackageImports {
    fn default() -> Self {
        Self { entries: Box::default(), directory: RelPath::root() }
    }
}

impl PackageImports {
    /// Reads the text of a `package.json`. A file without `imports`, or one that is not JSON, has none: that file's faults are
    /// reported by whoever reads it for its own sake.
    pub fn parse(directory: &RelPath, package_json: &[u8]) -> Self {
        let Ok(Value::Object(package)) = serde_json::from_slice(package_json) else { return Self::default() };
        let Some(Value::Object(imports)) = package.get("imports") else { return Self::default() };
        let entries = imports.iter().filter(|(pattern, _)| pattern.starts_with('#')).map(|(pattern, target)| {
            let mut targets = Vec::new();
            collect(target, &mut targets);
            Entry { pattern: pattern.as_str().into(), targets: targets.into_boxed_slice() }
        });
        Self { entries: entries.collect(), directory: directory.clone() }
    }

    /// What `specifier` stands for, the first choice first: specifiers relative to the directory of the file, or of packages.
    pub(super) fn targets(&self, specifier: &str) -> Vec<String> {
        if let Some(entry) = self.entries.iter().find(|entry| *entry.pattern == *specifier) {
            return entry.targets.iter().map(|target| target.clone().into_string()).collect();
        }
        let best = self
            .entries
            .iter()
            .filter_map(|Entry { pattern, targets }| {
                let (before, after) = pattern.split_once('*')?;
                let star = specifier.strip_prefix(before)?.strip_suffix(after)?;
                (!star.is_empty()).then_some((before.len(), star, targets))
            })
            .max_by_key(|(length, _, _)| *length);
        best.map_or_else(Vec::new, |(_, star, targets)| {
            targets.iter().map(|target| target.replace('*', star)).collect()
        })
    }
}

/// The targets that the conditions allow. The first condition that holds decides, as Node has it.
fn collect(target: &Value, targets: &mut Vec<Box<str>>) -> bool {
    match target {
        Value::String(text) => {
            targets.push(text.as_str().into());
            true
        }
        Value::Array(choices) => {
            let mut any = false;
            for choice in choices {
                any |= collect(choice, targets);
            }
            any
        }
        Value::Object(conditions) => conditions
            .iter()
            .filter(|(name, _)| *name == "default" || CONDITIONS.contains(&name.as_str()))
            .any(|(_, target)| collect(target, targets)),
        // `null` forbids the specifier.
        Value::Null => true,
        _ => false,
    }
}
