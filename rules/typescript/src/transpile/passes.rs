//! The passes over one module, in their order.

use std::sync::PoisonError;

use swc_core::common::comments::SingleThreadedComments;
use swc_core::common::errors::HANDLER;
use swc_core::common::{BytePos, LineCol, Mark, SyntaxContext};
use swc_core::ecma::ast::{EsVersion, Expr, Ident, Lit, ModuleItem, Program, Stmt};
use swc_core::ecma::codegen::text_writer::JsWriter;
use swc_core::ecma::codegen::{Config, Emitter};
use swc_core::ecma::transforms::base::fixer::fixer;
use swc_core::ecma::transforms::base::helpers::{HELPERS, Helpers, inject_helpers};
use swc_core::ecma::transforms::base::hygiene::hygiene;
use swc_core::ecma::transforms::compat::class_fields_use_set::class_fields_use_set;
use swc_core::ecma::transforms::compat::{es2019, es2020, es2021, es2022};
use swc_core::ecma::transforms::module::common_js::{self, FeatureFlag, common_js};
use swc_core::ecma::transforms::module::path::Resolver;
use swc_core::ecma::transforms::module::util::ImportInterop;
use swc_core::ecma::transforms::proposal::decorator_2023_11::decorator_2023_11;
use swc_core::ecma::transforms::proposal::decorators::{self, decorators};
use swc_core::ecma::transforms::proposal::explicit_resource_management::explicit_resource_management;
use swc_core::ecma::transforms::react::{self, react};
use swc_core::ecma::transforms::typescript::{
    Config as TypeScriptConfig, TsImportExportAssignConfig, TsxConfig, tsx, typescript,
};
use swc_core::ecma::visit::{VisitMut, VisitMutWith, noop_visit_mut_type};

use super::names::Watermark;
use super::{
    Emitted, Fault, ImportRequire, Options, PrintedImport, comments, define, enums, legacy, map, metadata, namespaces,
    rewrite, using,
};
use crate::source::{Collector, Language, Parts};
use crate::tsconfig::{Decorators, EmitOptions, Jsx, Target};

/// What a file name says.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) language: Language,
    pub(super) is_common_js: bool,
}

/// Transforms and prints `parts`; needs the `GLOBALS` of these parts.
pub(super) fn run(parts: &mut Parts, kind: Kind, options: &Options<'_>) -> Result<Emitted, Vec<Fault>> {
    let comments = comments::take(parts);
    let legal = comments::Legal::of(&parts.program, &comments);
    let (handler, found) = Collector::handler();
    let watermark = Watermark::new();
    let imports = HANDLER
        .set(&handler, || HELPERS.set(&Helpers::new(false), || transform(parts, kind, options, &comments, watermark)));
    let mut faults: Vec<_> = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner))
        .into_iter()
        .map(|(span, message)| Fault { code: "transpile::unsupported", span, message, help: None })
        .collect();
    let imports = match imports {
        Ok(imports) => imports,
        Err(more) => {
            faults.extend(more);
            Vec::new()
        }
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    comments::keep_needed(&comments);
    legal.restore(&parts.program, &comments);
    Ok(print(parts, options, &comments, imports))
}

