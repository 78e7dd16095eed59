//! What every store must do, said once.

use super::{Client, flash, object};
use crate::session::{
    ChangeOutcome, CommitContext, CommitError, RuntimeState, SessionChange, SessionRecord, SessionStore,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub(in crate::session) fn record(value: Value) -> SessionRecord {
    let now = crate::session::clock::now();
    SessionRecord {
        id: Uuid::new_v4().to_string(),
        value: Some(object(value)),
        state: RuntimeState { form: Some(object(json!({"csrf": {"f": "t"}}))), flash: vec![flash("saved")] },
        created_at: now,
        expires_at: now + SignedDuration::from_secs(60),
        version: 1,
    }
}

/// Checks a store; afterwards it is empty.
pub(in crate::session) async fn check(store: Arc<dyn SessionStore>) {
    round_trips(&*store).await;
    guards_versions(&*store).await;
    rotates(&*store).await;
    deletes(&*store).await;
    sweeps(&*store).await;
    counts_concurrent_changes(Arc::clone(&store)).await;
    spends_a_token_once(store).await;
}

async fn round_trips(store: &dyn SessionStore) {
    let text = "\u{0}\u{1f600}\"'\\ \u{2028}";
    let full = record(json!({"z": text, "a": [1.5, null, {"b": true}], "id": "x", "": 9_007_199_254_740_993_u64}));
    let mut carrier = record(json!({}));
    carrier.value = None;
    carrier.state.form = None;
    carrier.id = format!("id with 'quotes'; {}", carrier.id);
    for record in [full, carrier] {
        store.create(record.clone()).await.unwrap();
        let loaded = store.load(&record.id).await.unwrap().unwrap();
        assert_eq!(loaded, record);
        let keys =
            |record: &SessionRecord| record.value.as_ref().map(|value| value.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&loaded), keys(&record), "the order of keys survives");
        store.delete(&record.id, None).await.unwrap();
    }
    assert_eq!(store.load("unknown").await.unwrap(), None);
}

async fn guards_versions(store: &dyn SessionStore) {
    let mut record = record(json!({"n": 0}));
    store.create(record.clone()).await.unwrap();
    record.value = Some(object(json!({"n": 1})));
    record.state.flash.clear();
    record.expires_at += SignedDuration::from_secs(5);
    assert_eq!(store.update(record.clone(), 1).await.unwrap(), ChangeOutcome::Done);
    record.version = 2;
    assert_eq!(store.load(&record.id).await.unwrap().unwrap(), record);
    let late = SessionRecord { value: None, ..record.clone() };
    assert_eq!(store.update(late.clone(), 1).await.unwrap(), ChangeOutcome::Conflict(Box::new(record.clone())));
    store.delete(&record.id, None).await.unwrap();
    assert_eq!(store.update(late, 2).await.unwrap(), ChangeOutcome::Gone);
    assert_eq!(store.load(&record.id).await.unwrap(), None, "what was deleted stays deleted");
}

async fn rotates(store: &dyn SessionStore) {
    let (old, new) = (record(json!({"n": 0})), record(json!({"n": 1})));
    store.create(old.clone()).await.unwrap();
    assert_eq!(store.rotate(&old.id, new.clone(), 7).await.unwrap(), ChangeOutcome::Conflict(Box::new(old.clone())));
    assert_eq!(store.load(&new.id).await.unwrap(), None);
    assert_eq!(store.rotate(&old.id, new.clone(), 1).await.unwrap(), ChangeOutcome::Done);
    assert_eq!(store.load(&old.id).await.unwrap(), None);
    assert_eq!(store.load(&new.id).await.unwrap(), Some(new.clone()));
    let again = record(json!({}));
    assert_eq!(store.rotate(&old.id, again.clone(), 1).await.unwrap(), ChangeOutcome::Gone);
    assert_eq!(store.load(&again.id).await.unwrap(), None);
    store.delete(&new.id, None).await.unwrap();
}

async fn deletes(store: &dyn SessionStore) {
    let record = record(json!({}));
    store.create(record.clone()).await.unwrap();
    let conflict = ChangeOutcome::Conflict(Box::new(record.clone()));
    assert_eq!(store.delete(&record.id, Some(9)).await.unwrap(), conflict);
    assert_eq!(store.delete(&record.id, Some(1)).await.unwrap(), ChangeOutcome::Done);
    assert_eq!(store.delete(&record.id, Some(1)).await.unwrap(), ChangeOutcome::Gone);
    assert_eq!(store.delete(&record.id, None).await.unwrap(), ChangeOutcome::Gone);
}

