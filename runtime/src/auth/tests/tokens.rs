use super::{FIRST_KEY, NOW, RsaKey, SECOND_KEY, accepts, authenticate, authenticator, claims, hs256};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: (&str, &str) = ("AUTH_JWT_SECRET", "jwt-secret");

fn token(changes: &Value) -> String {
    hs256("jwt-secret", &claims(changes))
}

#[tokio::test]
async fn a_context_holds_what_the_token_says() {
    let authenticator = authenticator(&[SECRET]);
    let changes =
        json!({"email": "a@b.c", "name": 4, "scope": "read  write", "role": " admin, ,editor", "extra": {"a": 1}});
    let token = token(&changes);
    let context = authenticate(&authenticator, &[("authorization", &format!("bEARER {token}"))]).await.unwrap();
    let expected = json!({
        "source": "jwt",
        "token": token,
        "userId": "user-1",
        "email": "a@b.c",
        "scopes": ["read", "write"],
        "roles": ["admin", "editor"],
        "claims": claims(&changes),
    });
    assert_eq!(json!(context), expected);
    assert!(!format!("{context:?}").contains(&token));
}

#[tokio::test]
async fn scopes_and_roles_may_be_lists() {
    let authenticator = authenticator(&[SECRET]);
    let changes = json!({"scope": ["a", 1, "b c"], "https://schemas.webstir.dev/roles": ["x"], "sub": 7});
    let bearer = format!("Bearer {}", token(&changes));
    let context = authenticate(&authenticator, &[("authorization", &bearer)]).await.unwrap();
    assert_eq!(
        (context.scopes, context.roles, context.user_id),
        (vec!["a".to_owned(), "b c".to_owned()], vec!["x".to_owned()], None)
    );
}

#[tokio::test]
async fn times_are_compared_without_leeway() {
    let authenticator = authenticator(&[SECRET]);
    for changes in [json!({}), json!({"exp": 1_800_000_000.5}), json!({"nbf": NOW, "iat": NOW + 1000})] {
        assert!(accepts(&authenticator, &token(&changes)).await, "{changes}");
    }
    for changes in [
        json!({"exp": NOW}),
        json!({"exp": NOW - 1}),
        json!({"nbf": NOW + 1}),
        json!({"exp": "later"}),
        json!({"nbf": true}),
        json!({"iat": "x"}),
        json!({"exp": [1]}),
    ] {
        assert!(!accepts(&authenticator, &token(&changes)).await, "{changes}");
    }
}

/// s7: a token that never ends is refused, unless the workspace says otherwise.
#[tokio::test]
async fn s7_an_end_is_required() {
    let endless = token(&json!({"exp": null}));
    assert!(!accepts(&authenticator(&[SECRET]), &endless).await);
    assert!(accepts(&authenticator(&[SECRET, ("AUTH_JWT_REQUIRE_EXP", "false")]), &endless).await);
}

#[tokio::test]
async fn issuer_and_audience_must_match() {
    let authenticator = authenticator(&[SECRET, ("AUTH_JWT_ISSUER", "me"), ("AUTH_JWT_AUDIENCE", "you")]);
    for changes in [json!({"iss": "me", "aud": "you"}), json!({"iss": "me", "aud": ["they", "you"]})] {
        assert!(accepts(&authenticator, &token(&changes)).await, "{changes}");
    }
    for changes in [
        json!({"aud": "you"}),
        json!({"iss": "he", "aud": "you"}),
        json!({"iss": "me"}),
        json!({"iss": "me", "aud": ["they"]}),
        json!({"iss": ["me"], "aud": "you"}),
    ] {
        assert!(!accepts(&authenticator, &token(&changes)).await, "{changes}");
    }
}

#[tokio::test]
async fn algorithms_signatures_and_segments_fail_closed() {
    let authenticator = authenticator(&[SECRET, ("AUTH_JWT_PUBLIC_KEY", &FIRST_KEY.public_pem)]);
    let good = token(&json!({}));
    assert!(accepts(&authenticator, &good).await);
    let other = Header::new(Algorithm::HS512);
    let hs512 = encode(&other, &claims(&json!({})), &EncodingKey::from_secret(b"jwt-secret")).unwrap();
    let [head, payload, signature] = *good.split('.').collect::<Vec<_>>() else { panic!() };
    let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let text = BASE64_URL_SAFE_NO_PAD.encode("text");
    let list = hs256("jwt-secret", &json!([1]));
    // The public key is no secret: who signs with it as if it were one proves nothing.
    let confused = hs256(&FIRST_KEY.public_pem, &claims(&json!({})));
    let bad = [
        hs512,
        list,
        confused,
        hs256("wrong", &claims(&json!({}))),
        SECOND_KEY.sign(None, &claims(&json!({}))),
        format!("{none}.{payload}."),
        format!("{head}.{payload}."),
        format!("{head}.{payload}"),
        format!("{head}.{payload}.{signature}.x"),
        format!("{head}.{text}.{signature}"),
        format!("{head}.{payload}!.{signature}"),
        format!("{head}.{payload}.{signature}="),
        format!("{text}.{payload}.{signature}"),
        String::new(),
    ];
    for token in bad {
        assert!(!accepts(&authenticator, &token).await, "{token}");
    }
}

