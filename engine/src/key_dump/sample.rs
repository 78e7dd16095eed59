//! A dump to test with.

use std::sync::Arc;
use std::time::Duration;

use super::{ActionRecord, Keeping, KeyDump, Part};
use crate::action::{ActionKey, Origin};
use crate::config::settings::{Setting, SettingValue};
use crate::diagnostic::Span;
use crate::digest::Digest;
use crate::discovered::DiscoveredInput;
use crate::event::Status;
use crate::label::{ActionLabel, Label};
use crate::path::RelPath;
use crate::system::{FileContent, PathKind};

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(crate) fn input(name: &str, text: &str, origin: Origin) -> Part {
    Part::Input(path(name), FileContent { digest: digest(text), executable: false }, origin)
}

pub(crate) fn label(kind: &str, subject: Option<&str>) -> ActionLabel {
    ActionLabel { rule: Label::new(kind, "backend"), profile: Arc::from("build"), subject: subject.map(path) }
}

pub(crate) fn row(node: &str, field: &str, value: &str) -> Setting {
    let span = Span { start: 1, end: 2, line: 1, column: 2 };
    Setting { node: node.into(), field: field.into(), value: SettingValue::Text(value.into()), span: Some(span) }
}

pub(crate) fn action(label: ActionLabel, parts: Vec<Part>, artifacts: &[(&str, &str)]) -> ActionRecord {
    let key = ActionKey(digest(&format!("{label} {parts:?}")));
    let artifacts = artifacts.iter().map(|(name, text)| (path(name), digest(text))).collect();
    let duration = Duration::from_micros(70);
    let discovers_inputs = parts.iter().any(|part| matches!(part, Part::DiscoveredInput(..)));
    ActionRecord {
        label,
        status: Status::Ran,
        key,
        duration,
        keeping: Keeping::Kept,
        discovers_inputs,
        sandbox: None,
        carried: false,
        parts,
        artifacts,
    }
}

/// One of everything.
pub(crate) fn sample() -> KeyDump {
    let module = action(
        label("transpile", Some("src/a.ts")),
        vec![
            Part::Implementation(digest("webstir")),
            Part::Package(digest("compiler")),
            Part::Argument("{\"emit\":{\"target\":\"es2022\"},\"output\":\"build/a.js\"}".into()),
            Part::Directory(RelPath::root()),
            input("src/a.ts", "a", Origin::Workspace),
        ],
        &[("build/a.js", "a.js")],
    );
    let command = action(
        label("command", None),
        vec![
            Part::Implementation(digest("webstir")),
            Part::Program {
                name: "node".into(),
                file: digest("node"),
                interpreter: None,
                packages: Some(digest("packages")),
            },
            Part::Argument("--check".into()),
            Part::Argument("node".into()),
            Part::Directory(path("tools")),
            Part::Environment("CI".into(), digest("1")),
            input("build/a.js", "a.js", Origin::Store),
            Part::Output(path("build/out")),
            Part::DiscoveredInput(path("src"), DiscoveredInput::Entries(Some(digest("list")))),
            Part::DiscoveredInput(path("src/b.ts"), DiscoveredInput::Content(None)),
            Part::DiscoveredInput(path("src/c.ts"), DiscoveredInput::Kind(PathKind::File)),
            Part::DiscoveredInput(path("src/d.ts"), DiscoveredInput::RealPath(Some(path("src/e.ts")))),
            Part::DiscoveredInput(path("src/g"), DiscoveredInput::Selected("js ts".into(), digest("selected"))),
            Part::DiscoveredInput(path("src/f.ts"), DiscoveredInput::Derived("lines v1".into(), digest("f"))),
        ],
        &[("build/out", "out")],
    );
    let mut settings = vec![
        Setting { value: SettingValue::Glob("**/*.ts".into()), ..row("files:backend", "include", "") },
        row("transpile:backend", "target", "es2022"),
        Setting { value: SettingValue::Reference("files:backend".into()), ..row("transpile:backend", "entries", "") },
        Setting {
            value: SettingValue::Secret(digest("UTC")),
            span: None,
            ..row("command:backend", "environment.TZ", "")
        },
    ];
    settings.sort();
    KeyDump {
        program: "1".into(),
        profile: "build".into(),
        environment: vec![("CI".into(), digest("1"))],
        settings,
        files: vec![(path("src/a.ts"), digest("a")), (path("tsconfig.json"), digest("t"))],
        actions: vec![command, module],
    }
}
