//! Request hooks.

use serde_json::{Value, json};

use super::server::Server;

fn hooks_run_by_phase_order_and_name(server: &Server) {
    let reply = server.get("/hooks/all");
    assert_eq!(reply.json()["trace"], json!(["identify true", "early beforeHandler /hooks/all", "late"]));
    assert_eq!(reply.header("x-hook-after"), "ab");
}

fn who_a_hook_names_is_not_asked_again(server: &Server) {
    let by_hook = server.request("GET", "/hooks/all?as=ada").header("x-service-token", "first").send().json();
    assert_eq!(by_hook["auth"], json!({ "source": "hook", "userId": "ada" }));
    // After the hooks of that phase.
    let by_token = server.request("GET", "/hooks/all").header("x-service-token", "first").send().json();
    assert_eq!(
        (&by_token["trace"][0], &by_token["auth"]["source"]),
        (&json!("identify true"), &json!("service-token"))
    );
}

fn a_hook_may_open_the_required_session(server: &Server) {
    let mut visitor = server.visitor();
    let reply = visitor.get("/hooks/session");
    assert_eq!((reply.status, reply.json()["session"].clone()), (200, json!({ "opened": true })));
    assert!(visitor.cookie.is_some());
    assert_eq!(visitor.get("/session/look").json()["session"], json!({ "opened": true }));
}

fn a_result_ends_the_request(server: &Server) {
    let reply = server.get("/hooks/stop");
    assert_eq!((reply.status, reply.text(), reply.header("x-hook-after")), (202, "stopped", ""));
    server.message("request hook produced early response");
}

/// Null is nothing: the hooks after it run.
fn c16_null_stops_no_hook(server: &Server) {
    assert_eq!(server.get("/hooks/null").json()["trace"], json!(["late"]));
}

fn what_a_hook_throws_is_a_500(server: &Server) {
    let reply = server.get("/hooks/throw");
    assert_eq!((reply.status, reply.json()), (500, json!({ "error": "internal_error", "message": "hook failed" })));
    server.message("request hook failed");
}

fn unknown_hooks_are_warned_of_and_left_out(server: &Server) {
    assert_eq!(server.get("/hooks/unknown").json()["auth"], Value::Null);
    for (id, what) in [("no-implementation", "without an implementation"), ("no-metadata", "without manifest metadata")]
    {
        let warning = format!("Route \"unknown hooks\" references request hook \"{id}\" {what}.");
        server.record(&warning, |record| record["warning"] == *warning);
    }
}

in_every_host![
    hooks_run_by_phase_order_and_name,
    who_a_hook_names_is_not_asked_again,
    a_hook_may_open_the_required_session,
    a_result_ends_the_request,
    c16_null_stops_no_hook,
    what_a_hook_throws_is_a_500,
    unknown_hooks_are_warned_of_and_left_out,
];
