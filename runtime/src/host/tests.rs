//! One route of a small module, in either host.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Calls, Embedded, EmbeddedSettings, HandlerHost, HostReply, HostedModule, HostedText, Interpreter, WorkerSettings,
    Workers,
};

/// What runs the module.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Served {
    Embedded,
    Worker,
}

/// Loads `source`, calls its first route with `fields` in the message, and ends the host; gives what the dispatcher said of the
/// module, and the reply.
pub(crate) async fn serve_one(
    served: Served,
    root: &Path,
    variables: &[(&str, &str)],
    source: &str,
    fields: Value,
) -> (Value, HostReply) {
    let module = HostedModule::linked(root, "module.mjs", HostedText::new(source), None);
    let calls = Calls::new();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let (environment, root, limits) = (variables.collect(), root.to_owned(), crate::HandlerLimits::default());
    let (host, description): (Box<dyn HandlerHost>, String) = match served {
        Served::Embedded => {
            let settings = EmbeddedSettings { environment, root, isolates: NonZeroUsize::MIN, limits };
            let (host, description) = Embedded::start(module, settings, Arc::clone(&calls)).await.unwrap();
            (Box::new(host), description)
        }
        Served::Worker => {
            // What lies there is of no matter.
            std::fs::write(module.path(), "throw new Error('another build')").unwrap();
            let search_path = std::env::var("PATH").unwrap();
            let interpreter = Interpreter::find(&root, Some(&search_path)).unwrap();
            let count = NonZeroUsize::MIN;
            let settings = WorkerSettings { interpreter, environment, root, count, limits };
            let (host, description) = Workers::start(module, settings, Arc::clone(&calls)).await.unwrap();
            (Box::new(host), description)
        }
    };
    let call = calls.open(None);
    let mut message = json!({
        "op": "route", "route": 0, "call": call.id(), "requestId": "1", "bindings": {},
        "request": { "method": "GET", "url": "http://localhost/", "path": "/" },
        "headers": [], "cookies": {}, "params": {}, "query": {},
    });
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let reply = host.call(message.to_string(), None).await.unwrap();
    host.close().await;
    (serde_json::from_str(&description).unwrap(), reply)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_of_every_kind_are_applied() {
    let source = "
        const standard = { '~standard': { version: 1, vendor: 'test', validate: (value) =>
          value.page === '1' ? { value: { page: 1 } } : { issues: [{ message: 'No page', path: [{ key: 'page' }] }] } } };
        const data = { type: 'object', properties: { id: { type: 'string', pattern: '^[0-9]+$' } }, required: ['id'] };
        const broken = { type: 'object', properties: { a: { $ref: 'https://example.com/a.json' } } };
        export const module = { routes: [{
          definition: { name: 'read', path: '/' }, schemas: { params: data, query: standard, body: broken },
          handler: ({ params, query }) => ({ body: { params, query } }) }] };";
    for served in [Served::Embedded, Served::Worker] {
        let root = tempfile::tempdir().unwrap();
        let fields = json!({ "validate": true, "params": { "id": "7" }, "query": { "page": "1" } });
        let (description, reply) = serve_one(served, root.path(), &[], source, fields).await;
        assert_eq!(description["routes"][0]["schemas"], json!(["params", "query"]), "{served:?}");
        let warning = description["warnings"][0].as_str().unwrap();
        assert!(warning.starts_with("The body schema of route \"read\" is not applied: "), "{warning}");
        let body: Value = serde_json::from_slice(&reply.body.unwrap()).unwrap();
        assert_eq!(body, json!({ "params": { "id": "7" }, "query": { "page": 1 } }));
        let fields = json!({ "validate": true, "params": { "id": "x" }, "query": {} });
        let (_, reply) = serve_one(served, root.path(), &[], source, fields).await;
        let result: Value = serde_json::from_str(&reply.message).unwrap();
        let details = result["result"]["errors"].as_array().unwrap().iter().map(|error| error["details"].clone());
        let expected = [
            json!({ "in": "params", "path": "id", "reason": "pattern" }),
            json!({ "in": "query", "path": "page", "reason": "invalid" }),
        ];
        assert_eq!(details.collect::<Vec<_>>(), expected);
        assert_eq!(result["result"]["status"], 400);
    }
}
