//! Multipart forms.
//!
//! A *field* is a text, a *file* has a file name. Both are read as they come, so that a form that is too long in any way is
//! refused before the rest of it arrives.

use super::{Body, BodyError, BodyLimits};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use http_body_util::{BodyDataStream, LengthLimitError, Limited};
use multer::Field;
use serde_json::{Map, Value};
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

/// A form with files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multipart {
    /// The texts, like those of a urlencoded form.
    pub fields: Map<String, Value>,
    /// The files in their order; a field may have several. A file input without a choice gives none.
    pub files: Vec<UploadedFile>,
}

/// A file of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedFile {
    /// The name of the field.
    pub name: String,
    /// What the client calls the file. It may be anything, `../` included, and must not be used as a path.
    pub filename: String,
    /// What the client says it is, `application/octet-stream` if it says nothing.
    pub content_type: String,
    pub bytes: Bytes,
}

/// The longest boundary that the format allows.
const BOUNDARY_LIMIT: usize = 70;

pub(super) async fn read<B>(body: Limited<B>, boundary: Option<String>, limits: &BodyLimits) -> Result<Body, BodyError>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let is_empty = AtomicBool::new(true);
    let stream = BodyDataStream::new(body).inspect_ok(|bytes| {
        if !bytes.is_empty() {
            is_empty.store(false, Ordering::Relaxed);
        }
    });
    let boundary = boundary
        .filter(|boundary| (1..=BOUNDARY_LIMIT).contains(&boundary.len()))
        .ok_or_else(|| malformed("its content type names no boundary"))?;
    match parts(multer::Multipart::new(stream, boundary), limits).await {
        Err(BodyError::MalformedMultipart { .. }) if is_empty.load(Ordering::Relaxed) => Ok(Body::Empty),
        result => result.map(Body::Multipart),
    }
}

async fn parts(mut parts: multer::Multipart<'_>, limits: &BodyLimits) -> Result<Multipart, BodyError> {
    let mut form = Multipart::default();
    let mut count = 0;
    while let Some(mut part) = parts.next_field().await.map_err(|error| refused(&error, limits))? {
        count += 1;
        if count > limits.parts {
            return Err(BodyError::TooManyParts { limit: limits.parts });
        }
        let name = part.name().ok_or_else(|| malformed("a part has no name"))?.to_owned();
        let Some(filename) = part.file_name().map(str::to_owned) else {
            let bytes = part_bytes(&mut part, &name, limits.field, limits).await?;
            super::add(&mut form.fields, name, String::from_utf8_lossy(&bytes).into_owned());
            continue;
        };
        let content_type = part.content_type().map_or("application/octet-stream", AsRef::as_ref).to_owned();
        let bytes = part_bytes(&mut part, &name, limits.file, limits).await?;
        if !filename.is_empty() || !bytes.is_empty() {
            form.files.push(UploadedFile { name, filename, content_type, bytes });
        }
    }
    Ok(form)
}

async fn part_bytes(part: &mut Field<'_>, name: &str, limit: u64, limits: &BodyLimits) -> Result<Bytes, BodyError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(|error| refused(&error, limits))? {
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(BodyError::PartTooLarge { field: name.to_owned(), limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn refused(error: &multer::Error, limits: &BodyLimits) -> BodyError {
    match error {
        multer::Error::StreamReadFailed(cause) if cause.is::<LengthLimitError>() => {
            BodyError::TooLarge { limit: limits.total }
        }
        multer::Error::StreamReadFailed(_) => BodyError::Interrupted,
        other => malformed(&other.to_string()),
    }
}

fn malformed(reason: &str) -> BodyError {
    BodyError::MalformedMultipart { reason: reason.to_owned() }
}
