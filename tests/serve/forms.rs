//! Forms: tokens, what was wrong with a submission, and where it goes.

use std::thread;

use serde_json::{Value, json};

use super::server::{Server, Visitor, eventually};

const EXPIRED: &str = "Form session expired. Reload the page and try again.";

fn token(visitor: &mut Visitor<'_>) -> String {
    let token = visitor.get("/form").json()["token"].as_str().unwrap().to_owned();
    assert_eq!(token.len(), 36);
    token
}

fn a_form_is_shown_submitted_and_shown_again(server: &Server) {
    let mut visitor = server.visitor();
    let first = token(&mut visitor);
    let failed = visitor.post("/form", &format!("_csrf={first}&title=ab&tags=1&tags=2"));
    assert_eq!((failed.status, failed.header("location"), failed.text()), (303, "/form", ""));

    let page = visitor.get("/form").json();
    assert_eq!(page["values"], json!({ "title": "ab", "tags": ["1", "2"] }));
    assert_eq!(page["grouped"], json!({ "form": [], "fields": { "title": ["Title is too short"] } }));
    assert_eq!((&page["flash"][0]["key"], &page["flash"][0]["level"]), (&json!("form.failed"), &json!("error")));
    assert_eq!(page["flash"].as_array().unwrap().len(), 1, "no success was told");

    let again = visitor.get("/form").json();
    assert_eq!(
        (&again["values"], &again["issues"], &again["flash"]),
        (&json!({}), &json!([]), &json!([])),
        "shown once"
    );
    let saved = visitor.post("/form", &format!("_csrf={}&title=Long", page["token"].as_str().unwrap()));
    assert_eq!((saved.status, saved.header("location")), (303, "/form"));
    let page = visitor.get("/form").json();
    assert_eq!((&page["flash"][0]["key"], &page["issues"]), (&json!("form.saved"), &json!([])));
    assert_eq!(visitor.get("/session/look").json()["session"], json!({ "title": "Long" }));
}

fn a_token_counts_once_and_pages_have_their_own(server: &Server) {
    let mut visitor = server.visitor();
    let (first, second) = (token(&mut visitor), token(&mut visitor));
    assert_ne!(first, second, "two tabs do not disturb each other");
    for token in [&second, &first] {
        let saved = visitor.post("/form?inline", &format!("_csrf={token}&title=Long"));
        assert_eq!(saved.status, 303, "{saved:?}");
    }
    let replayed = visitor.post("/form?inline", &format!("_csrf={first}&title=Long"));
    assert_eq!(replayed.status, 403);
    let details = json!({ "reason": "csrf" });
    assert_eq!(
        replayed.json(),
        json!({ "errors": [{ "code": "validation", "message": EXPIRED, "details": details }] })
    );
    assert_eq!(visitor.get("/form").json()["values"], json!({ "title": "Long" }), "what was typed is kept");
}

fn a_wrong_token_costs_nothing(server: &Server) {
    let mut visitor = server.visitor();
    let good = token(&mut visitor);
    for wrong in ["", "_csrf=", "_csrf=wrong", "_csrf=00000000-0000-0000-0000-000000000000"] {
        assert_eq!(visitor.post("/form?inline", &format!("{wrong}&title=Long")).status, 403, "{wrong}");
    }
    assert_eq!(visitor.post("/form?inline", &format!("_csrf={good}&title=Long")).status, 303);
    let mut stranger = server.visitor();
    let theirs = token(&mut visitor);
    token(&mut stranger);
    assert_eq!(stranger.post("/form?inline", &format!("_csrf={theirs}&title=Long")).status, 403, "it is another's");
}

fn failures_without_a_target_have_statuses(server: &Server) {
    let mut visitor = server.visitor();
    let form = format!("_csrf={}&title=ab", token(&mut visitor));
    let invalid = visitor.post("/form?inline", &form);
    assert_eq!(invalid.status, 422);
    let details = json!({ "field": "title", "reason": "validation" });
    assert_eq!(
        invalid.json(),
        json!({ "errors": [{ "code": "validation", "message": "Title is too short", "details": details }] })
    );
    let form = format!("_csrf={}&title=Long", token(&mut visitor));
    let anonymous = visitor.post("/form?inline&auth", &form);
    assert_eq!(anonymous.status, 401);
    let error = &anonymous.json()["errors"][0];
    assert_eq!((&error["code"], &error["message"]), (&json!("auth"), &json!("Sign in first")));
    let form = format!("_csrf={}&title=Long", token(&mut visitor));
    let request = server.request("POST", "/form?inline&auth").form(&form).header("x-service-token", "second");
    assert_eq!(visitor.send(request).status, 303);
}

