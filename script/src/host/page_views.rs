//! Page views for `@webstir-io/webstir-backend`. An answer is `{value}`, or `{fault}` with what is wrong.

#![expect(clippy::needless_pass_by_value, reason = "the engine passes arguments by value")]

use std::cmp::Ordering;

use rquickjs::{Ctx, Exception, Function, Object};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use webstir_contract::page_view::{PagePattern, page_views, path_segments};

/// Puts the functions into the object of the host.
pub(super) fn install<'js>(ctx: &Ctx<'js>, host: &Object<'js>) -> rquickjs::Result<()> {
    host.set("normalizePagePattern", Function::new(ctx.clone(), normalize_pattern)?)?;
    host.set("normalizePageRoutes", Function::new(ctx.clone(), normalize_routes)?)?;
    host.set("comparePagePatterns", Function::new(ctx.clone(), compare)?)?;
    host.set("matchPagePatterns", Function::new(ctx.clone(), find)?)
}

fn read<T: DeserializeOwned>(ctx: &Ctx<'_>, text: &str) -> rquickjs::Result<T> {
    serde_json::from_str(text)
        .map_err(|error| Exception::throw_message(ctx, &format!("The value cannot be checked: {error}")))
}

fn normalize_pattern(pattern: String) -> String {
    let answer = match PagePattern::parse(&pattern) {
        Ok(pattern) => json!({ "value": pattern.to_string() }),
        Err(fault) => json!({ "fault": fault }),
    };
    answer.to_string()
}

/// Takes declarations, gives `{page, pattern, name?}` in the order in which they are tried.
fn normalize_routes(ctx: Ctx<'_>, declared: String) -> rquickjs::Result<String> {
    let declared: Vec<Value> = read(&ctx, &declared)?;
    let (views, faults) = page_views(&declared);
    let answer = if let Some(fault) = faults.first() {
        json!({ "fault": fault.message })
    } else {
        let routes = views.into_iter().map(|view| {
            let mut route = json!({ "page": view.page, "pattern": view.pattern.to_string() });
            if let Some(name) = view.name {
                route["name"] = json!(name);
            }
            route
        });
        json!({ "value": routes.collect::<Value>() })
    };
    Ok(answer.to_string())
}

fn compare(left: String, right: String) -> i32 {
    match PagePattern::split(&left).specificity(&PagePattern::split(&right)) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}

/// Takes patterns and the decoded segments of a path, gives `{index, params}` of the first that matches, or null.
fn find(ctx: Ctx<'_>, patterns: String, path: String) -> rquickjs::Result<String> {
    let (patterns, path): (Vec<String>, Vec<String>) = (read(&ctx, &patterns)?, read(&ctx, &path)?);
    let found = path_segments(&path).and_then(|path| {
        patterns.iter().enumerate().find_map(|(index, pattern)| {
            let pattern = PagePattern::split(pattern);
            pattern.matches(&path).then(|| {
                let params = pattern.parameters(&path).map(|(name, value)| (name.to_owned(), json!(value)));
                json!({ "index": index, "params": params.collect::<Map<_, _>>() })
            })
        })
    });
    Ok(json!({ "value": found }).to_string())
}
