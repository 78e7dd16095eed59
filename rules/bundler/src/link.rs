//! One run of rolldown.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rolldown::{
    AttachDebugInfo, BundleFactory, BundleFactoryOptions, BundleOutput, BundlerOptions, ChecksOptions,
    CodeSplittingMode, CommentsOptions, ExperimentalOptions, InlineConstOption, InputItem, OptimizationOption,
    OutputFormat, RawMangleOptions, RawMinifyOptions, RawMinifyOptionsDetailed, SourceMapType, TreeshakeOptions,
    TsConfig,
};
use rolldown_common::Output;
use rolldown_error::{BatchedBuildDiagnostic, BuildDiagnostic, EventKind};
use rolldown_resolver::Resolver;
use tokio::runtime::{Builder, Runtime};

use crate::files::NoFiles;
use crate::host::HostPlugin;
use crate::problem::BundleProblem;
use crate::{Asset, Bundled, Chunk, Entry, Platform, Request, SharedHost, SourceMaps};

/// The virtual directory of the whole run. Ids are absolute, so nothing depends on it but how rolldown prints them.
const ROOT: &str = "/";

/// Syntax trees are dropped recursively.
const STACK: usize = 64 * 1024 * 1024;

/// Links `request`; blocks until it is done. Equal requests over equal modules give equal bytes, whatever the threads do.
/// What is wrong comes back sorted, as much of it as one run can find.
pub fn bundle(request: &Request, host: &SharedHost) -> Result<Bundled, Vec<BundleProblem>> {
    if request.splitting {
        return run(request, &request.entries, host);
    }
    let mut all = Bundled::default();
    let mut problems = Vec::new();
    for entry in &request.entries {
        match run(request, std::slice::from_ref(entry), host) {
            Ok(bundled) => {
                all.chunks.extend(bundled.chunks);
                all.assets.extend(bundled.assets);
                all.warnings.extend(bundled.warnings);
            }
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(problems);
    }
    all.chunks.sort();
    // Entries may share an asset; it has the same bytes then, for its name holds their hash.
    all.assets.sort();
    all.assets.dedup();
    all.warnings.sort();
    all.warnings.dedup();
    Ok(all)
}

/// On a thread of its own: the caller may be one that cannot block on a runtime, and a panic of rolldown ends here.
fn run(request: &Request, entries: &[Entry], host: &SharedHost) -> Result<Bundled, Vec<BundleProblem>> {
    let plugin = Arc::new(HostPlugin::new(Arc::clone(host), request.platform));
    let work = || match runtime() {
        Ok(runtime) => runtime.block_on(link(request, entries, &plugin)),
        Err(message) => Err(vec![BundleProblem::internal(message)]),
    };
    let done = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("bundle".to_owned()).stack_size(STACK);
        thread.spawn_scoped(scope, work).map(std::thread::ScopedJoinHandle::join)
    });
    let failure = match done {
        Ok(Ok(result)) => return result,
        Ok(Err(panic)) => {
            let said = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            format!("The linker failed: {}", said.unwrap_or("no reason given"))
        }
        Err(error) => format!("Cannot start the linker thread: {error}"),
    };
    // What the host refused may be what rolldown stumbled over.
    let mut problems = plugin.take_problems();
    if problems.is_empty() {
        problems.push(BundleProblem::internal(failure));
    }
    problems.sort();
    problems.dedup();
    Err(problems)
}

fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                .thread_name("bundler")
                .thread_stack_size(STACK)
                .build()
                .map_err(|error| format!("No runtime for the linker: {error}"))
        })
        .as_ref()
        .map_err(Clone::clone)
}

async fn link(request: &Request, entries: &[Entry], plugin: &Arc<HostPlugin>) -> Result<Bundled, Vec<BundleProblem>> {
    let generated = generate(request, entries, Arc::clone(plugin)).await;
    let mut problems = plugin.take_problems();
    let problem = |diagnostic: &BuildDiagnostic| BundleProblem::of(diagnostic, ROOT, plugin.host.as_ref());
    let output = match generated {
        Ok(output) => Some(output),
        Err(errors) => {
            let refused = !problems.is_empty();
            // An entry that the host refused stands in for an external one, which rolldown then complains about.
            let errors = errors.into_vec();
            let own = errors.iter().filter(|error| !(refused && matches!(error.kind(), EventKind::UnresolvedEntry)));
            problems.extend(own.map(problem));
            None
        }
    };
    let mut warnings = Vec::new();
    for warning in output.iter().flat_map(|output| &output.warnings) {
        // Code that rolldown could not transform is in the output as it was: not what was asked for.
        let fatal = matches!(warning.kind(), EventKind::ToleratedTransform);
        if fatal { &mut problems } else { &mut warnings }.push(problem(warning));
    }
    match output {
        Some(output) if problems.is_empty() => {
            warnings.sort();
            warnings.dedup();
            Ok(collect(request, output, warnings))
        }
        _ => {
            problems.sort();
            problems.dedup();
            Err(problems)
        }
    }
}