fn fragments_of_forms_publish_nothing(server: &Server) {
    let mut visitor = server.visitor();
    let form = format!("_csrf={}&title=Long", token(&mut visitor));
    let fragment = visitor.post("/form?fragment", &form);
    assert_eq!((fragment.status, fragment.header("x-webstir-fragment-target")), (200, "saved"));
    assert_eq!(fragment.json(), json!({ "title": "Long" }));
    assert_eq!(visitor.get("/form").json()["flash"], json!([]));
}

/// `form.csrf` is enforced even where the handler asks nobody.
fn s3_a_declared_token_is_required(server: &Server) {
    let mut visitor = server.visitor();
    let good = token(&mut visitor);
    for form in ["", "_csrf=wrong"] {
        let refused = visitor.post("/form/unchecked", form);
        assert_eq!((refused.status, refused.json()["errors"][0]["code"].clone()), (403, json!("csrf")), "{form}");
        assert_eq!(refused.json()["errors"][0]["message"], EXPIRED);
    }
    let form = format!("_csrf={good}");
    let cross = server.request("POST", "/form/unchecked").form("_csrf=x").header("sec-fetch-site", "cross-site");
    assert_eq!(visitor.send(cross).status, 403);
    assert_eq!(visitor.post("/form/unchecked", &form).text(), "done");
    assert_eq!(visitor.post("/form/unchecked", &form).status, 403, "it counts once");
}

/// An identity of null is none.
fn s13_null_is_not_signed_in(server: &Server) {
    let reply = server.visitor().post("/form/null-auth", "");
    assert_eq!((reply.status, reply.json()["errors"][0]["code"].clone()), (401, json!("auth")));
}

/// Of two submissions that both found the token in their session one is accepted.
fn s3_a_token_counts_once_in_requests_at_the_same_time(server: &Server) {
    let mut visitor = server.visitor();
    for path in ["/form?inline&slow=token", "/form?slow=token"] {
        let form = format!("_csrf={}&title=Long", token(&mut visitor));
        let cookie = visitor.cookie.clone().unwrap();
        let submit = |path: &str| server.request("POST", path).form(&form).header("cookie", &cookie).send();
        thread::scope(|scope| {
            let slow = scope.spawn(|| submit(path));
            // In the handler, with the token of the session that it loaded.
            eventually("the slow submission waits", || server.get("/session/waiting/token").json() == true);
            let quick = submit("/form");
            eventually("the slow submission goes on", || {
                server.request("POST", "/session/release/token").send().json() == true
            });
            let slow = slow.join().unwrap();
            assert_eq!((quick.status, slow.status), (303, 403), "{slow:?}");
            assert_eq!(slow.json(), json!({ "errors": [{ "code": "csrf", "message": EXPIRED }] }));
            assert_eq!(slow.all("set-cookie"), Vec::<&str>::new());
        });
    }
}

/// A session that is a copy of what a form made for a visitor without one keeps the token.
fn c15_a_copied_session_keeps_its_token(server: &Server) {
    let mut visitor = server.visitor();
    for names in [json!(["seen"]), json!(["seen", "title"])] {
        let page = visitor.get("/form/copied").json();
        assert_eq!(page["names"], names, "the state of forms is no data");
        let form = format!("_csrf={}&title=Long", page["token"].as_str().unwrap());
        assert_eq!(visitor.post("/form?inline", &form).status, 303);
    }
}

/// The number of forms whose state a session keeps is bounded.
fn s13_states_of_forms_do_not_pile_up(server: &Server) {
    let mut visitor = server.visitor();
    let first = token(&mut visitor);
    for _ in 0..40 {
        token(&mut visitor);
    }
    let last = token(&mut visitor);
    assert_eq!(visitor.post("/form?inline", &format!("_csrf={first}&title=Long")).status, 403, "it was given up");
    assert_eq!(visitor.post("/form?inline", &format!("_csrf={last}&title=Long")).status, 303);
}

fn nothing_of_forms_is_part_of_the_session(server: &Server) {
    let mut visitor = server.visitor();
    visitor.post_json("/session/put/a", "1");
    token(&mut visitor);
    let session = visitor.get("/session/look").json()["session"].clone();
    assert_eq!(session, json!({ "a": 1 }));
    assert_ne!(session, Value::Null);
}

in_every_host![
    a_form_is_shown_submitted_and_shown_again,
    a_token_counts_once_and_pages_have_their_own,
    a_wrong_token_costs_nothing,
    failures_without_a_target_have_statuses,
    fragments_of_forms_publish_nothing,
    s3_a_declared_token_is_required,
    s3_a_token_counts_once_in_requests_at_the_same_time,
    c15_a_copied_session_keeps_its_token,
    s13_null_is_not_signed_in,
    s13_states_of_forms_do_not_pile_up,
    nothing_of_forms_is_part_of_the_session,
];
