//! The functions that Rust lends to the prelude of a serving isolate, beside those of both modes.
//!
//! Bytes come in as strings with one character a byte and go out as typed arrays, so no function looks into the engine's memory.

use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rquickjs::{Ctx, Exception, Function, Object, TypedArray};

use super::agenda::Agenda;
use crate::host::from_byte_string;

/// Adds the functions.
pub(super) fn extend<'js>(ctx: &Ctx<'js>, host: &Object<'js>, agenda: &Rc<Agenda>) -> rquickjs::Result<()> {
    let started = Instant::now();
    host.set("elapsed", Function::new(ctx.clone(), move || started.elapsed().as_secs_f64() * 1e3)?)?;
    host.set("randomBytes", Function::new(ctx.clone(), random_bytes)?)?;
    let timers = Rc::clone(agenda);
    let start_timer =
        move |id: f64, delay: f64| timers.start_timer(id_of(id), Duration::from_secs_f64(delay.max(0.0) / 1e3));
    host.set("startTimer", Function::new(ctx.clone(), start_timer)?)?;
    let timers = Rc::clone(agenda);
    host.set("stopTimer", Function::new(ctx.clone(), move |id: f64| timers.stop_timer(id_of(id)))?)?;
    let operations = Rc::clone(agenda);
    let start_operation =
        move |ctx: Ctx<'js>, id: f64, name: String, message: String, body: Option<String>, is_bytes: bool| {
            let body = match body {
                Some(text) if is_bytes => Some(Bytes::from(from_byte_string(&ctx, &text)?)),
                text => text.map(Bytes::from),
            };
            operations.start_operation(id_of(id), &name, message, body);
            rquickjs::Result::Ok(())
        };
    host.set("startOperation", Function::new(ctx.clone(), start_operation)?)?;
    let directories = Rc::clone(agenda);
    let make_directory = move |path: String| directories.make_directory(&path).is_ok();
    host.set("makeDirectory", Function::new(ctx.clone(), make_directory)?)?;
    let operations = Rc::clone(agenda);
    host.set("stopOperation", Function::new(ctx.clone(), move |id: f64| operations.stop_operation(id_of(id)))?)
}

/// Ids are counted by the prelude and stay far below 2^53.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
fn id_of(number: f64) -> u64 {
    number as u64
}

fn random_bytes(ctx: Ctx<'_>, length: usize) -> rquickjs::Result<TypedArray<'_, u8>> {
    let mut bytes = vec![0; length.min(1 << 16)];
    getrandom::fill(&mut bytes)
        .map_err(|error| Exception::throw_message(&ctx, &format!("No random numbers: {error}")))?;
    TypedArray::new(ctx, bytes)
}