fn transform(
    parts: &mut Parts,
    kind: Kind,
    options: &Options<'_>,
    comments: &SingleThreadedComments,
    watermark: Watermark,
) -> Result<Vec<PrintedImport>, Vec<Fault>> {
    let Kind { language, is_common_js } = kind;
    let (unresolved, top) = (parts.unresolved, parts.top);
    let emit = &options.emit;
    let program = &mut parts.program;
    let mut open = enums::Open::default();
    if language.is_typescript() {
        namespaces::merge(program);
        open = enums::prepare(program);
    }
    let defines_names = define::replace(program, &options.define, unresolved)?;
    // Before the types go: `createRequire` hides the specifier of `import x = require("y")`.
    let mut printed = if is_common_js { Vec::new() } else { rewrite::import_requires(program, options)? };
    match emit.decorators {
        Decorators::Standard => program.mutate(decorator_2023_11()),
        Decorators::Legacy { metadata, strict_nulls } => {
            let metadata = metadata && language.is_typescript();
            if metadata {
                metadata::prepare(program, strict_nulls);
            }
            program.mutate(decorators(decorators::Config {
                legacy: true,
                emit_metadata: metadata,
                use_define_for_class_fields: emit.define_fields,
            }));
            if metadata {
                metadata::amend(program);
            }
            // Where the pass had nothing to do it made no names.
            if watermark.has_foreign_names(program) {
                legacy::amend(program);
            }
        }
    }
    // Before the types go, so that what the factory needs counts as used.
    if language.has_jsx() && emit.jsx != Jsx::Preserve {
        program.mutate(react(
            parts.source_map.clone(),
            Some(comments.clone()),
            react_options(&emit.jsx),
            top,
            unresolved,
        ));
    }
    if language.is_typescript() {
        strip_types(parts, options, kind, comments);
    }
    let program = &mut parts.program;
    enums::amend(program, &open);
    using::prepare(program);
    program.mutate(explicit_resource_management());
    if !emit.define_fields {
        program.mutate(class_fields_use_set(false));
    }
    lower(program, emit, unresolved);
    // A script has neither imports nor exports.
    if is_common_js {
        program.mutate(common_js(
            Resolver::Default,
            unresolved,
            common_js_options(options),
            FeatureFlag { support_block_scoping: true, support_arrow: true },
        ));
    }
    inject(program, unresolved);
    // Before hygiene, which forgets which names are free.
    let mut rewriting = rewrite::Rewriting::new(options.rewrite, unresolved);
    program.visit_mut_with(&mut rewriting);
    printed.extend(rewriting.printed);
    // Initialisers that move into a constructor, and names out of definitions, may meet others of the same spelling.
    if defines_names || !emit.define_fields || watermark.has_foreign_names(program) {
        program.mutate(hygiene());
    }
    program.mutate(fixer(Some(comments)));
    Ok(printed)
}

/// Puts the helpers that are used at the top of the module. The pass gives the names of one helper several contexts, by the order in
/// which it comes across them, so that hygiene would rename a variable here and not there. What one name of a helper means follows
/// from its text alone: all of them get one context.
fn inject(program: &mut Program, unresolved: Mark) {
    let own = HELPERS.with(|helpers| SyntaxContext::empty().apply_mark(helpers.mark()));
    let before = statements(program);
    program.mutate(inject_helpers(unresolved));
    let added = statements(program) - before;
    // They stand behind directives.
    let is_directive = |statement: &Stmt| matches!(statement, Stmt::Expr(statement) if matches!(*statement.expr, Expr::Lit(Lit::Str(_))));
    let mut one = OneContext(own);
    match program {
        Program::Module(module) => {
            let items = module.body.iter_mut().filter_map(ModuleItem::as_mut_stmt);
            items.skip_while(|item| is_directive(item)).take(added).for_each(|item| item.visit_mut_with(&mut one));
        }
        Program::Script(script) => {
            let items = script.body.iter_mut();
            items.skip_while(|item| is_directive(item)).take(added).for_each(|item| item.visit_mut_with(&mut one));
        }
    }
}

fn statements(program: &Program) -> usize {
    match program {
        Program::Module(module) => module.body.len(),
        Program::Script(script) => script.body.len(),
    }
}

struct OneContext(SyntaxContext);

impl VisitMut for OneContext {
    noop_visit_mut_type!();

    fn visit_mut_ident(&mut self, name: &mut Ident) {
        name.ctxt = self.0;
    }
}

fn react_options(jsx: &Jsx) -> react::Options {
    let standard = react::Options { throw_if_namespace: Some(false), ..react::Options::default() };
    match jsx {
        Jsx::Preserve => react::Options { runtime: Some(react::Runtime::Preserve), ..standard },
        Jsx::Classic { factory, fragment } => react::Options {
            runtime: Some(react::Runtime::Classic),
            pragma: Some(factory.to_string().into()),
            pragma_frag: Some(fragment.to_string().into()),
            ..standard
        },
        // The development runtime differs in what it imports; source positions in elements would put paths into the output.
        Jsx::Automatic { import_source, development } => react::Options {
            runtime: Some(react::Runtime::Automatic),
            import_source: Some((&**import_source).into()),
            development: Some(*development),
            ..standard
        },
    }
}

