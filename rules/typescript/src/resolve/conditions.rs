//! Who asks for a module: what decides between the choices of a `package.json`. A `bundle` rule says its platform
//! (`rules/src/kinds/transpile/layout.rs`).

use crate::source::ImportKind;

/// Where a module runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// In Node and engines like it.
    #[default]
    Node,
    /// In a browser.
    Browser,
}

/// How a module asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asked {
    /// By `import` and `import()`.
    Import,
    /// By `require`.
    Require,
}

impl Asked {
    /// How a module asks by this kind of import. In CommonJS `import` is another word for `require`, `import()` is not.
    pub fn by(kind: ImportKind, is_common_js: bool) -> Self {
        match kind {
            ImportKind::Require => Self::Require,
            ImportKind::Static | ImportKind::ExportFrom if is_common_js => Self::Require,
            _ => Self::Import,
        }
    }
}

/// The conditions that hold for all modules of a project, beside how each asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conditions {
    /// Where they run.
    pub platform: Platform,
    /// `customConditions` of `tsconfig.json`.
    pub custom: Box<[Box<str>]>,
}

impl Conditions {
    /// The names of all conditions that hold.
    pub(super) fn names(&self, asked: Asked) -> Vec<String> {
        let platform = match self.platform {
            Platform::Node => "node",
            Platform::Browser => "browser",
        };
        let asked = match asked {
            Asked::Import => "import",
            Asked::Require => "require",
        };
        let custom = self.custom.iter().map(|name| &**name);
        [platform, asked, "module", "default"].into_iter().chain(custom).map(str::to_owned).collect()
    }
}
