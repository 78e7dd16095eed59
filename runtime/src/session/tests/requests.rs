use super::{Client, delivering, object, publishing, set};
use crate::session::{CommitContext, MemoryStore, OpenSession, SessionChange, satisfies_required};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn unchanged() -> (SessionChange, CommitContext) {
    (SessionChange::Unchanged, CommitContext::default())
}

impl Client {
    async fn read(&mut self) -> Option<String> {
        let (change, context) = unchanged();
        self.request(change, context).await
    }

    async fn clear(&mut self) -> Option<String> {
        self.request(SessionChange::Cleared, CommitContext::default()).await
    }
}

#[tokio::test]
async fn a_session_lives_from_its_cookie_to_its_end() {
    let mut client = Client::new();
    assert_eq!(client.read().await, None);
    assert_eq!(client.sees().await, Value::Null);
    let cookie = client.set(json!({"userId": "1"})).await.unwrap();
    assert!(cookie.ends_with("; Path=/; Max-Age=86400; SameSite=Lax; HttpOnly"), "{cookie}");
    assert_eq!(client.sees().await, json!({"userId": "1"}));
    assert_eq!(client.read().await, None);
    let signed_in = client.cookie.clone();
    assert_eq!(client.clear().await.unwrap(), "webstir_session=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly");
    client.cookie = signed_in;
    assert_eq!(client.sees().await, Value::Null);
    assert!(client.read().await.unwrap().contains("Max-Age=0"), "a stale cookie is cleared");
}

#[tokio::test]
async fn updates_keep_the_id_and_send_no_cookie() {
    let mut client = Client::new();
    client.set(json!({"userId": "1"})).await;
    let id = client.id().await;
    assert_eq!(client.set(json!({"userId": "1", "theme": "dark"})).await, None);
    assert_eq!(client.id().await, id);
    client.clear().await;
    client.set(json!({"userId": "1"})).await;
    assert_ne!(client.id().await, id);
}

#[tokio::test]
async fn nothing_is_written_when_nothing_changed() {
    let mut client = Client::new();
    client.set(json!({"a": 1})).await;
    let id = client.id().await;
    let version = async |client: &Client| client.store.load(&id).await.unwrap().unwrap().version;
    client.read().await;
    client.set(json!({"a": 1})).await;
    assert_eq!(version(&client).await, 1);
    client.set(json!({"a": 2})).await;
    assert_eq!(version(&client).await, 2);
}

#[tokio::test]
async fn tampered_and_expired_cookies_are_cleared() {
    let mut client = Client::new();
    client.cookie = Some("webstir_session=made-up.signature".to_owned());
    assert!(client.open().await.script_session().is_none());
    assert!(client.read().await.unwrap().starts_with("webstir_session=; "));
    client.set(json!({"a": 1})).await;
    client.pass(86_399);
    assert_eq!(client.sees().await, json!({"a": 1}));
    client.pass(1);
    assert_eq!(client.sees().await, Value::Null);
    assert_eq!(client.all_expired().await, 0, "the expired record is deleted");
    assert!(client.read().await.unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn an_abandoned_request_changes_nothing() {
    let mut client = Client::new();
    client.set(json!({"a": 1})).await;
    client.request(SessionChange::Unchanged, publishing(&["saved"])).await;
    let open = client.open().await;
    let keys = delivering(&["saved"]).delivered;
    assert_eq!(open.deliverable(&keys).len(), 1);
    drop(open);
    assert_eq!(client.open().await.deliverable(&keys).len(), 1);
}

/// s1: a request that ends after the sign-out does not bring the session back.
#[tokio::test]
async fn s1_a_slow_request_does_not_resurrect_a_session() {
    for change in [SessionChange::Unchanged, set(json!({"userId": "1", "late": true}))] {
        let mut client = Client::new();
        client.set(json!({"userId": "1"})).await;
        let slow = client.open().await;
        let before = client.cookie.clone();
        client.clear().await;
        assert_eq!(slow.commit(change, publishing(&["late"])).await.unwrap(), None);
        client.cookie = before;
        assert_eq!(client.sees().await, Value::Null);
        assert_eq!(client.all_expired().await, 0);
    }
}

/// s1: concurrent requests do not undo each other.
#[tokio::test]
async fn s1_concurrent_changes_are_merged() {
    let mut client = Client::new();
    client.set(json!({"userId": "1", "count": 1, "draft": "x"})).await;
    let slow = client.open().await;
    client.request(set(json!({"userId": "1", "count": 1, "draft": "x", "fast": 1})), publishing(&["fast"])).await;
    let change = SessionChange::Replaced {
        value: object(json!({"userId": "1", "count": 2})),
        form: Some(object(json!({"csrf": {"f": "t"}}))),
    };
    assert_eq!(slow.commit(change, publishing(&["slow"])).await.unwrap(), None);
    let open = client.open().await;
    let session = open.script_session().unwrap();
    assert_eq!(Value::from(session.value), json!({"userId": "1", "count": 2, "fast": 1}));
    assert_eq!(session.form, Some(object(json!({"csrf": {"f": "t"}}))));
    let delivered = open.deliverable(&delivering(&["fast", "slow"]).delivered);
    assert_eq!(delivered.iter().map(|message| message.key.as_str()).collect::<Vec<_>>(), ["fast", "slow"]);
}

/// s1: many requests of one session at once all succeed and all count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_many_concurrent_changes_all_count() {
    let mut client = Client::new();
    client.set(json!({"userId": "1"})).await;
    let mut requests = Vec::new();
    for _ in 0..200 {
        requests.push(client.open().await);
    }
    let commit = |(index, open): (usize, OpenSession)| {
        let change = set(json!({"userId": "1", format!("k{index}"): index}));
        tokio::spawn(async move { open.commit(change, CommitContext::default()).await.unwrap() })
    };
    let tasks: Vec<_> = requests.into_iter().enumerate().map(commit).collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), None);
    }
    assert_eq!(client.sees().await.as_object().unwrap().len(), 201);
}

