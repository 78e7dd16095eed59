//! The code of modules, compiled once a process.
//!
//! To compile a text costs several times what it costs to load what was made of it. What the engine makes of a text that is known
//! by its digest is kept, up to a size, and loaded when a module of the same path and digest is declared again: after an edit all
//! modules but one. Of a path the last texts are kept, not one for each edit.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use rquickjs::module::Declared;
use rquickjs::{Ctx, Module, WriteOptions};

/// Bytes that each of two generations keeps.
const GENERATION: usize = 32 << 20;

/// The code of one module: its text, or what the engine made of the same text before.
#[derive(Clone)]
pub struct Code(Form);

#[derive(Clone)]
enum Form {
    /// The digest when it is to be kept.
    Text {
        text: Arc<str>,
        digest: Option<[u8; 32]>,
    },
    Compiled(Arc<Compiled>),
}

impl Code {
    /// A text that is compiled each time.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(Form::Text { text: text.into(), digest: None })
    }

    /// The text of the module at `path`, known by the digest of its bytes. `read` is asked for it when it is not compiled yet.
    pub fn known<E>(path: &str, digest: [u8; 32], read: impl FnOnce() -> Result<Arc<str>, E>) -> Result<Self, E> {
        if let Some(compiled) = cache().find(path, digest) {
            return Ok(Self(Form::Compiled(compiled)));
        }
        Ok(Self(Form::Text { text: read()?, digest: Some(digest) }))
    }

    /// A text of this program, for the module `path`. It is known by where it lies: nothing else ever lies there.
    pub(crate) fn constant(path: &str, text: &'static str) -> Self {
        let mut place = [0; 32];
        for (part, value) in place.chunks_exact_mut(8).zip([text.as_ptr() as usize, text.len()]) {
            part.copy_from_slice(&(value as u64).to_le_bytes());
        }
        let Ok(code) = Self::known(path, place, || Ok::<_, Infallible>(Arc::from(text)));
        code
    }

    /// Declares a module of this code. Its name is `path`, in frames too.
    pub(crate) fn declare<'js>(&self, ctx: &Ctx<'js>, path: &str) -> rquickjs::Result<Module<'js, Declared>> {
        match &self.0 {
            Form::Compiled(compiled) => compiled.load(ctx),
            Form::Text { text, digest } => {
                let module = Module::declare(ctx.clone(), path, &**text)?;
                if let Some(digest) = digest
                    && let Ok(bytes) = module.write(WriteOptions::default())
                {
                    cache().keep(path, *digest, Arc::new(Compiled(bytes.into())));
                }
                Ok(module)
            }
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if matches!(self.0, Form::Text { .. }) { "text" } else { "compiled" })
    }
}

/// What the engine wrote of a module. Only [`Code::declare`] makes one, and it is never written down: the engine takes such bytes on
/// trust.
struct Compiled(Box<[u8]>);

impl Compiled {
    #[expect(unsafe_code, reason = "the engine's own bytes, from this process")]
    fn load<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Module<'js, Declared>> {
        // SAFETY: the bytes come from `Module::write` of the same engine in the same process, with the same options, and nothing
        // has changed them since: the field is private, and no constructor takes foreign bytes.
        unsafe { Module::load(ctx.clone(), &self.0) }
    }
}

/// How many texts of one path are kept, the latest first. Texts of this program differ between the ways in which a module is run, of
/// which there are two; an edit that is taken back finds what was compiled before it.
const TEXTS: usize = 2;

/// What was compiled of the texts of one path, by digest.
type Texts = Vec<([u8; 32], Arc<Compiled>)>;

/// Two generations: what is used moves to the young one; when that is full it is the old one, and what the old one still held goes.
#[derive(Default)]
struct Cache {
    young: HashMap<Box<str>, Texts>,
    old: HashMap<Box<str>, Texts>,
    /// Of the young one.
    bytes: usize,
}

static CACHE: LazyLock<Mutex<Cache>> = LazyLock::new(Mutex::default);

fn cache() -> MutexGuard<'static, Cache> {
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    fn find(&mut self, path: &str, digest: [u8; 32]) -> Option<Arc<Compiled>> {
        let place = |texts: &Texts| texts.iter().position(|(known, _)| *known == digest);
        if let Some(texts) = self.young.get_mut(path)
            && let Some(place) = place(texts)
        {
            texts[..=place].rotate_right(1);
            return Some(Arc::clone(&texts[0].1));
        }
        let texts = self.old.get_mut(path)?;
        let (_, compiled) = texts.remove(place(texts)?);
        self.keep(path, digest, Arc::clone(&compiled));
        Some(compiled)
    }

    fn keep(&mut self, path: &str, digest: [u8; 32], compiled: Arc<Compiled>) {
        if self.bytes + compiled.0.len() > GENERATION {
            self.old = mem::take(&mut self.young);
            self.bytes = 0;
        }
        let bytes = |texts: &Texts| texts.iter().map(|(_, compiled)| compiled.0.len()).sum::<usize>();
        let texts = self.young.entry(path.into()).or_default();
        let before = bytes(texts);
        // Two threads may compile the same text.
        texts.retain(|(known, _)| *known != digest);
        texts.insert(0, (digest, compiled));
        texts.truncate(TEXTS);
        self.bytes = self.bytes - before + bytes(texts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(bytes: usize) -> Arc<Compiled> {
        Arc::new(Compiled(vec![0; bytes].into()))
    }

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut cache = Cache::default();
        let third = GENERATION / 3;
        for name in ["a", "b", "c"] {
            cache.keep(name, [0; 32], compiled(third));
        }
        cache.keep("d", [0; 32], compiled(third));
        assert!(cache.find("a", [0; 32]).is_some() && cache.find("a", [1; 32]).is_none());
        for name in ["e", "f"] {
            cache.keep(name, [0; 32], compiled(third));
        }
        let left = ["a", "b", "c", "d", "e", "f"].map(|name| cache.find(name, [0; 32]).is_some());
        assert_eq!(left, [true, false, false, true, true, true]);
        cache.keep("large", [0; 32], compiled(2 * GENERATION));
        cache.keep("small", [0; 32], compiled(1));
        assert!(cache.find("a", [0; 32]).is_none());
    }

    #[test]
    fn an_edited_module_leaves_no_more_than_its_last_texts() {
        let mut cache = Cache::default();
        cache.keep("other", [0; 32], compiled(7));
        for edit in 0..100 {
            cache.keep("edited", [edit; 32], compiled(10));
            // Two are used in turn, as constants are.
            let is_known = cache.find("edited", [edit.saturating_sub(1); 32]).is_some();
            assert!(is_known && cache.find("edited", [edit; 32]).is_some());
        }
        assert_eq!((cache.young["edited"].len(), cache.bytes), (TEXTS, 7 + TEXTS * 10));
        assert!(cache.find("edited", [97; 32]).is_none() && cache.find("other", [0; 32]).is_some());
    }
}
