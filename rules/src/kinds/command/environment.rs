//! The variables of a command.

use std::collections::BTreeMap;

use webstir_engine::config::Literal;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::digest::Digest;
use webstir_engine::plan::Planner;

use crate::kinds::out_root;
use crate::processes::undeclared::OUT;
use crate::secrets;

/// What the process sees, sorted by name: values that the rule sets, and allow-listed values that it passes on.
pub(super) fn environment(planner: &Planner<'_>) -> Box<[(Box<str>, Box<str>)]> {
    let mut environment: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();
    if let Some(out) = out_root(planner.scope()) {
        environment.insert(OUT.into(), out.as_str().into());
    }
    for name in planner.node.texts("environment") {
        if let Some(value) = planner.environment(&name.value) {
            environment.insert(Box::from(&*name.value), Box::from(value));
        }
    }
    for pair in planner.node.pairs("environment") {
        let value = match &pair.value.value {
            Literal::Text(text) => text.to_string(),
            other => other.to_string(),
        };
        environment.insert(Box::from(&*pair.name.value), value.into());
    }
    environment.into_iter().collect()
}

/// The secrets that the process sees, sorted by name. One that is not set is an error: the command would do something else without it.
pub(super) fn secrets(planner: &mut Planner<'_>) -> Box<[(Box<str>, Digest)]> {
    let mut secrets: BTreeMap<Box<str>, Digest> = BTreeMap::new();
    let mut findings = Vec::new();
    for name in planner.node.texts("secret") {
        if let Some(digest) = planner.secret(&name.value) {
            secrets.insert(Box::from(&*name.value), digest);
            continue;
        }
        let message = format!("The secret `{}` is not set", name.value);
        let diagnostic = planner.config.put(Diagnostic::error("command::no_secret", message), name.place);
        findings.push(diagnostic.help("Set the variable in the environment of this program"));
    }
    let all = secrets::names(planner.config);
    for name in planner.node.texts("environment").filter(|name| all.contains(&name.value)) {
        let message = format!("`{}` is a secret, and `environment` would show it", name.value);
        let diagnostic = planner.config.put(Diagnostic::error("command::secret_shown", message), name.place);
        findings.push(diagnostic.help(format!("Pass it with `secret \"{}\"`", name.value)));
    }
    for finding in findings {
        planner.report(finding);
    }
    secrets.into_iter().collect()
}