/// s2: signing in gives a new id; the old one is worth nothing.
#[tokio::test]
async fn s2_signing_in_rotates_the_id() {
    let anonymous =
        SessionChange::Replaced { value: object(json!({})), form: Some(object(json!({"csrf": {"f": "t"}}))) };
    let visitor = json!({"cart": 1});
    let user = json!({"cart": 1, "userId": "1"});
    for (before, after) in
        [(anonymous, json!({"name": "A"})), (set(visitor), user.clone()), (set(user), json!({"userId": "2"}))]
    {
        let mut client = Client::new();
        client.request(before, CommitContext::default()).await;
        let (planted, id) = (client.cookie.clone(), client.id().await);
        let end = client.open().await.script_session().unwrap().expires_at;
        client.pass(100);
        let slow = client.open().await;
        assert!(client.set(after.clone()).await.is_some());
        let session = client.open().await.script_session().unwrap();
        assert_ne!(session.id, id);
        assert_eq!((Value::from(session.value), session.expires_at), (after, end));
        // A request that began on the old id writes nothing and leaves the new cookie to the client.
        assert_eq!(slow.commit(set(json!({"userId": "evil"})), publishing(&["x"])).await.unwrap(), None);
        client.cookie = planted;
        assert_eq!(client.sees().await, Value::Null);
        assert_eq!(client.all_expired().await, 1);
    }
}

#[tokio::test]
async fn losing_an_identity_keeps_the_id() {
    let mut client = Client::new();
    client.set(json!({"user": {"name": "A"}, "theme": 1})).await;
    assert_eq!(client.set(json!({"user": null, "theme": 1})).await, None);
    assert_eq!(client.set(json!({"theme": 2})).await, None);
}

/// s2, c15: id and lifetime are not the application's; its fields of these names are ordinary ones.
#[tokio::test]
async fn s2_c15_reserved_names_are_ordinary_fields() {
    let mut client = Client::new();
    let value = json!({"id": "chosen", "createdAt": "1999-01-01", "expiresAt": "2999-01-01T00:00:00.000Z", "n": 1});
    client.set(value.clone()).await;
    let session = client.open().await.script_session().unwrap();
    assert_eq!(Value::from(session.value), value);
    assert_ne!(session.id, "chosen");
    assert!(client.store.load("chosen").await.unwrap().is_none());
    client.pass(86_400);
    assert_eq!(client.sees().await, Value::Null);
}

