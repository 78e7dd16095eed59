//! Whether the workspace is still as it was seen.
//!
//! Discovered inputs [hold](holds()) when every query finds what they record. What a file gave through a projection is part of that:
//! which digest a content derives to is a [fact](crate::fact), so that each content is derived once.

use std::sync::Arc;

use crate::db::Db;
use crate::digest::Digest;
use crate::discovered::{DiscoveredInput, DiscoveredInputs};
use crate::file::{self, Content, state};
use crate::path::RelPath;
use crate::projection::Projection;

/// Whether every query of `discovered` finds what it did then.
pub fn holds(db: &dyn Db, discovered: &DiscoveredInputs) -> bool {
    discovered.iter().all(|(path, input)| gives(db, path, input))
}

/// Whether the workspace gives this.
pub fn gives(db: &dyn Db, path: &RelPath, input: &DiscoveredInput) -> bool {
    match input {
        DiscoveredInput::Derived(name, digest) => derived(db, path, name) == Some(*digest),
        _ => state(db, path, input.query()).agrees(input),
    }
}

/// The digest of what the projection of that name gives for the file at `path`; `None` when it gives nothing, when there is no
/// file, or no such projection.
fn derived(db: &dyn Db, path: &RelPath, name: &str) -> Option<Digest> {
    let projection = db.projection(name)?;
    let Content::Digest(content) = file::content(db, path) else { return None };
    let key = fact_key(db, path, name, content);
    // The fact is the digest, or empty where nothing is derived. One that is neither is made again.
    if let Some(fact) = db.facts().find(key) {
        match <[u8; 32]>::try_from(&*fact) {
            Ok(bytes) => return Some(Digest::from_bytes(bytes)),
            Err(_) if fact.is_empty() => return None,
            Err(_) => {}
        }
    }
    derive(db, projection, path, key)
}

/// Derives once more from the file at `path` what a fact may tell wrongly: an action that derived it saw something else.
pub fn renew(db: &dyn Db, path: &RelPath, name: &str) {
    if let Some(projection) = db.projection(name)
        && let Content::Digest(content) = file::content(db, path)
    {
        derive(db, projection, path, fact_key(db, path, name, content));
    }
}

fn fact_key(db: &dyn Db, path: &RelPath, name: &str, content: Digest) -> Digest {
    db.facts().key(name, path.extensions(), content)
}

fn derive(db: &dyn Db, projection: &Projection, path: &RelPath, key: Digest) -> Option<Digest> {
    let digest = projection.apply(path, &file::bytes(db, path)?).map(|derived| Digest::of(&derived));
    db.facts().keep(key, Arc::from(digest.as_ref().map_or(&[][..], |digest| digest.as_bytes())));
    digest
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::config::Config;
    use crate::database::Database;
    use crate::environment::Environment;
    use crate::fact::FactTable;
    use crate::machine::Bare;
    use crate::plan::Plans;
    use crate::system::Memory;

    const FIRST_LINE: Projection = Projection {
        name: "first lines v1",
        derive: |_, bytes| bytes.iter().position(|&byte| byte == b'\n').map(|end| bytes[..end].to_vec()),
    };

    #[test]
    fn each_content_is_derived_once_and_again_when_asked() {
        let system = Arc::new(Memory::with_files(&[("a", "1\n2"), ("b", "1")]));
        let rules = Arc::new(Plans::new(Vec::new(), &[FIRST_LINE]));
        let facts = Arc::new(FactTable::new(None, Digest::of(b"1")));
        let db = Database::new(
            system,
            Arc::new(Bare),
            rules,
            facts.clone(),
            Arc::new(Config::default()),
            Environment::default(),
        );
        let path = |text: &str| RelPath::new(text).unwrap();
        let of = |file: &str| derived(&db, &path(file), FIRST_LINE.name);
        for _ in 0..2 {
            assert_eq!([of("a"), of("b"), of("none")], [Some(Digest::of(b"1")), None, None]);
        }
        assert_eq!(derived(&db, &path("a"), "first lines v2"), None);
        let key = fact_key(&db, &path("a"), FIRST_LINE.name, Digest::of(b"1\n2"));
        facts.keep(key, Arc::from(&Digest::of(b"another").as_bytes()[..]));
        assert_eq!(of("a"), Some(Digest::of(b"another")));
        renew(&db, &path("a"), FIRST_LINE.name);
        assert_eq!(of("a"), Some(Digest::of(b"1")));
        facts.keep(key, Arc::from(&b"damaged"[..]));
        assert_eq!(of("a"), Some(Digest::of(b"1")));
    }

    #[test]
    fn t2_what_is_derived_follows_from_all_extensions() {
        const DECLARED: Projection = Projection {
            name: "kinds v1",
            derive: |path, _| (!path.file_name().contains(".d.")).then(|| path.extension().as_bytes().to_vec()),
        };
        let names = ["a.ts", "a.d.ts", "b.c.ts", "a.mts", "a.d.mts", ".ts", "a.tsx", "a"];
        let mut orders = vec![names.to_vec(), names.into_iter().rev().collect()];
        orders.extend((0..names.len()).map(|by| {
            let mut names = names.to_vec();
            names.rotate_left(by);
            names
        }));
        for names in orders {
            let files: Vec<_> = names.iter().map(|name| (*name, "same")).collect();
            let system = Arc::new(Memory::with_files(&files));
            let rules = Arc::new(Plans::new(Vec::new(), &[DECLARED]));
            let facts = Arc::new(FactTable::new(None, Digest::of(b"1")));
            let db = Database::new(
                system,
                Arc::new(Bare),
                rules,
                facts,
                Arc::new(Config::default()),
                Environment::default(),
            );
            for name in names {
                let path = RelPath::new(name).unwrap();
                let right = DECLARED.apply(&path, b"same").map(|bytes| Digest::of(&bytes));
                assert_eq!(derived(&db, &path, DECLARED.name), right, "{name}");
            }
        }
    }
}