async fn generate(
    request: &Request,
    entries: &[Entry],
    plugin: Arc<HostPlugin>,
) -> Result<BundleOutput, BatchedBuildDiagnostic> {
    let mut factory = BundleFactory::new(BundleFactoryOptions {
        bundler_options: options(request, entries),
        plugins: vec![plugin],
        session: None,
        disable_tracing_setup: true,
    })?;
    let resolver = Resolver::new(
        NoFiles,
        PathBuf::from(ROOT),
        platform(request.platform),
        &TsConfig::Auto(false),
        rolldown::ResolveOptions::default(),
    );
    factory.create_bundle_with_fs(NoFiles, Arc::new(resolver)).generate().await
}

fn platform(platform: Platform) -> rolldown::Platform {
    match platform {
        Platform::Node => rolldown::Platform::Node,
        Platform::Browser => rolldown::Platform::Browser,
    }
}

fn options(request: &Request, entries: &[Entry]) -> BundlerOptions {
    let input = entries.iter().map(|entry| InputItem { name: Some(entry.name.clone()), import: entry.id.clone() });
    let legal = request.legal_comments;
    BundlerOptions {
        input: Some(input.collect()),
        cwd: Some(PathBuf::from(ROOT)),
        dir: Some(request.out_dir.clone()),
        platform: Some(platform(request.platform)),
        format: Some(OutputFormat::Esm),
        entry_filenames: Some("[name].js".to_owned().into()),
        chunk_filenames: Some(request.chunk_names.clone().into()),
        sourcemap: match request.source_maps {
            SourceMaps::None => None,
            SourceMaps::Hidden | SourceMaps::Linked => Some(SourceMapType::Hidden),
        },
        treeshake: TreeshakeOptions::Boolean(request.tree_shake),
        minify: Some(minify(request)),
        // Left out, exported constants are computed in their importers, some of them to other values.
        optimization: Some(OptimizationOption {
            inline_const: Some(InlineConstOption::Bool(false)),
            ..OptimizationOption::default()
        }),
        define: Some(request.define.iter().map(|(name, value)| (name.clone(), value.clone())).collect()),
        keep_names: Some(request.keep_names),
        code_splitting: Some(CodeSplittingMode::Bool(request.splitting)),
        comments: Some(CommentsOptions { legal, annotation: !request.minify, jsdoc: false }),
        checks: Some(ChecksOptions {
            plugin_timings: Some(false),
            prefer_builtin_feature: Some(false),
            // Without splitting it is meant to be so.
            ineffective_dynamic_import: Some(request.splitting),
            ..ChecksOptions::default()
        }),
        experimental: Some(ExperimentalOptions {
            attach_debug_info: Some(AttachDebugInfo::None),
            ..ExperimentalOptions::default()
        }),
        tsconfig: Some(TsConfig::Auto(false)),
        ..BundlerOptions::default()
    }
}

/// Names and white space, and nothing that computes: the compressor has no option that leaves constants as they are. Left out, it
/// would remove dead code from linked files, where what follows the `throw` of one module are the exports of others.
fn minify(request: &Request) -> RawMinifyOptions {
    if !request.minify {
        return RawMinifyOptions::Bool(false);
    }
    RawMinifyOptions::Object(RawMinifyOptionsDetailed {
        mangle: Some(RawMangleOptions::default()),
        compress: None,
        remove_whitespace: true,
    })
}

fn collect(request: &Request, output: BundleOutput, warnings: Vec<BundleProblem>) -> Bundled {
    let mut bundled = Bundled { warnings, ..Bundled::default() };
    for output in output.assets {
        match output {
            Output::Chunk(chunk) => {
                let mut code = chunk.code.clone();
                let map = chunk.map.as_ref().map(oxc_sourcemap::SourceMap::to_json_string);
                if request.source_maps == SourceMaps::Linked && map.is_some() {
                    let name = chunk.filename.rsplit('/').next().unwrap_or(&chunk.filename);
                    if !code.ends_with('\n') {
                        code.push('\n');
                    }
                    code.extend(["//# sourceMappingURL=", name, ".map\n"]);
                }
                bundled.chunks.push(Chunk {
                    file_name: chunk.filename.to_string(),
                    entry: chunk.is_entry.then(|| chunk.name.to_string()),
                    code,
                    map,
                    imports: chunk.imports.iter().map(ToString::to_string).collect(),
                    // A lazy import that was put into the file itself is none any more.
                    dynamic_imports: chunk
                        .dynamic_imports
                        .iter()
                        .filter(|import| **import != chunk.filename)
                        .map(ToString::to_string)
                        .collect(),
                    module_ids: chunk.module_ids.iter().map(ToString::to_string).collect(),
                    exports: chunk.exports.iter().map(ToString::to_string).collect(),
                });
            }
            Output::Asset(asset) => bundled
                .assets
                .push(Asset { file_name: asset.filename.to_string(), content: asset.source.as_bytes().to_vec() }),
        }
    }
    bundled.chunks.sort();
    bundled.assets.sort();
    bundled
}
