//! The bytes of assets.
//!
//! A *short* asset is read whole and kept in memory, by digest, within a bound; a *long* one is streamed from the disk. What a file
//! holds is believed for a moment; then its stamp is looked at again. A file that has changed gets a new version; bytes of one
//! version never leave under the digest of another.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::task::spawn_blocking;

use super::encoding::ContentEncoding;
use super::place::{Source, Stamp};
use super::{Asset, Version};
use crate::response::{self, Body};

/// Assets up to this length are read whole.
pub(super) const SHORT: u64 = 256 << 10;
/// Of what is kept in memory.
const MOST_BYTES: u64 = 64 << 20;
/// How many short assets that may be.
const LIKELY_ASSETS: usize = 4096;
/// For how long a file is believed to be what it was.
const BELIEVED: Duration = Duration::from_secs(1);
/// A long asset is read in pieces of this length.
const PIECE: u64 = 128 << 10;
/// A file that changes each time it is read is given up after so many times.
const ATTEMPTS: usize = 3;

/// Short assets that were asked for.
#[derive(Debug)]
pub(super) struct Contents {
    kept: Cache<blake3::Hash, Bytes, Length>,
    believed: Duration,
}

#[derive(Debug, Clone)]
struct Length;

impl Weighter<blake3::Hash, Bytes> for Length {
    fn weight(&self, _digest: &blake3::Hash, bytes: &Bytes) -> u64 {
        // What keeping one costs beside its bytes.
        bytes.len() as u64 + 128
    }
}

impl Default for Contents {
    fn default() -> Self {
        Self::believing(BELIEVED)
    }
}

/// An asset whose version is known and whose bytes can be had.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) version: Version,
    source: OpenSource,
}

#[derive(Debug)]
enum OpenSource {
    Whole(Bytes),
    File(File, Stamp),
}

impl Contents {
    pub(super) fn believing(believed: Duration) -> Self {
        Self { kept: Cache::with_weighter(LIKELY_ASSETS, MOST_BYTES, Length), believed }
    }

    /// Opens an asset.
    pub(super) async fn open(self: &Arc<Self>, asset: &Arc<Asset>) -> io::Result<Opened> {
        match self.remembered(asset) {
            Some(opened) => Ok(opened),
            None => self.off_thread(asset, Contents::read).await,
        }
    }

