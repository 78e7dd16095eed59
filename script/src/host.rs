//! The functions that Rust lends to the prelude, as properties of one object.
//!
//! Bytes come in as strings with one character a byte and go out as typed arrays, so no function looks into the engine's memory.

mod digests;
mod urls;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::mpsc;

use rquickjs::{Ctx, Exception, Function, Object, TypedArray};
use serde_json::{Value, json};
use webstir_contract::definitions;
use webstir_contract::schema::{Shape, Step, validate};

use crate::evaluation::{LogLevel, LogLine, Message};
use crate::files::{FileKind, Question, QuestionKind};

/// The console of one evaluation.
pub(crate) type Log = Rc<RefCell<Vec<LogLine>>>;

const MAX_LINES: usize = 1000;
const MAX_LINE_CHARACTERS: usize = 4096;

/// The name of the global under which the prelude finds the object; the prelude deletes it.
const GLOBAL: &str = "__webstirHost";

/// Puts the object where the prelude finds it.
pub(crate) fn install(
    ctx: &Ctx<'_>,
    environment: &[(String, String)],
    log: &Log,
    messages: &mpsc::Sender<Message>,
) -> rquickjs::Result<()> {
    let host = Object::new(ctx.clone())?;
    let environment: Value = environment.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    host.set("environment", environment.to_string())?;
    host.set("contractVersion", webstir_contract::CONTRACT_VERSION)?;
    install_log(ctx, &host, log)?;
    install_files(ctx, &host, messages)?;
    host.set("hash", Function::new(ctx.clone(), digests::hash)?)?;
    host.set("hmac", Function::new(ctx.clone(), digests::hmac)?)?;
    host.set("parseUrl", Function::new(ctx.clone(), urls::parse)?)?;
    host.set("setUrlPart", Function::new(ctx.clone(), urls::set_part)?)?;
    host.set("checkContract", Function::new(ctx.clone(), check_contract)?)?;
    ctx.globals().set(GLOBAL, host)
}

fn install_log<'js>(ctx: &Ctx<'js>, host: &Object<'js>, log: &Log) -> rquickjs::Result<()> {
    let log = Rc::clone(log);
    let write = move |level: String, text: String| {
        let mut log = log.borrow_mut();
        if log.len() < MAX_LINES {
            let level = match level.as_str() {
                "debug" => LogLevel::Debug,
                "warn" => LogLevel::Warn,
                "error" => LogLevel::Error,
                _ => LogLevel::Info,
            };
            log.push(LogLine { level, text: text.chars().take(MAX_LINE_CHARACTERS).collect() });
        }
    };
    host.set("log", Function::new(ctx.clone(), write)?)
}

fn install_files<'js>(ctx: &Ctx<'js>, host: &Object<'js>, messages: &mpsc::Sender<Message>) -> rquickjs::Result<()> {
    let questions = messages.clone();
    let kind = move |ctx: Ctx<'js>, path: String| ask(&ctx, &questions, path, QuestionKind::Kind).map(FileKind::as_str);
    host.set("fileKind", Function::new(ctx.clone(), kind)?)?;
    let questions = messages.clone();
    let read = move |ctx: Ctx<'js>, path: String| {
        let bytes = ask(&ctx, &questions, path, QuestionKind::Read)?;
        bytes.map(|bytes| TypedArray::<u8>::new_copy(ctx.clone(), bytes)).transpose()
    };
    host.set("readFile", Function::new(ctx.clone(), read)?)?;
    let questions = messages.clone();
    let list = move |ctx: Ctx<'js>, path: String| {
        let entries = ask(&ctx, &questions, path, QuestionKind::List)?;
        let entries = entries
            .map(|entries| entries.into_iter().map(|(name, kind)| json!([name, kind.as_str()])).collect::<Value>());
        rquickjs::Result::Ok(entries.map(|entries| entries.to_string()))
    };
    host.set("listDirectory", Function::new(ctx.clone(), list)?)
}

/// Asks the calling thread. When it does not answer any more, it has reported why: the evaluation only has to end.
fn ask<T>(
    ctx: &Ctx<'_>,
    questions: &mpsc::Sender<Message>,
    path: String,
    kind: impl FnOnce(mpsc::Sender<T>) -> QuestionKind,
) -> rquickjs::Result<T> {
    let (reply, answer) = mpsc::channel();
    let sent = questions.send(Message::Question(Question { path, kind: kind(reply) }));
    sent.ok().and_then(|()| answer.recv().ok()).ok_or_else(|| Exception::throw_message(ctx, "EIO: i/o error"))
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
