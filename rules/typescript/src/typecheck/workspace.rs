//! The workspace as the compiler sees it.
//!
//! A [`Workspace`] answers the compiler's questions about paths from the [`View`], then from the overlay, and keeps the text of
//! every file that it gave out, so that positions can be placed without another read. A [`Place`] is where a path of the compiler
//! lies.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use webstir_engine::path::RelPath;
use webstir_engine::system::{Listing, PathKind};
use webstir_engine::view::View;

use super::TypecheckError;
use super::no_emit::set_no_emit;
use super::referenced::{Interfaces, ReferencedProjects};
use super::text::Text;
use super::virtual_files::VirtualFiles;

/// The extensions of what the compiler may take from a directory: it asks for anything else by name.
const LISTED: &str = "cjs cts js json jsx mjs mts ts tsx";

/// Where a path that the compiler names lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// A file of the user.
    Inside(RelPath),
    /// A file that the binary brought along.
    Virtual(RelPath),
    /// Anything else; the compiler's own library is known by its file names.
    Outside(String),
}

/// The files of the workspace and of the overlay.
#[derive(Debug)]
pub(super) struct Workspace<'a> {
    view: &'a View,
    overlay: &'a VirtualFiles,
    /// Whose files are read as their declarations.
    referenced: Option<&'a ReferencedProjects>,
    seen: Seen,
}

/// What a workspace keeps of what was read.
#[derive(Debug)]
pub(super) struct Seen {
    /// For each directory of the overlay whether it is seen, once that was asked.
    shown: Vec<Option<bool>>,
    /// The project file, whose copy for the compiler sets `noEmit`.
    project: Option<RelPath>,
    /// A project file that is nowhere but here, with its text.
    part: Option<(RelPath, String)>,
    texts: FxHashMap<RelPath, Text>,
    interfaces: Interfaces,
}

impl<'a> Workspace<'a> {
    /// A workspace in which `project` is read with `noEmit` set.
    pub(super) fn new(view: &'a View, overlay: &'a VirtualFiles, project: Option<&RelPath>) -> Self {
        let shown = vec![None; overlay.roots().len()];
        let seen = Seen {
            shown,
            project: project.cloned(),
            part: None,
            texts: FxHashMap::default(),
            interfaces: Interfaces::default(),
        };
        Self { view, overlay, referenced: None, seen }
    }

    /// The same workspace, in which files of referenced projects are read as their declarations.
    pub(super) fn with_referenced(self, referenced: &'a ReferencedProjects) -> Self {
        Self { referenced: Some(referenced), ..self }
    }

    /// The same workspace, in which the project file of a part of the program lies.
    pub(super) fn with_part(mut self, project: RelPath, text: String) -> Self {
        self.seen.part = Some((project, text));
        self
    }

    /// What was read, to be [taken up again](Self::again).
    pub(super) fn into_seen(self) -> Seen {
        self.seen
    }

    /// The workspace of another view, of which everything that was `seen` is known to be the same. The overlay and the referenced projects
    /// are the same ones.
    pub(super) fn again(
        seen: Seen,
        view: &'a View,
        overlay: &'a VirtualFiles,
        referenced: &'a ReferencedProjects,
    ) -> Self {
        Self { view, overlay, referenced: Some(referenced), seen }
    }

    /// How files of referenced projects were read.
    pub(super) fn interfaces(&self) -> &Interfaces {
        &self.seen.interfaces
    }

    /// Forgets the text of a file that is to be read again.
    pub(super) fn forget(&mut self, path: &RelPath) -> Option<Text> {
        self.seen.texts.remove(path)
    }