/// s4: what remains after signing out with a message is no session.
#[tokio::test]
async fn s4_flash_alone_is_no_session() {
    let mut client = Client::new();
    client.set(json!({"userId": "1"})).await;
    let (before, id) = (client.cookie.clone(), client.id().await);
    let cookie = client.request(SessionChange::Cleared, publishing(&["signed-out"])).await.unwrap();
    assert!(cookie.contains("Max-Age=86400"));
    let open = client.open().await;
    assert!(
        open.script_session().is_none()
            && !satisfies_required(open.script_session().map(|session| session.value).as_ref())
    );
    assert_eq!(open.deliverable(&delivering(&["signed-out"]).delivered).len(), 1);
    assert!(client.store.load(&id).await.unwrap().is_none());
    // Once delivered, nothing is left to keep.
    assert!(client.request(SessionChange::Unchanged, delivering(&["signed-out"])).await.unwrap().contains("Max-Age=0"));
    assert_eq!(client.all_expired().await, 0);
    client.cookie = before;
    assert_eq!(client.sees().await, Value::Null);
}

/// s4: pending messages survive the sign-out, and signing in keeps them.
#[tokio::test]
async fn s4_pending_flash_survives_signing_out_and_in() {
    let mut client = Client::new();
    client.request(set(json!({"userId": "1"})), publishing(&["welcome", "seen"])).await;
    client.request(SessionChange::Cleared, delivering(&["seen"])).await;
    assert_eq!(client.sees().await, Value::Null);
    assert!(client.set(json!({"userId": "2"})).await.is_some());
    let open = client.open().await;
    let keys = delivering(&["welcome", "seen"]).delivered;
    assert_eq!(open.deliverable(&keys).iter().map(|message| message.key.as_str()).collect::<Vec<_>>(), ["welcome"]);
    assert!(satisfies_required(open.script_session().map(|session| session.value).as_ref()));
}

/// s4: the token of a form makes a session that a handler sees, but none that a route can require.
#[tokio::test]
async fn s4_form_state_alone_does_not_satisfy() {
    let mut client = Client::new();
    let form = Some(object(json!({"csrf": {"f": "t"}})));
    client
        .request(SessionChange::Replaced { value: object(json!({})), form: form.clone() }, CommitContext::default())
        .await;
    let open = client.open().await;
    let session = open.script_session().unwrap();
    assert_eq!(session.form, form);
    assert!(
        !satisfies_required(open.script_session().map(|session| session.value).as_ref())
            && !satisfies_required(Some(&session.value))
    );
    assert!(satisfies_required(Some(&object(json!({"theme": 1})))));
    assert!(!satisfies_required(None));
}

#[tokio::test]
async fn flash_alone_mints_a_session_for_itself() {
    let mut client = Client::new();
    assert!(client.request(SessionChange::Unchanged, publishing(&["hello"])).await.is_some());
    assert_eq!(client.sees().await, Value::Null);
    assert_eq!(client.read().await, None, "undelivered messages stay");
    assert!(client.request(SessionChange::Unchanged, delivering(&["hello"])).await.unwrap().contains("Max-Age=0"));
}

#[tokio::test]
async fn the_lifetime_is_absolute_unless_it_slides() {
    let mut fixed = Client::new();
    fixed.set(json!({"a": 1})).await;
    fixed.pass(80_000);
    assert_eq!(fixed.read().await, None);
    fixed.pass(6_400);
    assert_eq!(fixed.sees().await, Value::Null);

    let mut sliding =
        Client::with(Arc::new(MemoryStore::default()), &[("SESSION_SLIDING", "true"), ("SESSION_MAX_AGE", "1000")]);
    sliding.set(json!({"a": 1})).await;
    let (id, cookie) = (sliding.id().await, sliding.cookie.clone());
    sliding.pass(99);
    assert_eq!(sliding.read().await, None, "less than a tenth has passed");
    sliding.pass(1);
    assert!(sliding.read().await.unwrap().contains("Max-Age=1000"));
    assert_eq!((sliding.id().await, &sliding.cookie), (id, &cookie));
    sliding.pass(999);
    assert_eq!(sliding.sees().await, json!({"a": 1}));
}

#[tokio::test]
async fn expired_sessions_are_swept_unread() {
    let client = Client::new();
    let record = super::contract::record(json!({}));
    client.store.create(record.clone()).await.unwrap();
    client.pass(61);
    let _sweeping = client.sessions.sweep_every(Duration::from_millis(1));
    while client.store.load(&record.id).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
