//! Sessions, messages and forms, as visitors see them.

use std::thread;

use serde_json::{Value, json};

use super::server::{Server, eventually};

const REQUIRED: &str =
    r#"{"errors":[{"code":"session_required","message":"This route requires an existing session."}]}"#;

fn a_session_lives_from_sign_in_to_sign_out(server: &Server) {
    let mut visitor = server.visitor();
    assert_eq!(visitor.get("/session").json()["session"], Value::Null);
    assert_eq!(visitor.cookie, None, "reading makes no session");
    let signed_in = visitor.post("/session/sign-in", "user=ada");
    assert_eq!((signed_in.status, signed_in.header("location")), (303, "/session"));
    let cookie = signed_in.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=86400; SameSite=Lax; HttpOnly"), "{cookie}");
    let value = visitor.cookie.clone().unwrap();
    let (id, signature) = value.strip_prefix("webstir_session=").unwrap().split_once('.').unwrap();
    assert_eq!((id.len(), signature.len()), (36, 43));

    let first = visitor.get("/session");
    assert_eq!(first.json()["session"], json!({ "userId": "ada" }));
    let flash = &first.json()["flash"];
    assert_eq!((&flash[0]["key"], &flash[0]["level"], &flash[1]), (&json!("saved"), &json!("success"), &Value::Null));
    assert!(flash[0]["createdAt"].as_str().unwrap().ends_with('Z'));
    assert_eq!(first.all("set-cookie"), Vec::<&str>::new(), "reading sets no cookie");
    assert_eq!(visitor.get("/session").json()["flash"], json!([]), "a message is delivered once");
    assert_eq!(visitor.get("/session/always").json()["flash"][0]["level"], "info", "what nobody took stays");

    let old = visitor.cookie.clone();
    let signed_out = visitor.post("/session/sign-out", "");
    assert!(signed_out.header("set-cookie").starts_with("webstir_session=; Path=/; Max-Age=0;"), "{signed_out:?}");
    visitor.cookie = old;
    let stale = visitor.get("/session");
    assert_eq!(stale.json()["session"], Value::Null);
    assert!(stale.header("set-cookie").contains("Max-Age=0"), "a stale cookie is cleared");
}

fn cookies_that_do_not_verify_are_cleared(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/a", "1");
    let good = visitor.cookie.clone().unwrap();
    for bad in [format!("{good}x"), "webstir_session=a.b".to_owned(), "webstir_session=nodot".to_owned()] {
        visitor.cookie = Some(bad.clone());
        let reply = visitor.get("/session/look");
        assert_eq!(reply.json()["session"], Value::Null, "{bad}");
        assert!(reply.header("set-cookie").contains("Max-Age=0"), "{bad}");
    }
    visitor.cookie = Some(format!("webstir_session=forged.x; {good}"));
    assert_eq!(visitor.get("/session/look").json()["session"], json!({ "a": 1 }), "the last of a name counts");
    visitor.cookie = Some("webstir_session=".to_owned());
    assert_eq!(visitor.get("/session/look").all("set-cookie"), Vec::<&str>::new(), "an empty one is none");
}

fn identity_and_lifetime_are_readable_and_not_stored(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/a", "1");
    let meta = visitor.get("/session/meta").json();
    assert_eq!(
        meta,
        json!({ "readable": ["string", "string", "string"], "enumerable": ["a"], "json": "{\"a\":1}", "own": true })
    );
}

/// A request that began before the visitor signed out and ends after it brings nothing back.
fn s1_a_slow_request_does_not_resurrect_a_session(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/first", "1");
    let cookie = visitor.cookie.clone().unwrap();
    let slow = visitor.cookie.clone().unwrap();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let request = server.request("POST", "/session/put-slowly/resurrected").json("true");
            request.header("cookie", &slow).send().status
        });
        visitor.post("/session/sign-out", "");
        eventually("the slow request waits", || {
            server.request("POST", "/session/release/resurrected").send().json() == true
        });
        assert_eq!(writing.join().unwrap(), 204);
    });
    visitor.cookie = Some(cookie);
    assert_eq!(visitor.get("/session/look").json()["session"], Value::Null);
}

fn s1_what_two_requests_change_is_all_kept(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/first", "1");
    let slow = visitor.cookie.clone().unwrap();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            server.request("POST", "/session/put-slowly/slow").json("2").header("cookie", &slow).send().status
        });
        eventually("the slow request has its session", || {
            visitor.post_json("/session/put/quick", "3");
            server.request("POST", "/session/release/slow").send().json() == true
        });
        assert_eq!(writing.join().unwrap(), 204);
    });
    assert_eq!(visitor.get("/session/look").json()["session"], json!({ "first": 1, "quick": 3, "slow": 2 }));
}

fn s2_signing_in_changes_the_id(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/cart", "[7]");
    let before = visitor.cookie.clone().unwrap();
    visitor.post("/session/sign-in", "user=ada");
    let after = visitor.cookie.clone().unwrap();
    assert_ne!(before, after);
    assert_eq!(visitor.get("/session").json()["session"], json!({ "cart": [7], "userId": "ada" }));
    visitor.cookie = Some(before);
    assert_eq!(visitor.get("/session/look").json()["session"], Value::Null, "the id from before is of no use");
}

