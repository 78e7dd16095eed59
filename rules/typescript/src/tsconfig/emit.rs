//! The options that decide what a module is transpiled to.

use serde::{Deserialize, Serialize};

/// The oldest ECMAScript that has to understand the output. The order is by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Target {
    /// Lowers everything newer than object spread.
    Es2018,
    /// Lowers everything newer than optional `catch` bindings.
    Es2019,
    /// Lowers everything newer than `?.` and `??`.
    Es2020,
    /// Lowers everything newer than `??=`.
    Es2021,
    /// Class fields, private members and top-level `await` stay.
    Es2022,
    /// Like ES2022; nothing newer has syntax to lower.
    Es2023,
    /// Like ES2022; its regular expression flags are not lowered.
    Es2024,
    /// Everything that engines implement. Decorators and `using` are lowered nevertheless: no engine that runs the output
    /// is sure to have them.
    EsNext,
}

impl Target {
    /// Reads `es2022`, `esnext` or `node20`, in any case. ECMAScript before 2018 and Node before 10 give `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        if let Some(version) = text.strip_prefix("node") {
            let major: u32 = version.split('.').next()?.parse().ok()?;
            return Some(match major {
                0..10 => return None,
                10..12 => Self::Es2018,
                12..14 => Self::Es2019,
                14 => Self::Es2020,
                15 => Self::Es2021,
                16..20 => Self::Es2022,
                20..22 => Self::Es2023,
                22.. => Self::Es2024,
            });
        }
        Some(match text.as_str() {
            "es2018" => Self::Es2018,
            "es2019" => Self::Es2019,
            "es2020" => Self::Es2020,
            "es2021" => Self::Es2021,
            "es2022" => Self::Es2022,
            "es2023" => Self::Es2023,
            "es2024" => Self::Es2024,
            "es2025" | "esnext" => Self::EsNext,
            _ => return None,
        })
    }

    /// `es2022`, `esnext` and so on.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es2018 => "es2018",
            Self::Es2019 => "es2019",
            Self::Es2020 => "es2020",
            Self::Es2021 => "es2021",
            Self::Es2022 => "es2022",
            Self::Es2023 => "es2023",
            Self::Es2024 => "es2024",
            Self::EsNext => "esnext",
        }
    }

    /// Whether class fields are part of the language, which decides what `useDefineForClassFields` is when it is not set.
    pub fn has_class_fields(self) -> bool {
        self >= Self::Es2022
    }
}

/// Which decorators `@` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Decorators {
    /// Those of ECMAScript.
    Standard,
    /// `experimentalDecorators`.
    Legacy {
        /// `emitDecoratorMetadata`.
        metadata: bool,
        /// `strictNullChecks`: whether `null` counts in the metadata of a union.
        strict_nulls: bool,
    },
}

impl Decorators {
    /// Whether types become values.
    pub fn emits_metadata(self) -> bool {
        matches!(self, Self::Legacy { metadata: true, .. })
    }
}

/// What becomes of JSX.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Jsx {
    /// `preserve`: it stays.
    Preserve,
    /// `react`: calls of a factory that the module imports.
    Classic {
        /// `jsxFactory`, a dotted name.
        factory: Box<str>,
        /// `jsxFragmentFactory`, a dotted name.
        fragment: Box<str>,
    },
    /// `react-jsx` and `react-jsxdev`: calls of a runtime that the output imports by itself.
    Automatic {
        /// `jsxImportSource`.
        import_source: Box<str>,
        /// `react-jsxdev`.
        development: bool,
    },
}

/// The options that decide what a module is transpiled to. Equal options and equal text give equal output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EmitOptions {
    /// The language of the output.
    pub target: Target,
    /// The meaning of `@`.
    pub decorators: Decorators,
    /// Whether class fields are defined (`useDefineForClassFields`) rather than assigned.
    pub define_fields: bool,
    /// What becomes of JSX.
    pub jsx: Jsx,
    /// `verbatimModuleSyntax`: imports stay unless they are marked `type`.
    pub verbatim: bool,
}

impl Default for EmitOptions {
    /// What holds without a `tsconfig.json`.
    fn default() -> Self {
        Self {
            target: Target::Es2022,
            decorators: Decorators::Standard,
            define_fields: true,
            jsx: Jsx::Automatic { import_source: "react".into(), development: false },
            verbatim: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        assert_eq!(Target::parse("ES2022"), Some(Target::Es2022));
        assert_eq!(Target::parse("node20"), Some(Target::Es2023));
        assert_eq!(Target::parse("node18.2"), Some(Target::Es2022));
        assert_eq!(Target::parse("es5"), None);
        assert_eq!(Target::parse("node"), None);
    }
}
