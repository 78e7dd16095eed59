//! `compilerOptions`, one file over another.

use jsonc_parser::ast::{Object, ObjectProp, Value};
use webstir_engine::diagnostic::Diagnostic;
use webstir_engine::path::{PathError, RelPath};

use super::emit::{Decorators, Jsx, Target};
use super::{PathMapping, Source, Sources, TsConfig};

/// The options as written, the later file over the earlier.
#[derive(Default)]
pub(super) struct Options {
    target: Option<(Target, bool)>,
    jsx: Option<JsxMode>,
    jsx_factory: Option<Box<str>>,
    jsx_fragment: Option<Box<str>>,
    jsx_import_source: Option<Box<str>>,
    experimental_decorators: Option<bool>,
    decorator_metadata: Option<bool>,
    strict: Option<bool>,
    strict_null_checks: Option<bool>,
    define_fields: Option<bool>,
    verbatim: Option<bool>,
    isolated_declarations: Option<bool>,
    base_url: Option<RelPath>,
    paths: Option<Vec<PathMapping>>,
    custom_conditions: Option<Box<[Box<str>]>>,
}

#[derive(Clone, Copy)]
enum JsxMode {
    Preserve,
    Classic,
    Automatic,
    Development,
}

/// What a file says of an option.
enum Said<T> {
    Value(T),
    /// `null`: what an extended file says of it does not count.
    Nothing,
    /// Something that it cannot be, which is a finding.
    Wrong,
}

impl<T> Said<T> {
    fn map<U>(self, map: impl FnOnce(T) -> U) -> Said<U> {
        self.and_then(|value| Said::Value(map(value)))
    }

    fn and_then<U>(self, then: impl FnOnce(T) -> Said<U>) -> Said<U> {
        match self {
            Self::Value(value) => then(value),
            Self::Nothing => Said::Nothing,
            Self::Wrong => Said::Wrong,
        }
    }