async fn sweeps(store: &dyn SessionStore) {
    let mut records: Vec<SessionRecord> = (0..3).map(|n| record(json!({"n": n}))).collect();
    let now = records[0].expires_at;
    records[1].expires_at = now - SignedDuration::from_millis(1);
    records[2].expires_at = now + SignedDuration::from_millis(1);
    for record in &records {
        store.create(record.clone()).await.unwrap();
    }
    // An extended lifetime counts, the one before does not.
    let mut extended = record(json!({}));
    extended.expires_at = now;
    store.create(extended.clone()).await.unwrap();
    extended.expires_at = now + SignedDuration::from_secs(1);
    store.update(extended.clone(), 1).await.unwrap();
    assert_eq!(store.sweep(now).await.unwrap(), 2);
    assert_eq!(store.load(&records[0].id).await.unwrap(), None);
    assert!(store.load(&records[2].id).await.unwrap().is_some());
    assert!(store.load(&extended.id).await.unwrap().is_some());
    assert_eq!(store.sweep(Timestamp::MAX).await.unwrap(), 2);
}

/// No change is lost and none is done twice, however many tasks change one record.
async fn counts_concurrent_changes(store: Arc<dyn SessionStore>) {
    let first = record(json!({"n": 0}));
    store.create(first.clone()).await.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (store, mut current) = (Arc::clone(&store), first.clone());
            tokio::spawn(async move {
                for _ in 0..5 {
                    loop {
                        let n = current.value.as_ref().unwrap()["n"].as_u64().unwrap();
                        let next = SessionRecord { value: Some(object(json!({"n": n + 1}))), ..current.clone() };
                        match store.update(next, current.version).await.unwrap() {
                            ChangeOutcome::Done => break,
                            ChangeOutcome::Conflict(newer) => current = *newer,
                            ChangeOutcome::Gone => panic!("nobody deletes it"),
                        }
                    }
                    current = store.load(&current.id).await.unwrap().unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let last = store.load(&first.id).await.unwrap().unwrap();
    assert_eq!((last.value, last.version), (Some(object(json!({"n": 40}))), 41));
    store.delete(&first.id, None).await.unwrap();
}

/// Of many requests that began with the same token one is accepted, whatever each makes of the session.
async fn spends_a_token_once(store: Arc<dyn SessionStore>) {
    let form = |tokens: &[&str]| Some(object(json!({ "csrf": { "f": tokens } })));
    let kept = |value| SessionChange::Replaced { value: object(value), form: form(&["other"]) };
    let changes = [
        (kept(json!({})), kept(json!({ "title": "x" })), true),
        // The first gets another id, the second ends the session.
        (kept(json!({ "userId": "1" })), kept(json!({})), false),
        (SessionChange::Cleared, kept(json!({})), false),
        (kept(json!({})), SessionChange::Cleared, true),
    ];
    for (first, second, is_kept) in changes {
        let mut client = Client::with(Arc::clone(&store), &[]);
        let shown = SessionChange::Replaced { value: object(json!({})), form: form(&["t", "other"]) };
        client.request(shown, CommitContext::default()).await;
        let id = client.id().await;
        let spending = || CommitContext { spent: vec!["t".to_owned()], ..CommitContext::default() };
        let (one, two, unrelated) = (client.open().await, client.open().await, client.open().await);
        one.commit(first, spending()).await.unwrap();
        let before = store.load(&id).await.unwrap();
        assert!(matches!(two.commit(second, spending()).await, Err(CommitError::TokenSpent)));
        assert_eq!(store.load(&id).await.unwrap(), before, "what fails writes nothing");
        assert_eq!(before.is_some(), is_kept);
        unrelated.commit(SessionChange::Unchanged, CommitContext::default()).await.unwrap();
    }
    let mut client = Client::with(Arc::clone(&store), &[]);
    let shown = SessionChange::Replaced { value: object(json!({ "n": 0 })), form: form(&["t"]) };
    client.request(shown, CommitContext::default()).await;
    let mut requests = Vec::new();
    for _ in 0..8 {
        requests.push(client.open().await);
    }
    let submit = |(index, open): (usize, crate::session::OpenSession)| {
        let change = SessionChange::Replaced { value: object(json!({ "n": 0, format!("k{index}"): 1 })), form: None };
        let context = CommitContext { spent: vec!["t".to_owned()], ..CommitContext::default() };
        tokio::spawn(async move { open.commit(change, context).await.is_ok() })
    };
    let mut accepted = 0;
    for task in requests.into_iter().enumerate().map(submit).collect::<Vec<_>>() {
        accepted += u32::from(task.await.unwrap());
    }
    assert_eq!((accepted, client.sees().await.as_object().unwrap().len()), (1, 2));
    // What is issued and spent in one request was never anybody else's.
    let fresh = CommitContext { spent: vec!["new".to_owned()], ..CommitContext::default() };
    client.open().await.commit(SessionChange::Unchanged, fresh).await.unwrap();
    store.sweep(Timestamp::MAX).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_store_is_a_store() {
    check(Arc::new(crate::session::MemoryStore::default())).await;
}
