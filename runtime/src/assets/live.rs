//! Assets while a workspace is edited.

use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;

use super::place::{Place, Source};
use super::{Asset, AssetError, AssetIndex, is_variant};
use crate::live::is_html;
use crate::response::Body;

impl AssetIndex {
    /// The same assets, of which documents are in memory: what becomes of their files changes nothing. Those that `before` has in memory
    /// are not read again.
    pub(crate) fn with_documents_in_memory(&self, before: Option<&Self>) -> Result<Self, AssetError> {
        let keep = |(path, asset): (&String, &Arc<Asset>)| {
            let known = before.and_then(|before| before.asset(path)).filter(|known| known.is_kept_for(asset));
            let asset = match known {
                _ if !asset.is_document() => Arc::clone(asset),
                Some(known) => Arc::clone(known),
                None => Arc::new(asset.in_memory()?),
            };
            Ok((path.clone(), asset))
        };
        let assets = self.assets.iter().map(keep).collect::<Result<_, AssetError>>()?;
        Ok(Self { assets, identity: self.identity, contents: Arc::clone(&self.contents) })
    }

    /// Answers GET and HEAD. A document is whole, plain and without conditions, for it is not sent as it is; nothing is kept without
    /// being asked for again, unless its name says what is in it.
    pub(crate) async fn respond_live(
        &self,
        asset: &Arc<Asset>,
        method: &Method,
        headers: &HeaderMap,
    ) -> io::Result<Response<Body>> {
        if asset.is_document() {
            return self.error_page(asset, StatusCode::OK, method).await;
        }
        let mut response = self.respond(asset, method, headers).await?;
        response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
        Ok(response)
    }

    /// The text of a document.
    pub(crate) async fn text(&self, asset: &Arc<Asset>) -> io::Result<Arc<str>> {
        let opened = self.contents.open(asset).await?;
        let length = opened.version.length;
        let bytes = opened.into_body(0..length).collect().await?.to_bytes();
        Ok(String::from_utf8_lossy(&bytes).into())
    }

    /// Path and digest of each file, variants left out, sorted by path.
    pub(crate) fn digests(&self) -> impl Iterator<Item = (&str, blake3::Hash)> {
        let is_own = |path: &&String| !is_variant(path);
        self.assets.iter().filter(move |(path, _)| is_own(path)).map(|(path, asset)| (path.as_str(), asset.digest))
    }
}

impl Asset {
    fn is_document(&self) -> bool {
        is_html(&self.content_type)
    }

    /// Whether it holds the bytes of `other` in memory, to be sent in the same way.
    fn is_kept_for(&self, other: &Self) -> bool {
        matches!(self.place, Place::Memory(_)) && self.digest == other.digest && self.cache == other.cache
    }

    /// Reads the file that was indexed, and no other.
    fn in_memory(&self) -> Result<Self, AssetError> {
        let failed = |source| AssetError::Read { path: PathBuf::from(&self.path), source };
        let bytes = match self.place.open(&self.path).map_err(failed)? {
            Source::Memory(bytes) => bytes,
            Source::File(mut file, _) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(failed)?;
                Bytes::from(bytes)
            }
        };
        if blake3::hash(&bytes) != self.digest {
            return Err(failed(io::Error::other("it is not the file that was indexed")));
        }
        let entry = super::AssetEntry {
            path: self.path.clone(),
            digest: self.digest,
            length: bytes.len() as u64,
            place: Place::Memory(bytes),
        };
        Ok(Self::new(entry, self.cache, Vec::new()))
    }
}