/// As Node has it: `import()` stays, for it may lead to an ES module, and names of exports are said so that ES modules can import them.
fn common_js_options(options: &Options<'_>) -> common_js::Config {
    common_js::Config {
        import_interop: Some(ImportInterop::Swc),
        export_interop_annotation: Some(true),
        ignore_dynamic: true,
        // What is linked is an ES module in the end.
        preserve_import_meta: options.import_require == ImportRequire::Bare,
        ..common_js::Config::default()
    }
}

fn strip_types(parts: &mut Parts, options: &Options<'_>, kind: Kind, comments: &SingleThreadedComments) {
    let Kind { language, is_common_js } = kind;
    let (unresolved, top) = (parts.unresolved, parts.top);
    let config = TypeScriptConfig {
        verbatim_module_syntax: options.emit.verbatim,
        native_class_properties: options.emit.define_fields,
        ts_enum_is_mutable: true,
        import_export_assign_config: match options.import_require {
            _ if is_common_js => TsImportExportAssignConfig::Preserve,
            ImportRequire::CreateRequire => TsImportExportAssignConfig::NodeNext,
            ImportRequire::Bare => TsImportExportAssignConfig::Classic,
        },
        ..TypeScriptConfig::default()
    };
    if language.has_jsx() && options.emit.jsx == Jsx::Preserve {
        let jsx = TsxConfig::default();
        parts.program.mutate(tsx(parts.source_map.clone(), config, jsx, comments.clone(), unresolved, top));
    } else {
        parts.program.mutate(typescript(config, unresolved, top));
    }
}

/// Newest first, so that what one pass writes the next can lower.
fn lower(program: &mut Program, emit: &EmitOptions, unresolved: Mark) {
    if emit.target < Target::Es2022 {
        program.mutate(es2022(es2022::Config::default(), unresolved));
    }
    if emit.target < Target::Es2021 {
        program.mutate(es2021());
    }
    if emit.target < Target::Es2020 {
        program.mutate(es2020(es2020::Config::default(), unresolved));
    }
    if emit.target < Target::Es2019 {
        program.mutate(es2019());
    }
}

fn version(target: Target) -> EsVersion {
    match target {
        Target::Es2018 => EsVersion::Es2018,
        Target::Es2019 => EsVersion::Es2019,
        Target::Es2020 => EsVersion::Es2020,
        Target::Es2021 => EsVersion::Es2021,
        Target::Es2022 => EsVersion::Es2022,
        Target::Es2023 => EsVersion::Es2023,
        Target::Es2024 => EsVersion::Es2024,
        Target::EsNext => EsVersion::EsNext,
    }
}

fn print(
    parts: &Parts,
    options: &Options<'_>,
    comments: &SingleThreadedComments,
    imports: Vec<PrintedImport>,
) -> Emitted {
    let mut code = Vec::with_capacity(parts.file.src.len());
    let mut positions: Vec<(BytePos, LineCol)> = Vec::new();
    let wanted = options.map.as_ref();
    let writer = JsWriter::new(parts.source_map.clone(), "\n", &mut code, wanted.map(|_| &mut positions));
    let mut emitter = Emitter {
        cfg: Config::default().with_target(version(options.emit.target)),
        cm: parts.source_map.clone(),
        comments: Some(comments),
        wr: writer,
    };
    let written = emitter.emit_program(&parts.program);
    drop(emitter);
    let (Ok(()), Ok(mut code)) = (written, String::from_utf8(code)) else {
        unreachable!("the printer writes UTF-8 into memory");
    };
    let map = wanted.map(|wanted| map::render(parts, &positions, wanted));
    if let (Some(wanted), Some(map)) = (wanted, &map) {
        map::link(&mut code, &wanted.link, map);
    }
    Emitted { code, map, imports }
}
