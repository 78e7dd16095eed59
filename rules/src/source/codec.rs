//! Facts as bytes, for a table on disk. Reading takes any bytes without a panic and without more memory than they justify.

use super::{Facts, Import, ImportKind, JsxFacts, Name, Names, SyntaxFault, Usage};

/// Raised whenever the bytes, or what is put into them for the same text, change.
pub const FORMAT: u8 = 2;

/// The bytes are not facts of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("These bytes are not facts of format {FORMAT}")]
pub struct DecodeError;

impl Facts {
    /// A compact form; equal facts give equal bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer(vec![FORMAT]);
        out.list(&self.imports, |out, import| {
            out.number(import.start);
            out.number(import.end);
            out.text(&import.specifier);
            out.byte(kind_to_byte(import.kind));
            out.usage(&import.usage);
            out.names(&import.names);
        });
        out.list(&self.exports, |out, export| out.text(export));
        out.list(&self.foreign, |out, name| out.text(name));
        out.flag(self.has_top_level_await);
        out.option(self.jsx.as_ref(), |out, jsx| {
            out.flag(jsx.runtime);
            out.flag(jsx.create_element);
            out.flag(jsx.fragments);
            out.option(jsx.automatic.as_ref(), |out, automatic| out.flag(*automatic));
            for text in [&jsx.import_source, &jsx.factory, &jsx.fragment] {
                out.option(text.as_ref(), |out, text| out.text(text));
            }
        });
        out.list(&self.syntax_errors, |out, fault| {
            out.number(fault.start);
            out.number(fault.end);
            out.text(&fault.message);
        });
        out.0
    }

    /// Reads what [`Facts::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut input = Reader(bytes);
        if input.byte()? != FORMAT {
            return Err(DecodeError);
        }
        let imports = input.list(|input| {
            Ok(Import {
                start: input.number()?,
                end: input.number()?,
                specifier: input.text()?,
                kind: kind_from_byte(input.byte()?)?,
                usage: input.usage()?,
                names: input.names()?,
            })
        })?;
        let exports = input.list(Reader::text)?;
        let foreign = input.list(Reader::text)?;
        let has_top_level_await = input.flag()?;
        let jsx = input.option(|input| {
            Ok(JsxFacts {
                runtime: input.flag()?,
                create_element: input.flag()?,
                fragments: input.flag()?,
                automatic: input.option(Reader::flag)?,
                import_source: input.option(Reader::text)?,
                factory: input.option(Reader::text)?,
                fragment: input.option(Reader::text)?,
            })
        })?;
        let syntax_errors = input
            .list(|input| Ok(SyntaxFault { start: input.number()?, end: input.number()?, message: input.text()? }))?;
        if !input.0.is_empty() {
            return Err(DecodeError);
        }
        Ok(Self { imports, exports, foreign, has_top_level_await, jsx, syntax_errors })
    }
}

fn kind_to_byte(kind: ImportKind) -> u8 {
    match kind {
        ImportKind::Static => 0,
        ImportKind::ExportFrom => 1,
        ImportKind::Dynamic => 2,
        ImportKind::Require => 3,
        ImportKind::Unknown => 4,
    }
}

fn kind_from_byte(byte: u8) -> Result<ImportKind, DecodeError> {
    Ok(match byte {
        0 => ImportKind::Static,
        1 => ImportKind::ExportFrom,
        2 => ImportKind::Dynamic,
        3 => ImportKind::Require,
        4 => ImportKind::Unknown,
        _ => return Err(DecodeError),
    })
}

struct Writer(Vec<u8>);

impl Writer {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn flag(&mut self, flag: bool) {
        self.byte(u8::from(flag));
    }