    /// The files that the binary brings along.
    pub(super) fn overlay(&self) -> &'a VirtualFiles {
        self.overlay
    }

    /// Whether the file was read as its declarations.
    pub(super) fn is_declared(&self, path: &RelPath) -> bool {
        self.seen.interfaces.is_declared(path)
    }

    /// What is at `path`.
    pub(super) fn kind(&mut self, path: &RelPath) -> Result<PathKind, TypecheckError> {
        if self.part(path).is_some() {
            return Ok(PathKind::File);
        }
        match self.view.kind(path).map_err(TypecheckError::workspace(path))? {
            PathKind::Absent => self.virtual_kind(path),
            kind => Ok(kind),
        }
    }

    /// The text of the project file of a part of the program.
    fn part(&self, path: &RelPath) -> Option<&str> {
        self.seen.part.as_ref().filter(|(part, _)| part == path).map(|(_, text)| &**text)
    }

    /// What the overlay has at `path`.
    fn virtual_kind(&mut self, path: &RelPath) -> Result<PathKind, TypecheckError> {
        let (view, overlay, shown) = (self.view, self.overlay, &mut self.seen.shown);
        overlay.kind(path, &mut |root| {
            if let Some(seen) = shown[root] {
                return Ok(seen);
            }
            let directory = &overlay.roots()[root];
            let seen = view.kind(directory).map_err(TypecheckError::workspace(directory))? == PathKind::Absent;
            shown[root] = Some(seen);
            Ok(seen)
        })
    }

    /// The text of the file at `path`; `None` when there is none.
    pub(super) fn read(&mut self, path: &RelPath) -> Result<Option<&Text>, TypecheckError> {
        let bytes = match self.referenced {
            _ if let Some(part) = self.part(path) => Some(part.as_bytes().to_vec()),
            Some(referenced) => self.seen.interfaces.read(referenced, self.view, path)?,
            None => self.view.read(path).map_err(TypecheckError::workspace(path))?,
        };
        let text = match bytes {
            Some(bytes) => {
                let text = Text::decode(bytes);
                let edit = if self.seen.project.as_ref() == Some(path) { set_no_emit(text.content()) } else { None };
                text.edited(edit)
            }
            None if self.virtual_kind(path)? == PathKind::File => {
                Text::decode(self.overlay.bytes(path).unwrap_or_default().to_vec())
            }
            None => return Ok(None),
        };
        // The first text stays, as the first discovered input does.
        Ok(Some(self.seen.texts.entry(path.clone()).or_insert(text)))
    }

    /// The names of the sources and of the directories in a directory, sorted; none when there is no directory.
    pub(super) fn list(&mut self, path: &RelPath) -> Result<(Vec<String>, Vec<String>), TypecheckError> {
        let listing = self.view.list_selected(path, LISTED).map_err(TypecheckError::workspace(path))?;
        let (mut files, mut directories) = (BTreeSet::new(), BTreeSet::new());
        for (name, kind) in listing.iter().flat_map(Listing::entries) {
            match kind {
                PathKind::File => files.insert(name.to_owned()),
                PathKind::Directory => directories.insert(name.to_owned()),
                PathKind::Absent => false,
            };
        }
        // Behind a real file there is nothing to see.
        if listing.is_some() || self.view.kind(path).map_err(TypecheckError::workspace(path))? == PathKind::Absent {
            let overlay = self.overlay;
            for name in overlay.entries(path) {
                let Ok(child) = path.join(name) else { continue };
                match self.virtual_kind(&child)? {
                    PathKind::File if !directories.contains(name) => files.insert(name.to_owned()),
                    PathKind::Directory if !files.contains(name) => directories.insert(name.to_owned()),
                    _ => false,
                };
            }
        }
        Ok((files.into_iter().collect(), directories.into_iter().collect()))
    }

    /// Where `path` really is; a path that is nowhere is its own.
    pub(super) fn real_path(&mut self, path: &RelPath) -> Result<RelPath, TypecheckError> {
        if self.part(path).is_some() {
            return Ok(path.clone());
        }
        let real = self.view.real_path(path).map_err(TypecheckError::workspace(path))?;
        Ok(real.unwrap_or_else(|| path.clone()))
    }

    /// The place of a path of the workspace.
    pub(super) fn place(&mut self, path: RelPath) -> Result<Place, TypecheckError> {
        match self.overlay.bytes(&path) {
            Some(_) if self.virtual_kind(&path)? == PathKind::File => Ok(Place::Virtual(path)),
            _ => Ok(Place::Inside(path)),
        }
    }

    /// The text of a file that was read.
    pub(super) fn text(&self, path: &RelPath) -> Option<&Text> {
        self.seen.texts.get(path)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use webstir_engine::system::Memory;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    fn overlay() -> VirtualFiles {
        let mut files = VirtualFiles::default();
        files
            .add_directory(&path("node_modules/back"), [("index.d.ts", &b"export {}"[..]), ("more.d.ts", b"")])
            .unwrap();
        files
    }

    #[test]
    fn the_overlay_stands_in_for_what_is_absent() {
        let view = View::new(Arc::new(Memory::with_files(&[("node_modules/zod/index.d.ts", "")])));
        let overlay = overlay();
        let mut workspace = Workspace::new(&view, &overlay, None);
        assert_eq!(workspace.kind(&path("node_modules/back/index.d.ts")).unwrap(), PathKind::File);
        assert_eq!(workspace.read(&path("node_modules/back/index.d.ts")).unwrap().unwrap().content(), "export {}");
        assert_eq!(workspace.list(&path("node_modules")).unwrap().1, ["back", "zod"]);
        assert_eq!(workspace.list(&path("node_modules/back")).unwrap().0, ["index.d.ts", "more.d.ts"]);
        assert!(matches!(workspace.place(path("node_modules/back/index.d.ts")).unwrap(), Place::Virtual(_)));
        assert!(matches!(workspace.place(path("node_modules/zod/index.d.ts")).unwrap(), Place::Inside(_)));
        let asked: Vec<_> = view.discovered().iter().map(|(path, _)| path.as_str().to_owned()).collect();
        assert!(asked.iter().any(|path| path == "node_modules/back"), "{asked:?}");
    }

    #[test]
    fn a_real_directory_hides_the_whole_one_of_the_overlay() {
        let view = View::new(Arc::new(Memory::with_files(&[("node_modules/back/index.d.ts", "real")])));
        let overlay = overlay();
        let mut workspace = Workspace::new(&view, &overlay, None);
        assert_eq!(workspace.read(&path("node_modules/back/index.d.ts")).unwrap().unwrap().content(), "real");
        assert_eq!(workspace.kind(&path("node_modules/back/more.d.ts")).unwrap(), PathKind::Absent);
        assert_eq!(workspace.list(&path("node_modules/back")).unwrap().0, ["index.d.ts"]);
    }

    #[test]
    fn a_real_file_in_the_way_is_no_directory() {
        let view = View::new(Arc::new(Memory::with_files(&[("node_modules", "")])));
        let overlay = overlay();
        let mut workspace = Workspace::new(&view, &overlay, None);
        assert_eq!(workspace.kind(&path("node_modules")).unwrap(), PathKind::File);
        assert_eq!(workspace.list(&path("node_modules")).unwrap(), (vec![], vec![]));
    }
}
