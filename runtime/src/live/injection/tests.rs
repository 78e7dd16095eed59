use futures_util::StreamExt as _;
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::prelude::*;

use super::*;

fn request(method: &Method, destination: Option<&'static str>) -> (Injection, String) {
    let live = Live::new();
    let headers = destination.map(|name| (FETCH_DESTINATION, HeaderValue::from_static(name)));
    let injection = Injection::new(&live, method, &HeaderMap::from_iter(headers));
    let element = String::from_utf8(injection.element().to_vec()).unwrap();
    (injection, element)
}

fn page(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("Text/HTML; charset=utf-8"));
    response
}

fn streamed(pieces: &[&'static str]) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
    StreamBody::new(futures_util::stream::iter(pieces).boxed()).boxed_unsync()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn the_script_stands_at_the_end_of_the_body() {
    let (injection, element) = request(&Method::GET, None);
    for (document, expected) in [
        ("<html><body><p></body></html>", format!("<html><body><p>{element}</body></html>")),
        ("<BODY>x</BODY></HTML>", format!("<BODY>x{element}</BODY></HTML>")),
        ("<script>'</body>'</script></body>", format!("<script>'</body>'</script>{element}</body>")),
        ("a fragment", format!("a fragment{element}")),
        ("<body>no end", format!("<body>no end{element}")),
        ("", element.clone()),
        ("é</bOdY>", format!("é{element}</bOdY>")),
    ] {
        assert_eq!(text(injection.apply(page(response::full(document))).await).await, expected, "{document}");
    }
    let own = r#"<body><script src="/__webstir/live.js" defer></script></body>"#;
    assert_eq!(text(injection.apply(page(response::full(own))).await).await, own);
}

#[tokio::test]
async fn a_stream_is_passed_on_and_ends_with_the_script() {
    let (injection, element) = request(&Method::GET, Some("document"));
    let mut response = page(streamed(&["<body>", "one", "</body>"]));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("16"));
    let response = injection.apply(response).await;
    assert!(!response.headers().contains_key(CONTENT_LENGTH));
    assert_eq!(text(response).await, format!("<body>one</body>{element}"));
    let own = ["<script src=\"/__webs", "tir/li", "ve.js\"></script>", ""];
    assert_eq!(text(injection.apply(page(streamed(&own))).await).await, own.concat());
    let broken =
        futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"x"))), Err(std::io::Error::other("y"))]);
    let response = injection.apply(page(StreamBody::new(broken.boxed()).boxed_unsync())).await;
    let pieces: Vec<_> = response.into_body().into_data_stream().collect().await;
    assert_eq!(pieces.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false]);
}

#[tokio::test]
async fn what_names_the_bytes_goes_with_them() {
    let (injection, element) = request(&Method::GET, None);
    let mut response = page(response::full("x"));
    for (name, value) in [
        (CONTENT_LENGTH, "1"),
        (ETAG, "\"a\""),
        (LAST_MODIFIED, "Fri, 01 Jan 2100 00:00:00 GMT"),
        (ACCEPT_RANGES, "bytes"),
        (DIGESTS[0].clone(), "sha-256=:x:"),
        (CACHE_CONTROL, "max-age=60"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    let response = injection.apply(response).await;
    let expected: HeaderMap = [
        (CONTENT_TYPE, HeaderValue::from_static("Text/HTML; charset=utf-8")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]
    .into_iter()
    .collect();
    assert_eq!(*response.headers(), expected);
    assert_eq!(response.body().size_hint().exact(), Some(element.len() as u64 + 1));
}

#[tokio::test]
async fn head_says_no_other_length_than_get() {
    let (injection, element) = request(&Method::HEAD, None);
    let whole = injection.apply(page(response::full("x"))).await;
    assert_eq!(whole.body().size_hint().exact(), Some(element.len() as u64 + 1));
    let mut absent = page(response::empty());
    absent.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("10"));
    let absent = injection.apply(absent).await;
    assert!(!absent.headers().contains_key(CONTENT_LENGTH));
    assert_eq!(text(absent).await, "");
}

#[tokio::test]
async fn everything_else_is_left_alone() {
    let untouched =
        async |injection: &Injection, mut response: Response<Body>, name: HeaderName, value: &'static str| {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
            let before = response.headers().clone();
            let response = injection.apply(response).await;
            assert_eq!(*response.headers(), before);
            assert_eq!(text(response).await, "</body>", "{before:?}");
        };
    let whole = || page(response::full("</body>"));
    let (injection, _) = request(&Method::GET, None);
    for (name, value) in [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_TYPE, "text/htmlx"),
        (CONTENT_TYPE, "application/xhtml+xml"),
        (CONTENT_TYPE, "text/html; charset=UTF-16LE"),
        (CONTENT_ENCODING, "gzip"),
        (CONTENT_RANGE, "bytes 0-6/7"),
    ] {
        untouched(&injection, whole(), name, value).await;
    }
    for status in [StatusCode::NOT_MODIFIED, StatusCode::SEE_OTHER, StatusCode::NO_CONTENT] {
        let mut response = whole();
        *response.status_mut() = status;
        untouched(&injection, response, ETAG, "\"a\"").await;
    }
    for destination in ["empty", "script", "image"] {
        let (injection, _) = request(&Method::GET, Some(destination));
        untouched(&injection, whole(), ETAG, "\"a\"").await;
    }
}

proptest! {
    #[test]
    fn nothing_of_a_document_is_lost(document in "(</?[bB]ody>?|</bo|[^<]|\\PC){0,30}", cut in 0usize..60) {
        let (injection, element) = request(&Method::GET, None);
        let whole = injection.inserted(document.clone().into());
        prop_assert_eq!(String::from_utf8_lossy(&whole).replacen(&element, "", 1), document.as_str());
        // What was given the script is not given another, whole or in pieces.
        prop_assert_eq!(&injection.inserted(whole.clone()), &whole);
        let mut appending = Appending::new(response::empty(), injection.element());
        let (before, after) = whole.split_at(cut.min(whole.len()));
        appending.look(before);
        appending.look(after);
        prop_assert!(appending.is_done());
    }
}
