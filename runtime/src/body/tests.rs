use super::{Body, BodyError, BodyLimits, UploadedFile, parse_query};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

type Chunk = Result<&'static str, io::ErrorKind>;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

/// Reads a body that comes in these chunks, without a declared length.
async fn read_chunks(content_type: &str, chunks: Vec<Bytes>, limits: &BodyLimits) -> Result<Body, BodyError> {
    let frames = chunks.into_iter().map(|chunk| Ok::<_, io::Error>(Frame::data(chunk)));
    Body::read(&headers(&[("content-type", content_type)]), StreamBody::new(stream::iter(frames)), limits).await
}

async fn read(content_type: &str, body: &str) -> Result<Body, BodyError> {
    let limits = BodyLimits::of_total(10_000);
    read_chunks(content_type, vec![Bytes::copy_from_slice(body.as_bytes())], &limits).await
}

/// Reads what may break off; says also how many of the chunks were taken.
async fn read_broken(content_type: &str, chunks: &[Chunk], limit: u64) -> (Result<Body, BodyError>, usize) {
    let taken = AtomicUsize::new(0);
    let frames = chunks.iter().map(|chunk| {
        taken.fetch_add(1, Ordering::Relaxed);
        chunk.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))).map_err(io::Error::from)
    });
    let body = StreamBody::new(stream::iter(frames));
    let result = Body::read(&headers(&[("content-type", content_type)]), body, &BodyLimits::of_total(limit)).await;
    (result, taken.into_inner())
}

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn bodies_are_read_by_type() {
    assert_eq!(read("application/json", "{\"a\":[1]}").await, Ok(Body::Json(json!({"a": [1]}))));
    assert_eq!(read("application/problem+json", "\u{feff}null").await, Ok(Body::Json(Value::Null)));
    assert_eq!(read("text/plain", "{}").await, Ok(Body::Text("{}".to_owned())));
    assert_eq!(read("image/png", "x").await, Ok(Body::Bytes(Bytes::from_static(b"x"))));
    for content_type in ["application/json", FORM, "text/plain", "image/png", "multipart/form-data; boundary=b"] {
        assert_eq!(read(content_type, "").await, Ok(Body::Empty), "{content_type}");
    }
}

/// c11: malformed JSON is an error, not nothing.
#[tokio::test]
async fn c11_malformed_json_is_refused() {
    for text in ["{", "{\"a\":}", " ", "undefined", "1 2"] {
        let error = read("application/json", text).await.unwrap_err();
        assert!(matches!(error, BodyError::MalformedJson { .. }), "{text}");
        assert_eq!((error.status().as_u16(), error.code()), (400, "malformed_json"));
    }
    assert!(read("application/json", &"[".repeat(5000)).await.is_err());
}

/// c11: repeated fields are lists, in the order in which they came.
#[tokio::test]
async fn c11_repeated_fields_are_lists() {
    let Ok(Body::Form(fields)) = read(FORM, "b=1&a=x+y%26&b=2&__proto__=p&b=&c").await else { panic!() };
    assert_eq!(Value::from(fields), json!({"b": ["1", "2", ""], "a": "x y&", "__proto__": "p", "c": ""}));
}

#[test]
fn of_a_repeated_parameter_the_last_counts() {
    assert_eq!(
        Value::from(parse_query("a=1&b=%C3%A4&a=2&__proto__=x&&=")),
        json!({"a": "2", "b": "\u{e4}", "__proto__": "x", "": ""})
    );
}

fn form(parts: &[&str]) -> String {
    let parts: Vec<_> = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    format!("{}--b--\r\n", parts.concat())
}

const MULTIPART: &str = "multipart/form-data; boundary=b";

/// c11: multipart forms are read, files included.
#[tokio::test]
async fn c11_multipart_forms_have_fields_and_files() {
    let text = form(&[
        "Content-Disposition: form-data; name=\"tag\"\r\n\r\none",
        "Content-Disposition: form-data; name=\"tag\"\r\n\r\ntwo\r\nlines",
        "Content-Disposition: form-data; name=\"photo\"; filename=\"../a b.png\"\r\nContent-Type: image/png\r\n\r\n\u{0}\u{1}",
        "Content-Disposition: form-data; name=\"photo\"; filename=\"plain\"\r\n\r\n",
        "Content-Disposition: form-data; name=\"none\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n",
    ]);
    let file = |filename: &str, content_type: &str, bytes: &'static [u8]| UploadedFile {
        name: "photo".to_owned(),
        filename: filename.to_owned(),
        content_type: content_type.to_owned(),
        bytes: Bytes::from_static(bytes),
    };
    let whole = read(MULTIPART, &text).await.unwrap();
    let Body::Multipart(form) = &whole else { panic!() };
    assert_eq!(Value::from(form.fields.clone()), json!({"tag": ["one", "two\r\nlines"]}));
    assert_eq!(
        form.files,
        [file("../a b.png", "image/png", b"\0\x01"), file("plain", "application/octet-stream", b"")]
    );
    // However it is cut.
    let bytes: Vec<_> = text.bytes().map(|byte| Bytes::copy_from_slice(&[byte])).collect();
    assert_eq!(read_chunks(MULTIPART, bytes, &BodyLimits::of_total(10_000)).await.unwrap(), whole);
}

