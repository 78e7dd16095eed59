//! Bytes by their digest, wherever they are kept.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use crate::digest::Digest;

/// The blobs that an action may read by digest and adds to.
pub trait Blobs: Debug + Send + Sync {
    /// The bytes of a blob; `None` when it is not there or damaged.
    fn get(&self, digest: Digest) -> io::Result<Option<Arc<[u8]>>>;
    /// Adds a blob and returns its digest.
    fn put(&self, bytes: &[u8]) -> io::Result<Digest>;
    /// What follows from that which `key` is the digest of; `None` when nobody knows. It saves time and decides nothing.
    fn fact(&self, key: Digest) -> io::Result<Option<Vec<u8>>>;
    /// Keeps what follows from that which `key` is the digest of.
    fn put_fact(&self, key: Digest, fact: &[u8]) -> io::Result<()>;
}
