//! `compilerOptions`, one file over another.

use jsonc_parser::ast::{Object, ObjectProp, Value};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::{PathError, RelPath};

use super::emit::{Decorators, Jsx, Target};
use super::{ModuleResolution, PathMapping, Source, Sources, TsConfig};

/// The options as written, the later file over the earlier.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "switches that are independent of each other")]
pub(super) struct Options {
    target: Option<(Target, bool)>,
    module: Option<Box<str>>,
    module_resolution: Option<ModuleResolution>,
    jsx: Option<JsxMode>,
    jsx_factory: Option<Box<str>>,
    jsx_fragment: Option<Box<str>>,
    jsx_import_source: Option<Box<str>>,
    experimental_decorators: bool,
    decorator_metadata: bool,
    strict: bool,
    strict_null_checks: Option<bool>,
    define_fields: Option<bool>,
    verbatim: bool,
    isolated_modules: bool,
    isolated_declarations: bool,
    base_url: Option<RelPath>,
    paths: Option<Vec<PathMapping>>,
    allow_js: bool,
    resolve_json: Option<bool>,
}

#[derive(Clone, Copy)]
enum JsxMode {
    Preserve,
    Classic,
    Automatic,
    Development,
}

impl Options {
    pub(super) fn read(
        &mut self,
        source: &Source<'_>,
        object: &Object<'_>,
        project: &RelPath,
        found: &mut Vec<Diagnostic>,
    ) {
        let mut reader = Reader { source, project, found };
        // `paths` are relative to `baseUrl`, wherever in the object it stands.
        if let Some(property) = object.get("baseUrl")
            && let Some(text) = reader.text(property)
        {
            self.base_url = reader.path(&text, &source.directory(), &property.value).or_else(|| self.base_url.take());
        }
        for property in &object.properties {
            self.option(&mut reader, property);
        }
    }

    fn option(&mut self, reader: &mut Reader<'_, '_>, property: &ObjectProp<'_>) {
        match property.name.as_str() {
            "target" => self.target = reader.target(property).or(self.target),
            "module" => {
                if let Some(text) = reader.text(property) {
                    self.module = Some(text.to_ascii_lowercase().into());
                }
            }
            "moduleResolution" => self.module_resolution = reader.resolution(property).or(self.module_resolution),
            "jsx" => self.jsx = reader.jsx(property).or(self.jsx),
            "jsxFactory" => reader.factory(property, &mut self.jsx_factory),
            "jsxFragmentFactory" => reader.factory(property, &mut self.jsx_fragment),
            "jsxImportSource" => {
                if let Some(text) = reader.text(property) {
                    self.jsx_import_source = Some(text.into());
                }
            }
            "experimentalDecorators" => reader.flag(property, &mut self.experimental_decorators),
            "emitDecoratorMetadata" => reader.flag(property, &mut self.decorator_metadata),
            "strict" => reader.flag(property, &mut self.strict),
            "strictNullChecks" => {
                let mut flag = self.strict_null_checks.unwrap_or_default();
                reader.flag(property, &mut flag);
                self.strict_null_checks = Some(flag);
            }
            "useDefineForClassFields" => {
                let mut flag = false;
                reader.flag(property, &mut flag);
                if matches!(property.value, Value::BooleanLit(_)) {
                    self.define_fields = Some(flag);
                }
            }
            "verbatimModuleSyntax" => reader.flag(property, &mut self.verbatim),
            "isolatedModules" => reader.flag(property, &mut self.isolated_modules),
            "isolatedDeclarations" => reader.flag(property, &mut self.isolated_declarations),
            "allowJs" => reader.flag(property, &mut self.allow_js),
            "resolveJsonModule" => {
                let mut flag = self.resolve_json.unwrap_or_default();
                reader.flag(property, &mut flag);
                self.resolve_json = Some(flag);
            }
            "paths" => {
                let directory = self.base_url.clone().unwrap_or_else(|| reader.source.directory());
                self.paths = Some(reader.paths(property, &directory));
            }
            _ => {}
        }
    }

    pub(super) fn finish(self) -> TsConfig {
        let implied = match self.module.as_deref() {
            Some("node16" | "node18" | "node20" | "nodenext") => ModuleResolution::Node,
            _ => ModuleResolution::Bundler,
        };
        let module_resolution = self.module_resolution.unwrap_or(implied);
        let factory = self.jsx_factory.unwrap_or_else(|| "React.createElement".into());
        let fragment = self.jsx_fragment.unwrap_or_else(|| "React.Fragment".into());
        let import_source = self.jsx_import_source.unwrap_or_else(|| "react".into());
        let jsx = self.jsx.map(|mode| match mode {
            JsxMode::Preserve => Jsx::Preserve,
            JsxMode::Classic => Jsx::Classic { factory, fragment },
            JsxMode::Automatic => Jsx::Automatic { import_source, development: false },
            JsxMode::Development => Jsx::Automatic { import_source, development: true },
        });
        TsConfig {
            files: Box::default(),
            target: self.target.map(|(target, _)| target),
            module: self.module,
            module_resolution,
            jsx,
            decorators: self.experimental_decorators.then_some(Decorators::Legacy {
                metadata: self.decorator_metadata,
                // Nothing but metadata depends on it.
                strict_nulls: self.decorator_metadata && self.strict_null_checks.unwrap_or(self.strict),
            }),
            define_fields: self.define_fields.or(self.target.map(|(_, has_fields)| has_fields)),
            verbatim: self.verbatim,
            isolated_modules: self.isolated_modules,
            isolated_declarations: self.isolated_declarations,
            base_url: self.base_url,
            paths: self.paths.unwrap_or_default().into_boxed_slice(),
            allow_js: self.allow_js,
            resolve_json: self.resolve_json.unwrap_or(module_resolution == ModuleResolution::Bundler),
            sources: Sources::default(),
        }
    }
}

