use super::provider::Provider;
use super::{FIRST_KEY, SECOND_KEY, accepts, authenticator_at, claims};
use crate::auth::Authenticator;
use crate::auth::key_set::Timing;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn with_provider(provider: &Provider, timing: Timing) -> Authenticator {
    authenticator_at(&[("AUTH_JWKS_URL", &provider.url())], timing)
}

/// No cool-down and no age: what is asked for is fetched.
fn eager() -> Timing {
    Timing { cool_down: Duration::ZERO, retry: Duration::ZERO, ..Timing::default() }
}

fn first(id: &str) -> Value {
    FIRST_KEY.jwk(&json!({"kid": id, "use": "sig"}))
}

fn signed(id: Option<&str>) -> String {
    FIRST_KEY.sign(id, &claims(&json!({})))
}

#[tokio::test]
async fn keys_are_chosen_by_id_and_cached() {
    let provider =
        Provider::start(&[json!({"kty": "EC"}), json!(4), SECOND_KEY.jwk(&json!({"kid": "b"})), first("a")], "");
    let authenticator = with_provider(&provider, Timing::default());
    assert!(accepts(&authenticator, &signed(Some("a"))).await);
    assert!(accepts(&authenticator, &signed(None)).await, "without an id all keys are tried");
    assert!(accepts(&authenticator, &SECOND_KEY.sign(Some("b"), &claims(&json!({})))).await);
    assert_eq!(provider.requests(), 1);
    assert!(!accepts(&authenticator, &signed(Some("b"))).await, "only the key of the id counts");
}

#[tokio::test]
async fn a_new_key_is_found_at_once() {
    let provider = Provider::start(&[SECOND_KEY.jwk(&json!({"kid": "old"}))], "");
    let authenticator = with_provider(&provider, Timing::default());
    assert!(!accepts(&authenticator, &signed(None)).await);
    provider.publish(&[first("new")], "");
    assert!(accepts(&authenticator, &signed(Some("new"))).await);
    assert_eq!(provider.requests(), 2);
}

/// s6: unknown ids cost one fetch in a cool-down, however many come.
#[tokio::test]
async fn s6_unknown_ids_do_not_hammer_the_provider() {
    let provider = Provider::start(&[first("a")], "Cache-Control: no-store\r\n");
    let authenticator = with_provider(&provider, Timing::default());
    for n in 0..20 {
        assert!(!accepts(&authenticator, &signed(Some(&format!("unknown-{n}")))).await);
        assert!(accepts(&authenticator, &signed(Some("a"))).await);
    }
    assert_eq!(provider.requests(), 2);
    let authenticator = with_provider(&provider, eager());
    provider.publish(&[first("a")], "Cache-Control: max-age=60\r\n");
    for _ in 0..3 {
        assert!(!accepts(&authenticator, &signed(Some("unknown"))).await);
    }
    assert_eq!(provider.requests(), 2 + 4, "after the cool-down it is asked again");
}

/// s6: a provider that fails does not cost the keys that are there.
#[tokio::test]
async fn s6_a_failing_fetch_keeps_the_last_good_keys() {
    let broken = [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{",
        "nonsense\r\n\r\n",
    ];
    let provider = Provider::start(&[first("a")], "Cache-Control: no-store\r\n");
    let authenticator = with_provider(&provider, Timing { default_age: Duration::ZERO, ..eager() });
    assert!(accepts(&authenticator, &signed(Some("a"))).await);
    provider.fail();
    for answer in broken {
        assert!(!accepts(&authenticator, &signed(Some("bogus"))).await);
        assert!(accepts(&authenticator, &signed(Some("a"))).await);
        provider.answer(answer);
    }
    assert!(accepts(&authenticator, &signed(Some("a"))).await);
    provider.publish(&[SECOND_KEY.jwk(&json!({"kid": "a"}))], "");
    assert!(!accepts(&authenticator, &signed(Some("a"))).await, "good news replaces the keys");
}

#[tokio::test]
async fn without_keys_nothing_is_accepted() {
    let provider = Provider::start(&[], "");
    provider.fail();
    let authenticator = with_provider(&provider, Timing { retry: Duration::from_mins(1), ..Timing::default() });
    for _ in 0..3 {
        assert!(!accepts(&authenticator, &signed(Some("a"))).await);
    }
    assert_eq!(provider.requests(), 1, "nor is the provider hammered");
    provider.answer("");
    let hanging = with_provider(&provider, Timing { timeout: Duration::from_millis(50), ..Timing::default() });
    assert!(!accepts(&hanging, &signed(Some("a"))).await);
}

#[tokio::test]
async fn too_long_an_answer_is_refused() {
    let provider = Provider::start(&[first("a"), json!({"padding": "x".repeat(1024 * 1024)})], "");
    assert!(!accepts(&with_provider(&provider, Timing::default()), &signed(Some("a"))).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_share_a_fetch() {
    let provider = Provider::start(&[first("a")], "");
    let authenticator = Arc::new(with_provider(&provider, Timing::default()));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let authenticator = Arc::clone(&authenticator);
            tokio::spawn(async move { accepts(&authenticator, &signed(Some("a"))).await })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(provider.requests(), 1);
}
