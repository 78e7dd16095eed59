//! The modules inside the binary: the prelude, the parts of Node and the packages that every workspace may import.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Exception, Module, Object};

use crate::code::Code;
use crate::program::{Program, ProgramModule};

/// Each specifier that a module may import, and the internal name of what it gets.
const SUPPORTED: &[(&str, &str)] = &[
    ("@webstir-io/module-contract", "webstir:contract/index"),
    ("@webstir-io/module-contract/ts-rest", "webstir:contract/ts-rest"),
    ("@webstir-io/webstir-backend", "webstir:backend/index"),
    ("@webstir-io/webstir-backend/runtime/forms", "webstir:backend/forms"),
    ("@webstir-io/webstir-backend/runtime/request-hooks", "webstir:backend/request-hooks"),
    ("@webstir-io/webstir-backend/runtime/session", "webstir:backend/session"),
    ("@webstir-io/webstir-backend/runtime/views", "webstir:backend/views"),
    ("buffer", "webstir:node/buffer"),
    ("crypto", "webstir:node/crypto"),
    ("events", "webstir:node/events"),
    ("fs", "webstir:node/fs"),
    ("fs/promises", "webstir:node/fs-promises"),
    ("node:buffer", "webstir:node/buffer"),
    ("node:crypto", "webstir:node/crypto"),
    ("node:events", "webstir:node/events"),
    ("node:fs", "webstir:node/fs"),
    ("node:fs/promises", "webstir:node/fs-promises"),
    ("node:path", "webstir:node/path"),
    ("node:path/posix", "webstir:node/path"),
    ("node:process", "webstir:node/process"),
    ("node:timers", "webstir:node/timers"),
    ("node:timers/promises", "webstir:node/timers-promises"),
    ("node:url", "webstir:node/url"),
    ("node:util", "webstir:node/util"),
    ("path", "webstir:node/path"),
    ("path/posix", "webstir:node/path"),
    ("process", "webstir:node/process"),
    ("timers", "webstir:node/timers"),
    ("timers/promises", "webstir:node/timers-promises"),
    ("url", "webstir:node/url"),
    ("util", "webstir:node/util"),
];

/// The text of each internal module.
const SOURCES: &[(&str, &str)] = &[
    ("webstir:backend/cookies", include_str!("builtin/cookies.js")),
    ("webstir:backend/form-state", include_str!("builtin/form-state.js")),
    ("webstir:backend/forms", include_str!("builtin/forms.js")),
    ("webstir:backend/index", include_str!("builtin/backend.js")),
    ("webstir:backend/page-routes", include_str!("builtin/page-routes.js")),
    ("webstir:backend/request-hooks", include_str!("builtin/request-hooks.js")),
    ("webstir:backend/session", include_str!("builtin/session.js")),
    ("webstir:backend/unavailable", include_str!("builtin/unavailable.js")),
    ("webstir:backend/values", include_str!("builtin/values.js")),
    ("webstir:backend/views", include_str!("builtin/views.js")),
    ("webstir:contract/index", include_str!("builtin/module-contract.js")),
    ("webstir:contract/ts-rest", include_str!("builtin/ts-rest.js")),
    ("webstir:node/buffer", include_str!("builtin/buffer.js")),
    ("webstir:node/crypto", include_str!("builtin/crypto.js")),
    ("webstir:node/events", include_str!("builtin/events.js")),
    ("webstir:node/fs", include_str!("builtin/fs.js")),
    ("webstir:node/fs-promises", include_str!("builtin/fs-promises.js")),
    ("webstir:node/path", include_str!("builtin/path.js")),
    ("webstir:node/process", include_str!("builtin/process.js")),
    ("webstir:node/timers", include_str!("builtin/timers.js")),
    ("webstir:node/timers-promises", include_str!("builtin/timers-promises.js")),
    ("webstir:node/url", include_str!("builtin/url.js")),
    ("webstir:node/util", include_str!("builtin/util.js")),
    ("webstir:prelude/blob", include_str!("prelude/blob.js")),
    ("webstir:prelude/body", include_str!("prelude/body.js")),
    ("webstir:prelude/buffer", include_str!("prelude/buffer.js")),
    ("webstir:prelude/bun", include_str!("prelude/bun.js")),
    ("webstir:prelude/clone", include_str!("prelude/clone.js")),
    ("webstir:prelude/console", include_str!("prelude/console.js")),
    ("webstir:prelude/define", include_str!("prelude/define.js")),
    ("webstir:prelude/describe", include_str!("prelude/describe.js")),
    ("webstir:prelude/encoding", include_str!("prelude/encoding.js")),
    ("webstir:prelude/events", include_str!("prelude/events.js")),
    ("webstir:prelude/fetch", include_str!("prelude/fetch.js")),
    ("webstir:prelude/globals", include_str!("prelude/globals.js")),
    ("webstir:prelude/headers", include_str!("prelude/headers.js")),
    ("webstir:prelude/host", include_str!("prelude/host.js")),
    ("webstir:prelude/inspect", include_str!("prelude/inspect.js")),
    ("webstir:prelude/intl", include_str!("prelude/intl.js")),
    ("webstir:prelude/intl/date", include_str!("prelude/intl/date.js")),
    ("webstir:prelude/intl/locale", include_str!("prelude/intl/locale.js")),
    ("webstir:prelude/intl/number", include_str!("prelude/intl/number.js")),
    ("webstir:prelude/performance", include_str!("prelude/performance.js")),
    ("webstir:prelude/process", include_str!("prelude/process.js")),
    ("webstir:prelude/random", include_str!("prelude/random.js")),
    ("webstir:prelude/rejections", include_str!("prelude/rejections.js")),
    ("webstir:prelude/streams", include_str!("prelude/streams.js")),
    ("webstir:prelude/timers", include_str!("prelude/timers.js")),
    ("webstir:prelude/url", include_str!("prelude/url.js")),
];

