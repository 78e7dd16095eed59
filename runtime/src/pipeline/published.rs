//! A request that the published tree serves.

use std::io;

use http::header::{ACCEPT, HeaderMap};
use http::{HeaderValue, Method, Response, StatusCode};
use mime::Mime;

use super::{Exchange, Failure};
use crate::metrics::STATIC_ROUTE;
use crate::response::{self, Body};
use crate::route::RequestPath;
use crate::site::Site;

const PLAIN_TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

impl Exchange {
    /// The file of a path; none where there is no such file.
    pub(super) async fn published_file(&self, site: &Site, path: &RequestPath<'_>) -> Option<Response<Body>> {
        let asset = site.find(path)?;
        let answered = if self.state.live.is_some() {
            site.assets().respond_live(asset, &self.method, &self.headers).await
        } else {
            site.assets().respond(asset, &self.method, &self.headers).await
        };
        let response = match answered {
            Ok(response) => response,
            // It was there when the tree was indexed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => self.failed(STATIC_ROUTE, &Failure::Asset(error)),
        };
        Some(self.secured(response))
    }

    /// What a path without anything gets: a page for those who read pages.
    pub(super) async fn nothing_published(&self, site: &Site) -> Response<Body> {
        let page = site.not_found_page().filter(|_| accepts_html(&self.headers));
        let response = match page {
            Some(page) => site.assets().error_page(page, StatusCode::NOT_FOUND, &self.method).await.ok(),
            None => None,
        };
        let response = response.unwrap_or_else(|| response::text(StatusCode::NOT_FOUND, PLAIN_TEXT, "Not found."));
        self.secured(response)
    }

    fn secured(&self, mut response: Response<Body>) -> Response<Body> {
        self.serving.configured.security.add_all(response.headers_mut());
        response
    }

    /// Whether the published tree may answer at all.
    pub(super) fn is_read(&self) -> bool {
        self.method == Method::GET || self.method == Method::HEAD
    }
}

/// Whether `text/html` is named; a wildcard is what scripts send.
pub(super) fn accepts_html(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(',')).filter_map(|range| range.trim().parse::<Mime>().ok());
    ranges.any(|range| range.essence_str() == "text/html" && range.get_param("q").is_none_or(|q| !is_zero(q.as_str())))
}

fn is_zero(weight: &str) -> bool {
    weight.parse::<f32>().is_ok_and(|weight| weight == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_for_those_who_name_html() {
        let accepts =
            |value: &'static str| accepts_html(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(value))]));
        assert!(accepts("text/html,application/xhtml+xml,*/*;q=0.8") && accepts("*/*, Text/HTML;q=0.1"));
        for value in ["*/*", "application/json", "text/html;q=0", "text/htmlx", "", ";,"] {
            assert!(!accepts(value), "{value}");
        }
        assert!(!accepts_html(&HeaderMap::new()));
    }
}