struct Reader<'a, 'b> {
    source: &'a Source<'b>,
    project: &'a RelPath,
    found: &'a mut Vec<Diagnostic>,
}

impl Reader<'_, '_> {
    fn wrong(&mut self, property: &ObjectProp<'_>, expected: &str) {
        let message = format!("`{}` must be {expected}", property.name.as_str());
        self.found.push(self.source.error("tsconfig::option", message, &property.value));
    }

    /// A text. `null` removes an option that an extended file set, as far as TypeScript does: it is left alone here.
    fn text(&mut self, property: &ObjectProp<'_>) -> Option<String> {
        match &property.value {
            Value::StringLit(text) => Some(text.value.clone().into_owned()),
            Value::NullKeyword(_) => None,
            _ => {
                self.wrong(property, "a string");
                None
            }
        }
    }

    fn flag(&mut self, property: &ObjectProp<'_>, flag: &mut bool) {
        match &property.value {
            Value::BooleanLit(value) => *flag = value.value,
            Value::NullKeyword(_) => {}
            _ => self.wrong(property, "`true` or `false`"),
        }
    }

    /// The target, and whether class fields are part of it.
    fn target(&mut self, property: &ObjectProp<'_>) -> Option<(Target, bool)> {
        let text = self.text(property)?.to_ascii_lowercase();
        if let Some(target) = Target::parse(&text).filter(|_| text.starts_with("es")) {
            return Some((target, target.has_class_fields()));
        }
        if matches!(text.as_str(), "es3" | "es5" | "es6" | "es2015" | "es2016" | "es2017") {
            return Some((Target::Es2018, false));
        }
        self.wrong(property, "a version of ECMAScript, for example `es2022`");
        None
    }

    fn resolution(&mut self, property: &ObjectProp<'_>) -> Option<ModuleResolution> {
        match self.text(property)?.to_ascii_lowercase().as_str() {
            "bundler" | "node" | "node10" | "classic" => Some(ModuleResolution::Bundler),
            "node16" | "node18" | "nodenext" => Some(ModuleResolution::Node),
            _ => {
                self.wrong(property, "`bundler`, `node16` or `nodenext`");
                None
            }
        }
    }

    fn jsx(&mut self, property: &ObjectProp<'_>) -> Option<JsxMode> {
        match self.text(property)?.to_ascii_lowercase().as_str() {
            "preserve" | "react-native" => Some(JsxMode::Preserve),
            "react" => Some(JsxMode::Classic),
            "react-jsx" => Some(JsxMode::Automatic),
            "react-jsxdev" => Some(JsxMode::Development),
            _ => {
                self.wrong(property, "`preserve`, `react`, `react-jsx` or `react-jsxdev`");
                None
            }
        }
    }

    fn factory(&mut self, property: &ObjectProp<'_>, factory: &mut Option<Box<str>>) {
        let Some(text) = self.text(property) else { return };
        let is_name = |part: &str| {
            let mut characters = part.chars();
            let starts = |c: char| c.is_alphabetic() || c == '_' || c == '$';
            characters.next().is_some_and(starts) && characters.all(|c| starts(c) || c.is_numeric())
        };
        if text.split('.').all(is_name) {
            *factory = Some(text.into());
        } else {
            self.wrong(property, "a name or names joined by dots");
        }
    }

    /// A path as written, `${configDir}` being the directory of the project.
    fn path(&mut self, text: &str, directory: &RelPath, value: &Value<'_>) -> Option<RelPath> {
        let joined = match text.strip_prefix("${configDir}") {
            Some(rest) => self.project.join(rest.trim_start_matches('/')),
            None => directory.join(text),
        };
        joined
            .map_err(|error: PathError| self.found.push(self.source.error("tsconfig::path", error.to_string(), value)))
            .ok()
    }

    fn paths(&mut self, property: &ObjectProp<'_>, directory: &RelPath) -> Vec<PathMapping> {
        let Value::Object(object) = &property.value else {
            self.wrong(property, "an object");
            return Vec::new();
        };
        let mut mappings = Vec::new();
        for property in &object.properties {
            let pattern = property.name.as_str();
            let Value::Array(list) = &property.value else {
                self.wrong(property, "a list of paths");
                continue;
            };
            if pattern.matches('*').count() > 1 {
                let message = format!("`{pattern}` may hold at most one `*`");
                self.found.push(self.source.error("tsconfig::option", message, &property.name));
                continue;
            }
            let mut substitutions = Vec::new();
            for value in &list.elements {
                match value {
                    Value::StringLit(text) if text.value.matches('*').count() <= 1 => {
                        substitutions.extend(self.path(&text.value, directory, value));
                    }
                    value => {
                        let message = "Expected a path with at most one `*`";
                        self.found.push(self.source.error("tsconfig::option", message, value));
                    }
                }
            }
            mappings.push(PathMapping { pattern: pattern.into(), substitutions: substitutions.into() });
        }
        mappings
    }
}
