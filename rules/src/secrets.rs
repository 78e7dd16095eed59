//! Secrets: values of the environment that a command may see and nobody may read.
//!
//! A rule names them with `secret`. In a key a hash under a key of this user stands for each, so that who has a cache cannot find a value
//! by trying; the value itself is had from the environment only where a process is started. A [`Redactor`] takes values out of what
//! processes print and of what this program says, also where they are encoded. What was compressed, encrypted or cut apart is not found.

#![expect(clippy::disallowed_methods, reason = "the key lies outside of every workspace")]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, MatchKind};
use webstir_engine::action::Action;
use webstir_engine::config::Config;
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::digest::{Digest, KeyHasher};
use webstir_engine::state_directory::StateDirectory;

mod forms;

/// What stands in place of a secret.
const HIDDEN: &str = "***";

/// A shorter value cannot be told from other text.
pub(crate) const SHORTEST: usize = 4;

/// The field of a rule.
const FIELD: &str = "secret";

/// The secrets that any rule names.
pub(crate) fn names(config: &Config) -> BTreeSet<Arc<str>> {
    config.rules().iter().flat_map(|rule| rule.texts(FIELD)).map(|name| name.value.clone()).collect()
}

/// A value that is set. One that is empty is not.
fn value(name: &str) -> Option<Vec<u8>> {
    env::var_os(name).map(OsString::into_vec).filter(|value| !value.is_empty())
}

/// The values of an action's secrets, by name.
pub(crate) fn values(action: &Action) -> Vec<(&str, Vec<u8>)> {
    action.secrets.iter().filter_map(|(name, _)| Some((&**name, value(name)?))).collect()
}

/// What stands in a key for the secrets that are set, by name. Errors are those of the file that holds the key of this user.
pub(crate) fn digests(root: &Path, names: &BTreeSet<Arc<str>>) -> io::Result<BTreeMap<String, Digest>> {
    let set: Vec<_> = names.iter().filter_map(|name| value(name).map(|value| (name, value))).collect();
    if set.is_empty() {
        return Ok(BTreeMap::new());
    }
    let key = key(root)?;
    Ok(set.iter().map(|(name, value)| (name.to_string(), Digest::keyed(&key, value))).collect())
}

/// The key of this user: what `WEBSTIR_SECRET_KEY` says, or random bytes in a file that is no part of any cache.
fn key(root: &Path) -> io::Result<[u8; 32]> {
    if let Some(text) = value("WEBSTIR_SECRET_KEY") {
        return Ok(*KeyHasher::new("webstir secret key v1").bytes(&text).finish().as_bytes());
    }
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let directory = variable("XDG_STATE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .map_or_else(|| StateDirectory::of(root).path().to_owned(), |state| state.join("webstir"));
    let path = directory.join("secret-key");
    let at = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    if !path.exists() {
        make(&directory, &path).map_err(at)?;
    }
    let bytes = fs::read(&path).map_err(at)?;
    bytes.try_into().map_err(|_| at(io::Error::new(io::ErrorKind::InvalidData, "it does not hold 32 bytes; remove it")))
}

/// Makes the file whole or not at all. Of two processes that make it one wins.
fn make(directory: &Path, path: &Path) -> io::Result<()> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o600)).tempfile_in(directory)?;
    file.write_all(&bytes)?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Finds secrets in bytes, and takes them out of text.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    /// `None` without secrets.
    search: Option<AhoCorasick>,
    /// The name of the secret that each pattern is a form of.
    names: Vec<Box<str>>,
    /// The longest pattern, in bytes.
    longest: usize,
}

impl Redactor {
    /// Of all secrets that a configuration names and that are set.
    pub fn of(config: &Config) -> Self {
        let names = names(config);
        Self::new(names.iter().filter_map(|name| Some((&**name, value(name)?))))
    }

    /// Of the secrets of an action.
    pub(crate) fn of_action(action: &Action) -> Self {
        Self::new(values(action))
    }

    fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Self {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut names = Vec::new();
        // A shorter one reaches no command, and to hide it would leave nothing of any text.
        for (name, value) in secrets.into_iter().filter(|(_, value)| value.len() >= SHORTEST) {
            for form in forms::of(&value) {
                patterns.push(form);
                names.push(Box::from(name));
            }
        }
        if patterns.is_empty() {
            return Self::default();
        }
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        let search = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns);
        // Variables are far below the size that it refuses.
        Self { search: Some(search.expect("values of variables are small")), names, longest }
    }

    /// The first secret in `bytes`, by name.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.search.as_ref()?.find(bytes)?;
        Some(&self.names[found.pattern().as_usize()])
    }

    /// `text` without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.search {
            Some(search) if search.is_match(text) => {
                let bytes = search.replace_all_bytes(text.as_bytes(), &vec![HIDDEN; self.names.len()]);
                Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Takes secrets out of what was kept of a stream. Of one that `is_cut` the beginning may be the end of a secret, and is left out.
    pub(crate) fn stream(&self, bytes: &mut Vec<u8>, is_cut: bool) {
        let Some(search) = &self.search else { return };
        if is_cut {
            bytes.drain(..self.longest.min(bytes.len()));
        }
        if search.is_match(&*bytes) {
            *bytes = search.replace_all_bytes(bytes, &vec![HIDDEN; self.names.len()]);
        }
    }

    /// Takes secrets out of a finding.
    pub fn diagnostic(&self, diagnostic: &mut Diagnostic) {
        if self.search.is_none() {
            return;
        }
        let Diagnostic { message, notes, help, related, .. } = diagnostic;
        let related = related.iter_mut().map(|related| &mut related.message);
        for text in [message].into_iter().chain(notes).chain(help).chain(related) {
            if let Cow::Owned(hidden) = self.text(text) {
                *text = hidden;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn redactor(value: &str) -> Redactor {
        Redactor::new([("TOKEN", value.as_bytes().to_vec())])
    }

    #[test]
    fn a_secret_is_hidden_as_it_is_and_encoded() {
        let redactor = redactor("p\u{e4}ss/word \"1\"");
        for text in [
            "p\u{e4}ss/word \"1\"",
            "p%C3%A4ss%2Fword%20%221%22",
            "p%c3%a4ss%2fword%20%221%22",
            "p%C3%A4ss%2Fword+%221%22",
            "p%C3%A4ss/word%20%221%22",
            "p\u{e4}ss/word \\\"1\\\"",
            "cMOkc3Mvd29yZCAiMSI=",
            "cMOkc3Mvd29yZCAiMSI",
        ] {
            assert_eq!(redactor.text(&format!("<{text}>")), "<***>", "{text}");
        }
        assert_eq!(redactor.text("nothing of it"), "nothing of it");
        assert_eq!(Redactor::default().text("p\u{e4}ss"), "p\u{e4}ss");
        assert_eq!(self::redactor("a").text("a plain text"), "a plain text");
    }

    #[test]
    fn each_line_of_a_long_secret_is_one() {
        let redactor = redactor("-----BEGIN KEY-----\nabcdefghijklmnop\nqrstuvwxyz012345\n-----END KEY-----\n");
        assert_eq!(redactor.text("  abcdefghijklmnop\n  qrstuvwxyz012345"), "  ***\n  ***");
    }

    #[test]
    fn what_is_left_of_a_secret_at_the_cut_is_not_kept() {
        let redactor = redactor("0123456789");
        let mut bytes = b"456789\nline\nand some more text that is longer than every form 0123456789".to_vec();
        redactor.stream(&mut bytes, true);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.ends_with("every form ***") && !text.contains("456789"), "{text}");
    }

    proptest! {
        #[test]
        fn base64_of_a_text_that_holds_it_hides_it(before in ".{0,5}", after in ".{0,5}", secret in "[a-zA-Z0-9/+?]{6,40}") {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(format!("{before}{secret}{after}"));
            let hidden = redactor(&secret).text(&text).into_owned();
            prop_assert!(hidden.contains(HIDDEN), "{}", text);
        }

        #[test]
        fn foreign_bytes_are_searched(value in prop::collection::vec(any::<u8>(), SHORTEST..64), bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let redactor = Redactor::new([("TOKEN", value.clone())]);
            let mut all = [bytes, value].concat();
            prop_assert_eq!(redactor.find(&all), Some("TOKEN"));
            redactor.stream(&mut all, false);
            prop_assert!(all.windows(3).any(|window| window == HIDDEN.as_bytes()));
        }
    }

    #[test]
    fn a_key_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let (state, path) = (directory.path().join("state"), directory.path().join("state/secret-key"));
        thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(|| make(&state, &path).unwrap()))));
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (32, 0o600));
        assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
    }
}