#[tokio::test]
async fn multipart_forms_have_limits() {
    let field = "Content-Disposition: form-data; name=\"a\"\r\n\r\n12345";
    let file = "Content-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n1234567";
    let text = Bytes::from(form(&[field, file]));
    let read = async |limits: BodyLimits| read_chunks(MULTIPART, vec![text.clone()], &limits).await;
    let wide = BodyLimits::of_total(text.len() as u64);
    assert!(read(wide).await.is_ok());
    assert_eq!(read(BodyLimits { parts: 1, ..wide }).await, Err(BodyError::TooManyParts { limit: 1 }));
    let too_large = |field: &str, limit| Err(BodyError::PartTooLarge { field: field.to_owned(), limit });
    assert_eq!(read(BodyLimits { field: 4, ..wide }).await, too_large("a", 4));
    assert_eq!(read(BodyLimits { file: 6, ..wide }).await, too_large("f", 6));
    assert!(read(BodyLimits { field: 5, file: 7, ..wide }).await.is_ok());
    let short = wide.total - 1;
    assert_eq!(read(BodyLimits { total: short, ..wide }).await, Err(BodyError::TooLarge { limit: short }));
}

#[tokio::test]
async fn malformed_multipart_forms_are_refused() {
    let nameless = form(&["Content-Disposition: form-data\r\n\r\nx"]);
    for (content_type, text) in [
        (MULTIPART, "no boundary at all"),
        (MULTIPART, "--b\r\n"),
        (MULTIPART, &nameless),
        ("multipart/form-data", "--b--\r\n"),
    ] {
        let error = read(content_type, text).await.unwrap_err();
        assert!(matches!(error, BodyError::MalformedMultipart { .. }) && error.status() == 400, "{text}: {error}");
    }
}

#[tokio::test]
async fn a_declared_length_over_the_limit_is_refused_unread() {
    let unreadable = StreamBody::new(stream::pending::<Result<Frame<Bytes>, io::Error>>());
    let headers = headers(&[("content-length", "17")]);
    let error = Body::read(&headers, unreadable, &BodyLimits::of_total(16)).await.unwrap_err();
    assert_eq!(error.to_string(), "Request body exceeded 16 bytes.");
    assert_eq!((error.status().as_u16(), error.code()), (413, "payload_too_large"));
}

/// c11: the limit holds while an undeclared body is read, not after it.
#[tokio::test]
async fn c11_reading_stops_at_the_limit() {
    for content_type in ["text/plain", "application/json", MULTIPART] {
        let (result, taken) = read_broken(content_type, &[Ok("12345678"), Ok("9"), Ok("never"), Ok("taken")], 8).await;
        assert_eq!((result, taken), (Err(BodyError::TooLarge { limit: 8 }), 2), "{content_type}");
        let broken = [Ok("1"), Err(io::ErrorKind::ConnectionReset)];
        assert_eq!(read_broken(content_type, &broken, 8).await.0, Err(BodyError::Interrupted), "{content_type}");
    }
    assert_eq!(read_broken("text/plain", &[Ok("1234"), Ok("5678")], 8).await.0, Ok(Body::Text("12345678".to_owned())));
}

/// Connections are served on several threads.
#[test]
fn reading_can_move_between_threads() {
    fn check(_: impl Send) {}
    let (headers, limits) = (HeaderMap::new(), BodyLimits::of_total(1));
    check(Body::read(&headers, http_body_util::Full::new(Bytes::new()), &limits));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
        for content_type in ["application/json", FORM, "text/plain", MULTIPART, "multipart/form-data; boundary=\u{22}\u{22}"] {
            let bytes = Bytes::from(bytes.clone());
            let cut = cut.min(bytes.len());
            let chunks = vec![bytes.slice(..cut), bytes.slice(cut..)];
            let _ = block_on(read_chunks(content_type, chunks, &BodyLimits::of_total(150)));
        }
    }

    #[test]
    fn any_multipart_like_text_is_read(parts in prop::collection::vec("(--b(--)?|\r\n|Content-Disposition: form-data; name=\"[a-z]?\"|; filename=|x|:){1,12}", 0..6)) {
        let _ = block_on(read(MULTIPART, &parts.concat()));
    }

    #[test]
    fn forms_come_back(fields in prop::collection::vec((".{0,8}", ".{0,8}"), 1..10)) {
        let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(&fields).finish();
        let Ok(Body::Form(parsed)) = block_on(read(FORM, &text)) else { panic!("no form") };
        for (name, value) in &fields {
            let found = &parsed[name];
            prop_assert!(found == value || found.as_array().is_some_and(|values| values.contains(&json!(value))));
        }
    }
}
