//! The functions that Rust lends to the prelude, as properties of one object.
//!
//! Bytes come in as strings with one character a byte and go out as typed arrays, so no function looks into the engine's memory.

mod digests;
mod markup;
mod page_views;
mod texts;
mod urls;

use std::rc::Rc;

use rquickjs::{Ctx, Exception, Function, Object, TypedArray};
use serde_json::{Value, json};
use webstir_contract::definitions;
use webstir_contract::schema::{Shape, Step, validate};

use crate::evaluation::LogLevel;
use crate::files::{FileKind, FileReads};

pub(crate) use texts::from_byte_string;

/// The name of the global under which the prelude finds the object; the prelude deletes it.
const GLOBAL: &str = "__webstirHost";

/// What the functions work with.
pub(crate) struct Surroundings<'a> {
    /// `process.env`.
    pub(crate) environment: &'a [(String, String)],
    /// The directory that `process.cwd()` names, under which files are seen.
    pub(crate) root: &'a str,
    /// When the module runs, as the end of a sentence.
    pub(crate) occasion: &'a str,
    /// Where the console goes.
    pub(crate) log: Rc<dyn Fn(LogLevel, String)>,
    /// The files below `root`.
    pub(crate) files: Rc<dyn FileReads>,
}

/// The object with the functions of both modes.
pub(crate) fn object<'js>(ctx: &Ctx<'js>, surroundings: Surroundings<'_>) -> rquickjs::Result<Object<'js>> {
    let host = Object::new(ctx.clone())?;
    let environment: Value =
        surroundings.environment.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    host.set("environment", environment.to_string())?;
    host.set("root", surroundings.root)?;
    host.set("occasion", surroundings.occasion)?;
    host.set("contractVersion", webstir_contract::CONTRACT_VERSION)?;
    let log = surroundings.log;
    host.set(
        "log",
        Function::new(ctx.clone(), move |level: String, text: String| log(LogLevel::from_name(&level), text))?,
    )?;
    install_files(ctx, &host, &surroundings.files)?;
    host.set("hash", Function::new(ctx.clone(), digests::hash)?)?;
    host.set("hmac", Function::new(ctx.clone(), digests::hmac)?)?;
    host.set("encodeUtf8", Function::new(ctx.clone(), texts::encode)?)?;
    host.set("decodeUtf8", Function::new(ctx.clone(), texts::decode)?)?;
    host.set("escapeHtml", Function::new(ctx.clone(), markup::escape)?)?;
    host.set("parseUrl", Function::new(ctx.clone(), urls::parse)?)?;
    host.set("setUrlPart", Function::new(ctx.clone(), urls::set_part)?)?;
    page_views::install(ctx, &host)?;
    host.set("checkContract", Function::new(ctx.clone(), check_contract)?)?;
    Ok(host)
}

/// Puts the object where the prelude finds it.
pub(crate) fn lend<'js>(ctx: &Ctx<'js>, host: Object<'js>) -> rquickjs::Result<()> {
    ctx.globals().set(GLOBAL, host)
}

fn install_files<'js>(ctx: &Ctx<'js>, host: &Object<'js>, files: &Rc<dyn FileReads>) -> rquickjs::Result<()> {
    let reads = Rc::clone(files);
    let kind = move |ctx: Ctx<'js>, path: String| reads.kind(&path).map(FileKind::as_str).or_else(|_| unreadable(&ctx));
    host.set("fileKind", Function::new(ctx.clone(), kind)?)?;
    let reads = Rc::clone(files);
    let read = move |ctx: Ctx<'js>, path: String| {
        let bytes = reads.read(&path).or_else(|_| unreadable(&ctx))?;
        bytes.map(|bytes| TypedArray::<u8>::new_copy(ctx.clone(), bytes)).transpose()
    };
    host.set("readFile", Function::new(ctx.clone(), read)?)?;
    let reads = Rc::clone(files);
    let list = move |ctx: Ctx<'js>, path: String| {
        let entries = reads.list(&path).or_else(|_| unreadable(&ctx))?;
        let entries = entries
            .map(|entries| entries.into_iter().map(|(name, kind)| json!([name, kind.as_str()])).collect::<Value>());
        rquickjs::Result::Ok(entries.map(|entries| entries.to_string()))
    };
    host.set("listDirectory", Function::new(ctx.clone(), list)?)
}

fn unreadable<T>(ctx: &Ctx<'_>) -> rquickjs::Result<T> {
    Err(Exception::throw_message(ctx, "EIO: i/o error"))
}

#[expect(clippy::needless_pass_by_value, reason = "the engine passes arguments by value")]
/// Checks a document against a part of the contract: `{data}`, or `{issues}` as zod words them.
fn check_contract(ctx: Ctx<'_>, part: String, document: String) -> rquickjs::Result<String> {
    let shape: &Shape = match part.as_str() {
        "manifest" => &definitions::MODULE_MANIFEST,
        "requestHook" => &definitions::REQUEST_HOOK,
        "route" => &definitions::ROUTE,
        "routeInput" => &definitions::ROUTE_INPUT,
        "routeOutput" => &definitions::ROUTE_OUTPUT,
        "view" => &definitions::VIEW,
        "moduleError" => &definitions::MODULE_ERROR,
        _ => return Err(Exception::throw_message(&ctx, "There is no such schema")),
    };
    let value: Value = serde_json::from_str(&document)
        .map_err(|error| Exception::throw_message(&ctx, &format!("The value cannot be checked: {error}")))?;
    let result = match validate(&value, shape) {
        Ok(data) => json!({ "data": data }),
        Err(violations) => {
            let issues = violations.iter().map(|violation| {
                let path = violation.path.iter().map(|step| match step {
                    Step::Key(key) => json!(key),
                    Step::Index(index) => json!(index),
                });
                json!({ "code": "custom", "path": path.collect::<Value>(), "message": violation.message })
            });
            json!({ "issues": issues.collect::<Value>() })
        }
    };
    Ok(result.to_string())
}