/// The built-in modules that are no business of the engine: they run unchanged in other interpreters.
const PORTABLE: &[(&str, &str)] = &[
    ("@webstir-io/webstir-backend/runtime/forms", include_str!("builtin/forms.js")),
    ("@webstir-io/webstir-backend/runtime/request-hooks", include_str!("builtin/request-hooks.js")),
    ("@webstir-io/webstir-backend/runtime/session", include_str!("builtin/session.js")),
    ("@webstir-io/webstir-backend/runtime/views", include_str!("builtin/views.js")),
    ("webstir:backend/cookies", include_str!("builtin/cookies.js")),
    ("webstir:backend/form-state", include_str!("builtin/form-state.js")),
    ("webstir:backend/values", include_str!("builtin/values.js")),
];

/// What the two modes do differently. Each module has the same exports in both, as far as shared modules use them.
const MODES: &[(&str, &str, &str)] = &[
    ("webstir:prelude/alarm", include_str!("prelude/evaluate/alarm.js"), include_str!("prelude/serve/alarm.js")),
    ("webstir:prelude/clock", include_str!("prelude/evaluate/clock.js"), include_str!("prelude/serve/clock.js")),
    ("webstir:prelude/entropy", include_str!("prelude/evaluate/entropy.js"), include_str!("prelude/serve/entropy.js")),
    ("webstir:prelude/log", include_str!("prelude/evaluate/log.js"), include_str!("prelude/serve/log.js")),
    ("webstir:prelude/main", include_str!("prelude/evaluate/main.js"), include_str!("prelude/serve/main.js")),
    ("webstir:prelude/network", include_str!("prelude/evaluate/network.js"), include_str!("prelude/serve/network.js")),
    ("webstir:prelude/port", "", include_str!("prelude/serve/port.js")),
    ("webstir:prelude/sql", "", include_str!("prelude/serve/sql.js")),
];

/// What an engine is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Reading a module, the same on every machine: a frozen clock, seeded random numbers, no I/O.
    Evaluate,
    /// Running handlers: the real clock, real random numbers, timers and operations of the host.
    Serve,
}

/// The module whose evaluation installs the globals.
pub(crate) const PRELUDE: &str = "webstir:prelude/main";

/// Every specifier that an evaluated module may import, sorted.
pub fn supported_modules() -> impl Iterator<Item = &'static str> {
    SUPPORTED.iter().map(|(specifier, _)| *specifier)
}

/// Whether an evaluated module may import `specifier`.
pub fn is_builtin(specifier: &str) -> bool {
    internal_name(specifier).is_some()
}

/// The text of a built-in module for interpreters outside of this process: the modules below
/// `@webstir-io/webstir-backend/runtime`, `webstir:backend/cookies`, `webstir:backend/form-state`, which they share with the
/// dispatcher, and `webstir:backend/values`, which is the dispatcher's. A text uses the globals of the web and `Buffer`, and imports
/// nothing but `node:crypto` and others of these. `webstir:backend/form-state` must be loaded once, by whatever name: it knows the
/// sessions that it has seen.
pub fn portable_module(specifier: &str) -> Option<&'static str> {
    PORTABLE.binary_search_by_key(&specifier, |(name, _)| *name).ok().map(|index| PORTABLE[index].1)
}