fn s2_c15_data_chooses_neither_id_nor_lifetime(server: &Server) {
    let mut visitor = server.visitor();
    let data = json!({ "id": "chosen", "createdAt": "then", "expiresAt": "2999-01-01T00:00:00.000Z" });
    visitor.post_json("/session/assign", &data.to_string());
    assert!(!visitor.cookie.as_deref().unwrap().contains("chosen"));
    assert_eq!(visitor.get("/session/look").json()["session"], data, "they are ordinary fields");
}

fn s4_messages_alone_are_no_session(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post("/session/sign-in", "");
    visitor.get("/session");
    visitor.post("/session/sign-out-flash", "");
    assert!(visitor.cookie.is_some(), "the message is kept for the visitor");
    assert_eq!(visitor.get("/session/required").shown(), (401, "application/json", REQUIRED));
    let next = visitor.get("/session").json();
    assert_eq!((&next["session"], &next["flash"][0]["key"]), (&Value::Null, &json!("saved")));
}

fn s4_the_token_of_a_form_is_no_session(server: &Server) {
    let mut visitor = server.visitor();
    visitor.get("/form");
    assert!(visitor.cookie.is_some());
    assert_eq!(visitor.get("/session/required").status, 401);
}

fn c15_a_copied_session_keeps_its_forms(server: &Server) {
    let mut visitor = server.visitor();
    let token = visitor.get("/form").json()["token"].clone();
    visitor.post("/session/sign-in", "user=ada");
    let form = format!("_csrf={}&title=Long", token.as_str().unwrap());
    assert_eq!(visitor.post("/form?inline", &form).status, 303);
    assert_eq!(visitor.get("/session/look").json()["session"]["title"], "Long");
}

fn c15_what_is_not_json_is_refused_in_every_store(server: &Server) {
    let mut visitor = server.visitor();
    let reply = visitor.post("/session/unstorable", "");
    assert_eq!((reply.status, visitor.cookie), (500, None));
}

fn sessions_that_are_no_objects_are_refused(server: &Server) {
    assert_eq!(server.visitor().post_json("/session/assign", "3").status, 500);
    assert_eq!(server.visitor().post_json("/session/assign", "\"text\"").status, 500);
    let mut visitor = server.visitor();
    visitor.post_json("/session/assign", "[1]");
    assert_eq!(visitor.get("/session/look").json()["session"], json!({ "0": 1 }));
}

fn routes_require_sessions(server: &Server) {
    for (method, path) in [
        ("GET", "/session/required"),
        ("POST", "/session/form-required"),
        ("GET", "/session/declared"),
        ("POST", "/session/conflict"),
        ("GET", "/session/declared-without-method"),
    ] {
        let reply = server.request(method, path).send();
        assert_eq!(reply.shown(), (401, "application/json", REQUIRED), "{method} {path}");
        assert_eq!((reply.all("set-cookie"), reply.header("x-request-id").len()), (vec![], 36));
        let mut visitor = server.visitor();
        visitor.post_json("/session/put/a", "1");
        assert_eq!(visitor.send(server.request(method, path)).status, 200, "{method} {path}");
    }
    let tampered = server.request("GET", "/session/required").header("cookie", "webstir_session=a.b").send();
    assert_eq!(tampered.status, 401);
    assert!(tampered.header("set-cookie").contains("Max-Age=0"));
    server.record("the conflict is told", |record| {
        record["msg"] == "[webstir-backend] module configuration warning"
            && record["warning"].as_str().is_some_and(|warning| warning.contains("using 'required'"))
    });
}

fn messages_follow_the_outcome(server: &Server) {
    let mut visitor = server.visitor();
    let failed = visitor.post("/session/fails", "");
    assert_eq!((failed.status, failed.header("location")), (303, "/session"));
    let flash = visitor.get("/session").json()["flash"].clone();
    assert_eq!((&flash[0]["key"], &flash[0]["level"]), (&json!("failed"), &json!("error")));
    assert_eq!(flash.as_array().unwrap().len(), 1);

    let mut other = server.visitor();
    other.post("/session/fragment", "");
    assert_eq!(other.cookie, None, "fragments publish nothing");

    let mut third = server.visitor();
    third.post("/session/sign-in", "");
    assert_eq!(third.post("/session/throws", "").status, 500);
    assert_eq!(third.get("/session").json()["flash"][0]["key"], "saved", "what was not answered was not delivered");
}

in_every_host![
    a_session_lives_from_sign_in_to_sign_out,
    cookies_that_do_not_verify_are_cleared,
    identity_and_lifetime_are_readable_and_not_stored,
    s1_a_slow_request_does_not_resurrect_a_session,
    s1_what_two_requests_change_is_all_kept,
    s2_signing_in_changes_the_id,
    s2_c15_data_chooses_neither_id_nor_lifetime,
    s4_messages_alone_are_no_session,
    s4_the_token_of_a_form_is_no_session,
    c15_a_copied_session_keeps_its_forms,
    c15_what_is_not_json_is_refused_in_every_store,
    sessions_that_are_no_objects_are_refused,
    routes_require_sessions,
    messages_follow_the_outcome,
];
