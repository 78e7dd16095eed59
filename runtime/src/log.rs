//! The log: one record a line, as JSON or for people.
//!
//! A record has a level, a time, the name of the service, the mode, a message and fields. Scripts write records too; theirs come
//! as one JSON object and are merged into the line.

use std::fmt;
use std::io::Write;
use std::sync::Mutex;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use webstir_script::LogLevel;

/// What is always logged: what starts and supervises a server waits for it.
pub const READY: &str = "webstir::ready";

/// The field under which the record of a script travels.
const RECORD: &str = "record";

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// As pino writes them.
    Json,
    /// Time, level, message, `name=value`.
    Pretty { colour: bool },
}

/// Writes records to `sink`, one line at a time.
pub struct LogLayer<W> {
    format: LogFormat,
    level: LogLevel,
    service: String,
    mode: String,
    sink: Mutex<W>,
}

impl<W: Write + Send + 'static> LogLayer<W> {
    pub fn new(format: LogFormat, level: LogLevel, service: &str, mode: &str, sink: W) -> Self {
        Self { format, level, service: service.to_owned(), mode: mode.to_owned(), sink: Mutex::new(sink) }
    }

    fn line(&self, level: LogLevel, message: &str, fields: Map<String, Value>) -> String {
        let now = Timestamp::now();
        match self.format {
            LogFormat::Json => {
                let mut record = Map::new();
                record.insert("level".to_owned(), json!(number(level)));
                record.insert("time".to_owned(), json!(format!("{now:.3}")));
                record.insert("service".to_owned(), json!(self.service));
                record.insert("environment".to_owned(), json!(self.mode));
                // What a script writes must not pass for what is above.
                record.extend(fields.into_iter().filter(|(name, _)| !FIXED.contains(&name.as_str())));
                record.insert("msg".to_owned(), json!(message));
                Value::Object(record).to_string()
            }
            LogFormat::Pretty { colour } => pretty(now, level, message, &fields, colour),
        }
    }
}

const FIXED: [&str; 5] = ["level", "time", "service", "environment", "msg"];

fn number(level: LogLevel) -> u8 {
    match level {
        LogLevel::Trace => 10,
        LogLevel::Debug => 20,
        LogLevel::Info => 30,
        LogLevel::Warn => 40,
        LogLevel::Error => 50,
        LogLevel::Fatal => 60,
    }
}

/// Text of a script may hold anything: what would move the cursor is shown, not sent.
fn pretty(now: Timestamp, level: LogLevel, message: &str, fields: &Map<String, Value>, colour: bool) -> String {
    let (name, code) = match level {
        LogLevel::Trace => ("TRACE", "2"),
        LogLevel::Debug => ("DEBUG", "2"),
        LogLevel::Info => (" INFO", "32"),
        LogLevel::Warn => (" WARN", "33"),
        LogLevel::Error => ("ERROR", "31"),
        LogLevel::Fatal => ("FATAL", "31"),
    };
    let time = now.strftime("%H:%M:%S%.3f");
    let mut line = if colour {
        format!("\u{1b}[2m{time}\u{1b}[0m \u{1b}[{code}m{name}\u{1b}[0m ")
    } else {
        format!("{time} {name} ")
    };
    push_shown(&mut line, message);
    for (field, value) in fields {
        line.push(' ');
        push_shown(&mut line, field);
        line.push('=');
        match value {
            Value::String(text) if !text.is_empty() && !text.contains(' ') => push_shown(&mut line, text),
            Value::Object(error) if field == "err" => {
                let stack = error.get("stack").and_then(Value::as_str).unwrap_or_default();
                for (number, part) in stack.lines().enumerate() {
                    line.push_str(if number == 0 { "" } else { "\n    " });
                    push_shown(&mut line, part.trim());
                }
            }
            other => push_shown(&mut line, &other.to_string()),
        }
    }
    line
}

fn push_shown(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() && character != '\n' && character != '\t' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

impl<S: Subscriber, W: Write + Send + 'static> Layer<S> for LogLayer<W> {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _context: Context<'_, S>) -> bool {
        metadata.target() == READY
            || (metadata.target().starts_with("webstir")
                || metadata.target() == "worker"
                || metadata.target() == "script")
                && level_of(*metadata.level()) >= self.level
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = fields.level.unwrap_or_else(|| level_of(*event.metadata().level()));
        let mut line = self.line(level, &fields.message, fields.other);
        line.push('\n');
        let mut sink = self.sink.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Nobody is left to tell.
        let _ = sink.write_all(line.as_bytes()).and_then(|()| sink.flush());
    }
}

fn level_of(level: Level) -> LogLevel {
    match level {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        Level::ERROR => LogLevel::Error,
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    level: Option<LogLevel>,
    other: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        } else {
            self.other.insert(field.name().to_owned(), value);
        }
    }

    fn merge(&mut self, record: &str) {
        match serde_json::from_str(record) {
            Ok(Value::Object(mut record)) => {
                if let Some(Value::String(message)) = record.remove("message") {
                    self.message = message;
                }
                if let Some(Value::Object(fields)) = record.remove("fields") {
                    self.other.extend(fields);
                }
                self.other.extend(record);
            }
            _ => record.clone_into(&mut self.message),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            RECORD => self.merge(value),
            "fatal" => self.level = Some(LogLevel::Fatal),
            _ => self.put(field, json!(value)),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }
}

/// What a script logs: `{message, fields}`.
pub(crate) fn script(level: LogLevel, record: &str) {
    match level {
        LogLevel::Trace => tracing::trace!(target: "script", record),
        LogLevel::Debug => tracing::debug!(target: "script", record),
        LogLevel::Info => tracing::info!(target: "script", record),
        LogLevel::Warn => tracing::warn!(target: "script", record),
        LogLevel::Error => tracing::error!(target: "script", record),
        LogLevel::Fatal => tracing::error!(target: "script", record, fatal = "yes"),
    }
}