/// The specifiers that [`portable_module`] knows, sorted.
pub fn portable_modules() -> impl Iterator<Item = &'static str> {
    PORTABLE.iter().map(|(specifier, _)| *specifier)
}

fn internal_name(specifier: &str) -> Option<&'static str> {
    SUPPORTED.binary_search_by_key(&specifier, |(name, _)| *name).ok().map(|index| SUPPORTED[index].1)
}

/// The text of an internal module.
pub(crate) fn source_of(mode: Mode, name: &str) -> Option<&'static str> {
    if let Ok(index) = MODES.binary_search_by_key(&name, |(name, ..)| *name) {
        let (_, evaluate, serve) = MODES[index];
        return Some(if mode == Mode::Evaluate { evaluate } else { serve });
    }
    SOURCES.binary_search_by_key(&name, |(name, _)| *name).ok().map(|index| SOURCES[index].1)
}

/// Fills the `import.meta` of the module `name` below `root`.
fn set_meta(meta: &Object<'_>, root: &str, name: &str) -> rquickjs::Result<()> {
    let path = format!("{}/{name}", root.trim_end_matches('/'));
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
    let mut url = url::Url::parse("file:///").expect("a URL");
    url.set_path(&path);
    meta.set("url", url.as_str())?;
    meta.set("filename", path)?;
    meta.set("dirname", directory)?;
    meta.set("main", false)
}

/// The specifiers that could not be resolved, oldest first.
pub(crate) type Missing = Rc<RefCell<Vec<String>>>;

/// What is thrown for a specifier that cannot be resolved. The text ties an uncaught error back to its specifier.
pub(crate) fn missing_message(specifier: &str) -> String {
    let shown: String = specifier.chars().take(100).collect();
    format!("Cannot import '{shown}' in the embedded engine")
}

/// Maps what a module imports to names of modules: internal ones, and paths of the program. Internal names are visible to internal
/// modules only.
pub(crate) struct ModuleResolver {
    pub(crate) mode: Mode,
    pub(crate) program: Arc<Program>,
    pub(crate) missing: Missing,
}

impl Resolver for ModuleResolver {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        if let Some(internal) = internal_name(name) {
            return Ok(internal.to_owned());
        }
        if base.starts_with("webstir:") && source_of(self.mode, name).is_some() {
            return Ok(name.to_owned());
        }
        if let Some(path) = self.program.resolve(base, name) {
            return Ok(path.to_owned());
        }
        self.missing.borrow_mut().push(name.to_owned());
        Err(Exception::throw_message(ctx, &missing_message(name)))
    }
}

/// Gives internal modules and those of the program.
pub(crate) struct ModuleLoader {
    pub(crate) mode: Mode,
    pub(crate) program: Arc<Program>,
    /// The workspace, as the script sees it.
    pub(crate) root: String,
}

impl Loader for ModuleLoader {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        _attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        if let Some(module) = self.program.module(name) {
            return declare(ctx, &self.root, module);
        }
        match source_of(self.mode, name) {
            Some(source) => Code::constant(name, source).declare(ctx, name),
            None => Err(Exception::throw_message(ctx, &missing_message(name))),
        }
    }
}

/// Declares a module of a program, with its `import.meta`.
pub(crate) fn declare<'js>(
    ctx: &Ctx<'js>,
    root: &str,
    module: &ProgramModule,
) -> rquickjs::Result<Module<'js, Declared>> {
    let declared = module.code.declare(ctx, &module.path)?;
    set_meta(&declared.meta()?, root, &module.name)?;
    Ok(declared)
}

/// The code of the prelude.
pub(crate) fn prelude(mode: Mode) -> Code {
    Code::constant(PRELUDE, source_of(mode, PRELUDE).expect("the prelude is one of the sources"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_and_complete() {
        assert!(SUPPORTED.is_sorted_by_key(|(name, _)| *name));
        assert!(SOURCES.is_sorted_by_key(|(name, _)| *name));
        assert!(PORTABLE.is_sorted_by_key(|(name, _)| *name));
        assert!(MODES.is_sorted_by_key(|(name, ..)| *name));
        for (specifier, internal) in SUPPORTED {
            for mode in [Mode::Evaluate, Mode::Serve] {
                assert!(source_of(mode, internal).is_some(), "`{specifier}` has no text");
            }
        }
        assert!(is_builtin("node:fs"));
        assert!(!is_builtin("webstir:prelude/host"));
        assert!(!is_builtin("node:http"));
    }
}
