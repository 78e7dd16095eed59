//! `webstir config [--expanded | --reference]`.

use serde_json::{Value, json};
use webstir_engine::config::reference;
use webstir_engine::diagnostic::Severity;
use webstir_rules::schema::LANGUAGE;

use crate::Exit;
use crate::args::{Config, Global};
use crate::compose::{Failure, Workspace};
use crate::report;

pub(super) fn run(global: &Global, arguments: &Config) -> Result<Exit, Failure> {
    if arguments.reference {
        report::result(&reference(&LANGUAGE));
        return Ok(Exit::Done);
    }
    let workspace = Workspace::open(global)?;
    let config = &workspace.config;
    if global.json {
        let profiles: Vec<Value> = config
            .profiles()
            .iter()
            .map(|profile| json!({"name": profile.name(), "out": profile.path("out").map(|out| out.value.as_str())}))
            .collect();
        let rules: Vec<Value> = config
            .rules()
            .iter()
            .map(|rule| {
                let profiles: Vec<&str> = rule.profiles().iter().map(|name| &**name).collect();
                json!({
                    "label": rule.label().to_string(),
                    "kind": rule.label().kind(),
                    "name": rule.label().name(),
                    "profiles": profiles,
                })
            })
            .collect();
        report::result(&report::json::document(&json!({
            "ok": workspace.is_sound(),
            "name": config.workspace().name.as_ref().map(|name| &*name.value),
            "mode": config.workspace().mode.as_ref().map(|mode| &*mode.value),
            "profiles": profiles,
            "rules": rules,
            "expanded": config.expanded(),
            "diagnostics": report::json::diagnostics(&workspace.diagnostics),
        })));
    } else {
        report::terminal::findings(&workspace.diagnostics, &workspace.system, Severity::Warning);
        if arguments.expanded {
            report::result(&config.expanded());
        } else {
            let mut text = String::new();
            for profile in config.profiles() {
                let out = profile.path("out").map_or("", |out| out.value.as_str());
                text += &format!("profile {} -> {out}\n", profile.name());
            }
            for rule in config.rules() {
                text += &format!("{} ({})\n", rule.label(), rule.profiles().join(", "));
            }
            report::result(&text);
        }
    }
    Ok(if workspace.is_sound() { Exit::Done } else { Exit::Failed })
}
