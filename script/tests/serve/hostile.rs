//! Texts and documents from outside: whatever they are, no parser of the prelude throws, and what it keeps is bounded.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::server::start;

const PROGRAM: &str = r"
    import { parseCookieHeader } from '@webstir-io/webstir-backend/runtime/session';
    import { processFormSubmission, prepareFormState } from '@webstir-io/webstir-backend/runtime/forms';
    export const texts = (text) => {
      const map = new Bun.CookieMap(text);
      new URLSearchParams(text).toString();
      new TextDecoder().decode(Buffer.from(text, 'latin1'));
      Buffer.from(text, 'base64').toString(); Buffer.from(text, 'hex');
      const back = new TextDecoder().decode(new TextEncoder().encode(text));
      const cookies = Object.keys(parseCookieHeader(text)).length <= text.split(';').length;
      let token = false; try { token = Bun.CSRF.verify(text, { secret: 's' }) } catch (error) { if (text !== '') throw error }
      return [back === text, cookies, map.size <= text.split(';').length, token];
    };
    export const documents = (body, { formState }) => {
      const session = {};
      formState.adoptFormState(session, body);
      const state = formState.formStateOf(session);
      const plain = { session: { __webstir_form_runtime: body }, formId: 'f', csrf: true, body };
      const result = processFormSubmission(plain);
      prepareFormState({ session: body, formId: 'f' });
      JSON.stringify(result);
      const sizes = state === undefined ? [0, 0] : [Object.keys(state.csrf).length, Object.keys(state.states).length];
      return sizes.every((size) => size <= 32) && Object.values(state?.csrf ?? {}).every((tokens) => tokens.length <= 8);
    };";

fn document() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("csrf"),
        Just("states"),
        Just("values"),
        Just("issues"),
        Just("message"),
        Just("__proto__"),
        Just("f"),
        Just("_csrf")
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name.clone().prop_map(str::to_owned), inner), 0..6)
                .prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

#[test]
fn whatever_comes_in_is_survived() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let server = runtime.block_on(start(PROGRAM));
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let texts = "(\\PC|[;=%+&\"\\\\ -]|%[0-9a-f]{2}|\u{0}|a=b; ){0,40}";
    runner
        .run(&texts, |text| {
            let gave = runtime.block_on(server.call("texts", json!([text])));
            prop_assert_eq!(gave.unwrap(), json!([true, true, true, false]));
            Ok(())
        })
        .unwrap();
    runner
        .run(&document(), |document| {
            prop_assert_eq!(runtime.block_on(server.call("documents", json!([document]))).unwrap(), json!(true));
            Ok(())
        })
        .unwrap();
}