#[tokio::test]
async fn public_keys_are_pem_or_jwk() {
    let rs256 = FIRST_KEY.sign(Some("whatever"), &claims(&json!({})));
    let accepts_with = async |key: &str| accepts(&authenticator(&[("AUTH_JWT_PUBLIC_KEY", key)]), &rs256).await;
    let jwk = |key: &RsaKey, more: &Value| key.jwk(more).to_string();
    assert!(accepts_with(&FIRST_KEY.public_pem).await);
    assert!(accepts_with(&jwk(&FIRST_KEY, &json!({}))).await);
    assert!(accepts_with(&jwk(&FIRST_KEY, &json!({"use": "sig", "alg": "RS256", "key_ops": ["verify"]}))).await);
    assert!(!accepts_with(&jwk(&SECOND_KEY, &json!({}))).await);
    assert!(!accepts_with("no key").await);
    assert!(!accepts_with("{}").await);
}

/// s7: a key that is for something else verifies nothing.
#[tokio::test]
async fn s7_use_and_algorithm_of_keys_are_honoured() {
    let rs256 = FIRST_KEY.sign(None, &claims(&json!({})));
    for more in
        [json!({"use": "enc"}), json!({"alg": "RS512"}), json!({"alg": "RSA-OAEP"}), json!({"key_ops": ["encrypt"]})]
    {
        let key = FIRST_KEY.jwk(&more).to_string();
        assert!(!accepts(&authenticator(&[("AUTH_JWT_PUBLIC_KEY", &key)]), &rs256).await, "{more}");
    }
}

#[tokio::test]
async fn service_tokens_stand_beside_bearers() {
    let authenticator = authenticator(&[SECRET, ("AUTH_SERVICE_TOKENS", "one two")]);
    let source = async |pairs: &[(&'static str, &str)]| {
        authenticate(&authenticator, pairs).await.map(|context| json!(context)["source"].as_str().unwrap().to_owned())
    };
    let service = Some("service-token".to_owned());
    assert_eq!(source(&[("x-service-token", "two")]).await, service);
    assert_eq!(source(&[("x-api-key", "one")]).await, service);
    assert_eq!(source(&[("authorization", "Bearer bad.bad.bad"), ("x-service-token", "one")]).await, service);
    assert_eq!(source(&[("x-service-token", "bad"), ("x-api-key", "one")]).await, None);
    assert_eq!(source(&[("x-service-token", "on")]).await, None);
    assert_eq!(source(&[("authorization", "Basic b25l")]).await, None);
    let bearer = format!("Bearer {}", token(&json!({})));
    assert_eq!(source(&[("authorization", &bearer), ("x-service-token", "one")]).await, Some("jwt".to_owned()));
    let context = authenticate(&authenticator, &[("x-api-key", "one")]).await.unwrap();
    let expected =
        json!({"source": "service-token", "token": "one", "scopes": ["service"], "roles": ["service"], "claims": {}});
    assert_eq!(json!(context), expected);
}

#[tokio::test]
async fn nothing_is_accepted_where_nothing_is_set() {
    let authenticator = authenticator(&[]);
    assert!(!accepts(&authenticator, &hs256("", &claims(&json!({})))).await);
    assert!(authenticate(&authenticator, &[("x-service-token", "")]).await.is_none());
}

proptest! {
    #[test]
    fn any_token_is_read(token in "[a-zA-Z0-9_=-]{0,40}(\\.[a-zA-Z0-9_-]{0,40}){0,4}", json in "[{}\\[\\]\":a-z0-9,]{0,40}") {
        let authenticator = authenticator(&[SECRET, ("AUTH_SERVICE_TOKENS", "one")]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(json);
        for token in [token, format!("{encoded}.{encoded}.{encoded}")] {
            prop_assert!(!runtime.block_on(accepts(&authenticator, &token)));
        }
    }
}