    fn put(self, option: &mut Option<T>) {
        match self {
            Self::Value(value) => *option = Some(value),
            Self::Nothing => *option = None,
            Self::Wrong => {}
        }
    }
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
        if let Some(property) = object.get("baseUrl") {
            match reader.text(property) {
                Said::Nothing => self.base_url = None,
                Said::Value(text) => {
                    let path = reader.path(&text, &source.directory(), &property.value);
                    self.base_url = path.or_else(|| self.base_url.take());
                }
                Said::Wrong => {}
            }
        }
        for property in &object.properties {
            self.option(&mut reader, property);
        }
    }

    fn option(&mut self, reader: &mut Reader<'_, '_>, property: &ObjectProp<'_>) {
        match property.name.as_str() {
            "target" => reader.target(property).put(&mut self.target),
            "jsx" => reader.jsx(property).put(&mut self.jsx),
            "jsxFactory" => reader.factory(property).put(&mut self.jsx_factory),
            "jsxFragmentFactory" => reader.factory(property).put(&mut self.jsx_fragment),
            "jsxImportSource" => reader.text(property).map(Box::from).put(&mut self.jsx_import_source),
            "experimentalDecorators" => reader.flag(property).put(&mut self.experimental_decorators),
            "emitDecoratorMetadata" => reader.flag(property).put(&mut self.decorator_metadata),
            "strict" => reader.flag(property).put(&mut self.strict),
            "strictNullChecks" => reader.flag(property).put(&mut self.strict_null_checks),
            "useDefineForClassFields" => reader.flag(property).put(&mut self.define_fields),
            "verbatimModuleSyntax" => reader.flag(property).put(&mut self.verbatim),
            "isolatedDeclarations" => reader.flag(property).put(&mut self.isolated_declarations),
            "customConditions" => reader.texts(property).put(&mut self.custom_conditions),
            // The type checker's alone; what they cannot be is said with the rest.
            "module" => drop(reader.text(property)),
            "moduleResolution" => reader.resolution(property),
            "isolatedModules" | "allowJs" | "resolveJsonModule" => drop(reader.flag(property)),
            "paths" => {
                let directory = self.base_url.clone().unwrap_or_else(|| reader.source.directory());
                reader.paths(property, &directory).put(&mut self.paths);
            }
            _ => {}
        }
    }

    pub(super) fn finish(self) -> TsConfig {
        let factory = self.jsx_factory.unwrap_or_else(|| "React.createElement".into());
        let fragment = self.jsx_fragment.unwrap_or_else(|| "React.Fragment".into());
        let import_source = self.jsx_import_source.unwrap_or_else(|| "react".into());
        let metadata = self.decorator_metadata.unwrap_or_default();
        let jsx = self.jsx.map(|mode| match mode {
            JsxMode::Preserve => Jsx::Preserve,
            JsxMode::Classic => Jsx::Classic { factory, fragment },
            JsxMode::Automatic => Jsx::Automatic { import_source, development: false },
            JsxMode::Development => Jsx::Automatic { import_source, development: true },
        });
        TsConfig {
            files: Box::default(),
            target: self.target.map(|(target, _)| target),
            jsx,
            decorators: self.experimental_decorators.unwrap_or_default().then_some(Decorators::Legacy {
                metadata,
                // Nothing but metadata depends on it.
                strict_nulls: metadata && self.strict_null_checks.or(self.strict).unwrap_or_default(),
            }),
            define_fields: self.define_fields.or(self.target.map(|(_, has_fields)| has_fields)),
            verbatim: self.verbatim.unwrap_or_default(),
            isolated_declarations: self.isolated_declarations.unwrap_or_default(),
            base_url: self.base_url,
            paths: self.paths.unwrap_or_default().into_boxed_slice(),
            custom_conditions: self.custom_conditions.unwrap_or_default(),
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
    fn wrong<T>(&mut self, property: &ObjectProp<'_>, expected: &str) -> Said<T> {
        let message = format!("`{}` must be {expected}", property.name.as_str());
        self.found.push(self.source.error("tsconfig::option", message, &property.value));
        Said::Wrong
    }

    fn text(&mut self, property: &ObjectProp<'_>) -> Said<String> {
        match &property.value {
            Value::StringLit(text) => Said::Value(text.value.clone().into_owned()),
            Value::NullKeyword(_) => Said::Nothing,
            _ => self.wrong(property, "a string"),
        }
    }

    fn flag(&mut self, property: &ObjectProp<'_>) -> Said<bool> {
        match &property.value {
            Value::BooleanLit(value) => Said::Value(value.value),
            Value::NullKeyword(_) => Said::Nothing,
            _ => self.wrong(property, "`true` or `false`"),
        }
    }

    /// The target, and whether class fields are part of it.
    fn target(&mut self, property: &ObjectProp<'_>) -> Said<(Target, bool)> {
        self.text(property).and_then(|text| {
            let text = text.to_ascii_lowercase();
            if let Some(target) = Target::parse(&text).filter(|_| text.starts_with("es")) {
                return Said::Value((target, target.has_class_fields()));
            }
            if matches!(text.as_str(), "es3" | "es5" | "es6" | "es2015" | "es2016" | "es2017") {
                return Said::Value((Target::Es2018, false));
            }
            self.wrong(property, "a version of ECMAScript, for example `es2022`")
        })
    }

    fn texts(&mut self, property: &ObjectProp<'_>) -> Said<Box<[Box<str>]>> {
        let list = match &property.value {
            Value::Array(list) => list.elements.iter(),
            Value::NullKeyword(_) => return Said::Nothing,
            _ => return self.wrong(property, "a list of strings"),
        };
        let texts = list.map(|value| match value {
            Value::StringLit(text) => Some(Box::from(&*text.value)),
            _ => None,
        });
        match texts.collect() {
            Some(texts) => Said::Value(texts),
            None => self.wrong(property, "a list of strings"),
        }
    }

    fn resolution(&mut self, property: &ObjectProp<'_>) {
        let is_known =
            |text: &str| matches!(text, "bundler" | "node" | "node10" | "classic" | "node16" | "node18" | "nodenext");
        if let Said::Value(text) = self.text(property)
            && !is_known(&text.to_ascii_lowercase())
        {
            let _: Said<()> = self.wrong(property, "`bundler`, `node16` or `nodenext`");
        }
    }

    fn jsx(&mut self, property: &ObjectProp<'_>) -> Said<JsxMode> {
        self.text(property).and_then(|text| match text.to_ascii_lowercase().as_str() {
            "preserve" | "react-native" => Said::Value(JsxMode::Preserve),
            "react" => Said::Value(JsxMode::Classic),
            "react-jsx" => Said::Value(JsxMode::Automatic),
            "react-jsxdev" => Said::Value(JsxMode::Development),
            _ => self.wrong(property, "`preserve`, `react`, `react-jsx` or `react-jsxdev`"),
        })
    }

    fn factory(&mut self, property: &ObjectProp<'_>) -> Said<Box<str>> {
        let is_name = |part: &str| {
            let mut characters = part.chars();
            let starts = |c: char| c.is_alphabetic() || c == '_' || c == '$';
            characters.next().is_some_and(starts) && characters.all(|c| starts(c) || c.is_numeric())
        };
        self.text(property).and_then(|text| {
            if text.split('.').all(is_name) {
                Said::Value(text.into())
            } else {
                self.wrong(property, "a name or names joined by dots")
            }
        })
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

    fn paths(&mut self, property: &ObjectProp<'_>, directory: &RelPath) -> Said<Vec<PathMapping>> {
        let object = match &property.value {
            Value::Object(object) => object,
            Value::NullKeyword(_) => return Said::Nothing,
            _ => return self.wrong(property, "an object"),
        };
        let mut mappings = Vec::new();
        for property in &object.properties {
            let pattern = property.name.as_str();
            let Value::Array(list) = &property.value else {
                let _: Said<()> = self.wrong(property, "a list of paths");
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
        Said::Value(mappings)
    }
}