    /// Seven bits a byte, the lowest first.
    fn number(&mut self, number: u32) {
        let mut rest = number;
        while rest >= 0x80 {
            self.byte(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.byte(rest.to_le_bytes()[0]);
    }

    fn text(&mut self, text: &str) {
        self.number(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for item in items {
            each(self, item);
        }
    }

    fn option<T>(&mut self, value: Option<&T>, write: impl FnOnce(&mut Self, &T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn names(&mut self, names: &Names) {
        match names {
            Names::All => self.flag(false),
            Names::These(names) => {
                self.flag(true);
                self.list(names, |out, name| {
                    out.text(&name.export);
                    out.option(name.local.as_ref(), |out, local| out.text(local));
                    out.flag(name.used);
                });
            }
        }
    }

    fn usage(&mut self, usage: &Usage) {
        match usage {
            Usage::Value => self.byte(0),
            Usage::TypeOnly => self.byte(1),
            Usage::InlineTypes => self.byte(2),
            Usage::Unused { locals, metadata } => {
                self.byte(3);
                self.list(locals, |out, local| out.text(local));
                self.flag(*metadata);
            }
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (&first, rest) = self.0.split_first().ok_or(DecodeError)?;
        self.0 = rest;
        Ok(first)
    }

    fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError),
        }
    }

    fn number(&mut self) -> Result<u32, DecodeError> {
        let mut number = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                // One form a number: no trailing zero groups.
                let canonical = shift == 0 || byte != 0;
                return u32::try_from(number).ok().filter(|_| canonical).ok_or(DecodeError);
            }
        }
        Err(DecodeError)
    }

    fn text(&mut self) -> Result<Box<str>, DecodeError> {
        let length = self.number()? as usize;
        let (text, rest) = self.0.split_at_checked(length).ok_or(DecodeError)?;
        self.0 = rest;
        std::str::from_utf8(text).map(Box::from).map_err(|_| DecodeError)
    }

    fn list<T>(&mut self, mut each: impl FnMut(&mut Self) -> Result<T, DecodeError>) -> Result<Box<[T]>, DecodeError> {
        // Each item takes at least one byte, so a length beyond the input is refused before anything is reserved.
        let length = self.number()? as usize;
        if length > self.0.len() {
            return Err(DecodeError);
        }
        (0..length).map(|_| each(self)).collect()
    }

    fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, DecodeError>) -> Result<Option<T>, DecodeError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    fn names(&mut self) -> Result<Names, DecodeError> {
        if !self.flag()? {
            return Ok(Names::All);
        }
        let name = |input: &mut Self| {
            Ok(Name { export: input.text()?, local: input.option(Reader::text)?, used: input.flag()? })
        };
        self.list(name).map(Names::These)
    }

    fn usage(&mut self) -> Result<Usage, DecodeError> {
        Ok(match self.byte()? {
            0 => Usage::Value,
            1 => Usage::TypeOnly,
            2 => Usage::InlineTypes,
            3 => Usage::Unused { locals: self.list(Reader::text)?, metadata: self.flag()? },
            _ => return Err(DecodeError),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = Box<str>> {
        ".{0,12}".prop_map(Box::from)
    }

    fn usages() -> impl Strategy<Value = Usage> {
        prop_oneof![
            Just(Usage::Value),
            Just(Usage::TypeOnly),
            Just(Usage::InlineTypes),
            (vec(texts(), 0..3), any::<bool>())
                .prop_map(|(locals, metadata)| Usage::Unused { locals: locals.into(), metadata }),
        ]
    }

    fn names() -> impl Strategy<Value = Names> {
        let name = (texts(), proptest::option::of(texts()), any::<bool>()).prop_map(|(export, local, used)| Name {
            export,
            local,
            used,
        });
        prop_oneof![Just(Names::All), vec(name, 0..3).prop_map(|names| Names::These(names.into()))]
    }

    fn imports() -> impl Strategy<Value = Import> {
        (any::<u32>(), any::<u32>(), texts(), 0_u8..5, usages(), names()).prop_map(
            |(start, end, specifier, kind, usage, names)| {
                let kind = kind_from_byte(kind).unwrap();
                Import { start, end, specifier, kind, usage, names }
            },
        )
    }

    fn jsx() -> impl Strategy<Value = JsxFacts> {
        let text = || proptest::option::of(texts());
        (any::<[bool; 3]>(), proptest::option::of(any::<bool>()), text(), text(), text()).prop_map(
            |([runtime, create_element, fragments], automatic, import_source, factory, fragment)| JsxFacts {
                runtime,
                create_element,
                fragments,
                automatic,
                import_source,
                factory,
                fragment,
            },
        )
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let faults =
            (any::<u32>(), any::<u32>(), texts()).prop_map(|(start, end, message)| SyntaxFault { start, end, message });
        let names = || vec(texts(), 0..5);
        (vec(imports(), 0..5), names(), names(), any::<bool>(), proptest::option::of(jsx()), vec(faults, 0..3))
            .prop_map(|(imports, exports, foreign, has_top_level_await, jsx, syntax_errors)| Facts {
                imports: imports.into(),
                exports: exports.into(),
                foreign: foreign.into(),
                has_top_level_await,
                jsx,
                syntax_errors: syntax_errors.into(),
            })
    }

    proptest! {
        #[test]
        fn round_trip(facts in facts()) {
            prop_assert_eq!(Facts::decode(&facts.encode()), Ok(facts));
        }

        #[test]
        fn any_bytes_are_refused_or_canonical(bytes in vec(any::<u8>(), 0..200)) {
            if let Ok(facts) = Facts::decode(&bytes) {
                prop_assert_eq!(facts.encode(), bytes);
            }
        }

        #[test]
        fn damage_is_refused_or_canonical(facts in facts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = facts.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(facts) = Facts::decode(&bytes) {
                prop_assert_eq!(facts.encode(), bytes.clone());
            }
            prop_assert_eq!(Facts::decode(&bytes[..at]).ok().map(|facts| facts.encode().len()), None);
        }
    }

    #[test]
    fn a_length_beyond_the_input_is_refused() {
        assert_eq!(Facts::decode(&[FORMAT, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(DecodeError));
    }
}