    /// Opens the variant of `asset` with that encoding. None when there is none of the bytes that `asset` has now.
    pub(super) async fn open_variant(
        self: &Arc<Self>,
        asset: &Arc<Asset>,
        encoding: ContentEncoding,
    ) -> io::Result<Option<Opened>> {
        let Some((_, variant)) = asset.variants.iter().find(|(other, _)| *other == encoding) else { return Ok(None) };
        if self.believed_version(asset).is_some_and(|version| version.is_indexed)
            && let Some(opened) = self.remembered(variant)
        {
            return Ok(opened.version.is_indexed.then_some(opened));
        }
        let variant = Arc::clone(variant);
        self.off_thread(asset, move |contents, asset| {
            if !asset.refresh()?.is_some_and(|refreshed| refreshed.version.is_indexed) {
                return Ok(None);
            }
            match contents.read(&variant) {
                Ok(opened) => Ok(opened.version.is_indexed.then_some(opened)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        self: &Arc<Self>,
        asset: &Arc<Asset>,
        work: impl FnOnce(&Self, &Asset) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let (contents, asset) = (Arc::clone(self), Arc::clone(asset));
        let done = spawn_blocking(move || work(&contents, &asset)).await;
        done.unwrap_or_else(|fault| std::panic::resume_unwind(fault.into_panic()))
    }

    fn believed_version(&self, asset: &Asset) -> Option<Version> {
        // Whoever holds it reads a changed file, for which no request on this thread may wait.
        let current = asset.current.try_lock().ok()?;
        let is_believed = current.checked.is_some_and(|checked| checked.elapsed() < self.believed);
        is_believed.then_some(current.version)
    }

    /// From memory, without asking the disk.
    fn remembered(&self, asset: &Asset) -> Option<Opened> {
        let version = self.believed_version(asset)?;
        let bytes = self.kept.get(&version.digest)?;
        Some(Opened { version, source: OpenSource::Whole(bytes) })
    }

    fn read(&self, asset: &Asset) -> io::Result<Opened> {
        for _ in 0..ATTEMPTS {
            let Some(Refreshed { version, source }) = asset.refresh()? else { continue };
            let (file, stamp) = match source {
                Source::Memory(bytes) => return Ok(Opened { version, source: OpenSource::Whole(bytes) }),
                Source::File(file, stamp) => (file, stamp),
            };
            if version.length > SHORT {
                return Ok(Opened { version, source: OpenSource::File(file, stamp) });
            }
            if let Some(bytes) = self.kept.get(&version.digest) {
                return Ok(Opened { version, source: OpenSource::Whole(bytes) });
            }
            let mut bytes = Vec::with_capacity(usize::try_from(version.length).unwrap_or_default());
            file.take(SHORT + 1).read_to_end(&mut bytes)?;
            if blake3::hash(&bytes) == version.digest {
                let bytes = Bytes::from(bytes);
                self.kept.insert(version.digest, bytes.clone());
                return Ok(Opened { version, source: OpenSource::Whole(bytes) });
            }
            // It changed faster than the clock of its stamp.
            asset.current().stamp = None;
        }
        Err(io::Error::other("the file does not stop changing"))
    }
}

struct Refreshed {
    version: Version,
    source: Source,
}

impl Asset {
    /// Opens the asset and sees to it that its version is that of what was opened. None when it changed meanwhile.
    fn refresh(&self) -> io::Result<Option<Refreshed>> {
        let source = self.place.open(&self.path)?;
        // Held while a changed file is read, so that it is read once.
        let mut current = self.current();
        if let Source::File(file, stamp) = &source
            && current.stamp != Some(*stamp)
        {
            let digest = blake3::Hasher::new().update_reader(Pieces { file, at: 0 })?.finalize();
            if Stamp::of(&file.metadata()?) != *stamp {
                return Ok(None);
            }
            let is_indexed = current.version.is_indexed && current.version.digest == digest;
            current.version = Version { digest, length: stamp.length(), is_indexed };
            current.stamp = Some(*stamp);
        }
        current.checked = Some(Instant::now());
        Ok(Some(Refreshed { version: current.version, source }))
    }
}

/// Reads a file without moving its position.
struct Pieces<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

impl Opened {
    /// The bytes of a range that lies within the length.
    pub(super) fn into_body(self, range: Range<u64>) -> Body {
        match self.source {
            OpenSource::Whole(bytes) => {
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                response::full(bytes.slice(place(range.start)..place(range.end)))
            }
            OpenSource::File(file, stamp) => stream_file(Reading { file, stamp, at: range.start, end: range.end }),
        }
    }
}

struct Reading {
    file: File,
    stamp: Stamp,
    at: u64,
    end: u64,
}

impl Reading {
    /// The next piece. The last one is given only when the file is still what it was when it was opened.
    fn next(mut self) -> io::Result<(Bytes, Self)> {
        let length = PIECE.min(self.end - self.at);
        let mut piece = vec![0; usize::try_from(length).unwrap_or_default()];
        self.file.read_exact_at(&mut piece, self.at)?;
        self.at += length;
        if self.at == self.end && Stamp::of(&self.file.metadata()?) != self.stamp {
            return Err(io::Error::other("the file changed while it was sent"));
        }
        Ok((piece.into(), self))
    }
}

/// No thread is held while a slow client takes a piece.
fn stream_file(reading: Reading) -> Body {
    let pieces = stream::try_unfold(reading, |reading| async move {
        if reading.at >= reading.end {
            return Ok(None);
        }
        let read = spawn_blocking(move || reading.next()).await.map_err(io::Error::other)?;
        read.map(|(piece, reading)| Some((Frame::data(piece), reading)))
    });
    StreamBody::new(pieces).boxed_unsync()
}
