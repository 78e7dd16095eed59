//! The store on a real server, which the tests start and stop.

use super::{Client, contract, publishing};
use crate::cluster::Cluster;
use crate::session::{PostgresStore, SessionStore, StoreError};
use serde_json::{Value, json};
use std::sync::Arc;

async fn store(cluster: &Cluster, query: &str) -> Result<Arc<PostgresStore>, StoreError> {
    PostgresStore::connect(&cluster.url(query)).await.map(Arc::new)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_postgres_store_is_a_store() {
    let cluster = Cluster::start().await;
    tables_are_made_by_one_of_many(&cluster).await;
    contract::check(store(&cluster, "").await.unwrap()).await;
    requests_of_two_processes_share_sessions(&cluster).await;
    malformed_rows_are_named(&cluster).await;
    rows_without_versions_are_read(&cluster).await;
    a_user_without_the_right_to_make_tables_suffices(&cluster).await;
    certificates_are_judged_by_mode(&cluster).await;
    wrong_passwords_are_not_repeated(&cluster).await;
    lost_connections_are_replaced(&cluster).await;
}

async fn tables_are_made_by_one_of_many(cluster: &Cluster) {
    let (one, two, three) = tokio::join!(store(cluster, ""), store(cluster, ""), store(cluster, ""));
    for store in [one, two, three] {
        assert_eq!(store.unwrap().load("unknown").await.unwrap(), None);
    }
}

async fn requests_of_two_processes_share_sessions(cluster: &Cluster) {
    let mut one = Client::with(store(cluster, "").await.unwrap(), &[]);
    let mut two = Client::with(store(cluster, "").await.unwrap(), &[]);
    one.request(super::set(json!({"userId": "1", "id": "mine"})), publishing(&["saved"])).await;
    two.cookie.clone_from(&one.cookie);
    let slow = one.open().await;
    two.set(json!({"userId": "1", "id": "mine", "two": 2})).await;
    slow.commit(super::set(json!({"userId": "1", "id": "mine", "one": 1})), publishing(&[])).await.unwrap();
    assert_eq!(two.sees().await, json!({"userId": "1", "id": "mine", "one": 1, "two": 2}));
    assert!(one.request(super::set(json!({"userId": "2"})), publishing(&[])).await.is_some());
    assert_eq!(two.sees().await, Value::Null, "the id before the sign-in is gone");
    assert_eq!(one.all_expired().await, 1);
}

async fn malformed_rows_are_named(cluster: &Cluster) {
    let store = store(cluster, "").await.unwrap();
    cluster
        .execute("INSERT INTO webstir_sessions VALUES ('broken', '[', '[]', '{}', now(), now() + interval '1 day', 1)")
        .await;
    let error = store.load("broken").await.unwrap_err().to_string();
    assert!(error.starts_with("[session] Failed to deserialize Postgres session row 'broken': "), "{error}");
    store.delete("broken", None).await.unwrap();
}

async fn rows_without_versions_are_read(cluster: &Cluster) {
    cluster.execute("ALTER TABLE webstir_sessions DROP COLUMN version").await;
    cluster.execute("INSERT INTO webstir_sessions VALUES ('old', '{}', '[]', '{}', now(), 'infinity')").await;
    cluster.execute("UPDATE webstir_sessions SET expires_at = now() + interval '1 day'").await;
    let store = store(cluster, "").await.unwrap();
    let record = store.load("old").await.unwrap().unwrap();
    assert_eq!(record.version, 1);
    store.delete("old", Some(1)).await.unwrap();
}

async fn a_user_without_the_right_to_make_tables_suffices(cluster: &Cluster) {
    cluster.execute("CREATE ROLE guest LOGIN PASSWORD 'guest-password'").await;
    cluster.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC").await;
    cluster.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON webstir_sessions TO guest").await;
    let store = PostgresStore::connect(&cluster.url_of("guest", "guest-password", "")).await.unwrap();
    assert_eq!(store.load("unknown").await.unwrap(), None);
}

async fn certificates_are_judged_by_mode(cluster: &Cluster) {
    let root = format!("sslrootcert={}", cluster.certificate().display());
    for query in ["?sslmode=require", &format!("?sslmode=verify-full&{root}")] {
        let store = store(cluster, query).await.unwrap();
        assert_eq!(store.load("unknown").await.unwrap(), None);
        let encrypted = cluster.count("SELECT count(*) FROM pg_stat_ssl WHERE ssl").await;
        assert!(encrypted > 0, "{query}");
    }
    // The platform knows nothing of this certificate.
    assert!(store(cluster, "?sslmode=verify-full").await.is_err());
    assert!(store(cluster, "?sslmode=disable").await.is_ok());
}

async fn wrong_passwords_are_not_repeated(cluster: &Cluster) {
    let error =
        PostgresStore::connect(&cluster.url_of("postgres", "wrong-password", "")).await.err().unwrap().to_string();
    assert!(error.contains("password authentication failed") && !error.contains("wrong-password"), "{error}");
}

async fn lost_connections_are_replaced(cluster: &Cluster) {
    let store = store(cluster, "").await.unwrap();
    let others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'";
    cluster.execute(&format!("SELECT pg_terminate_backend(pid) {others}")).await;
    while cluster.count(&format!("SELECT count(*) {others}")).await > 0 {
        tokio::task::yield_now().await;
    }
    // What was in use when it was lost may fail once.
    let _ = store.load("unknown").await;
    assert_eq!(store.load("unknown").await.unwrap(), None);
}
