//! The binary forms of PostgreSQL's types (`src/backend/utils/adt` in its source), as values of a script.

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};
use uuid::Uuid;

use crate::database::DatabaseError;
use crate::database::answer::Field;

/// A value as it came.
struct Raw<'a>(Type, &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(kind.clone(), raw))
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }
}

/// Why a value was not written.
#[derive(Debug, PartialEq)]
enum Problem {
    Unknown,
    Malformed,
    TooLarge,
}

/// Writes one column of a row.
pub(super) fn write(row: &Row, index: usize, field: &mut Field<'_>) -> Result<(), DatabaseError> {
    let Some(Raw(kind, raw)) = row.try_get::<_, Option<Raw<'_>>>(index)? else {
        field.null();
        return Ok(());
    };
    decode(&kind, raw, field).map_err(|problem| {
        let column = row.columns().get(index).map_or_else(String::new, |column| column.name().to_owned());
        match problem {
            Problem::Unknown => DatabaseError::UnknownType { column, kind: kind.name().to_owned() },
            Problem::Malformed => DatabaseError::Column { column, reason: "its bytes are malformed".to_owned() },
            Problem::TooLarge => DatabaseError::TooLarge,
        }
    })
}

/// 2000-01-01, from where PostgreSQL counts, in milliseconds.
const EPOCH: i64 = 946_684_800_000;
const DAY: i64 = 86_400_000;

fn fixed<const N: usize>(raw: &[u8]) -> Result<[u8; N], Problem> {
    raw.try_into().map_err(|_| Problem::Malformed)
}

fn text(raw: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(raw).map_err(|_| Problem::Malformed)
}

fn decode(kind: &Type, raw: &[u8], field: &mut Field<'_>) -> Result<(), Problem> {
    match *kind {
        Type::BOOL => field.boolean(fixed::<1>(raw)? != [0]),
        Type::INT2 => field.integer(i16::from_be_bytes(fixed(raw)?).into()),
        Type::INT4 => field.integer(i32::from_be_bytes(fixed(raw)?).into()),
        Type::INT8 => field.integer(i64::from_be_bytes(fixed(raw)?)),
        Type::OID => field.integer(u32::from_be_bytes(fixed(raw)?).into()),
        // The shortest decimal of the small type, not that of the large one.
        Type::FLOAT4 => field.float(f32::from_be_bytes(fixed(raw)?).to_string().parse().unwrap_or(f64::NAN)),
        Type::FLOAT8 => field.float(f64::from_be_bytes(fixed(raw)?)),
        Type::NUMERIC => field.text(&numeric(raw)?),
        Type::JSON => return json(raw, field),
        Type::JSONB => match raw.split_first() {
            Some((1, rest)) => return json(rest, field),
            _ => return Err(Problem::Malformed),
        },
        Type::TIMESTAMPTZ | Type::TIMESTAMP => match i64::from_be_bytes(fixed(raw)?) {
            i64::MAX => field.float(f64::INFINITY),
            i64::MIN => field.float(f64::NEG_INFINITY),
            microseconds => field.instant(microseconds.div_euclid(1000) + EPOCH),
        },
        Type::DATE => match i32::from_be_bytes(fixed(raw)?) {
            i32::MAX => field.float(f64::INFINITY),
            i32::MIN => field.float(f64::NEG_INFINITY),
            days => field.instant(i64::from(days) * DAY + EPOCH),
        },
        Type::TIME => {
            let time = jiff::civil::Time::from_sql(kind, raw).map_err(|_| Problem::Malformed)?;
            field.text(&time.to_string());
        }
        Type::UUID => field.text(&Uuid::from_bytes(fixed(raw)?).to_string()),
        Type::BYTEA => field.bytes(raw),
        Type::VOID => field.null(),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::CHAR | Type::XML | Type::UNKNOWN => {
            field.text(text(raw)?);
        }
        _ => match kind.kind() {
            Kind::Array(_) => return array(kind, raw, field),
            Kind::Domain(of) => return decode(of, raw, field),
            Kind::Enum(_) => field.text(text(raw)?),
            _ if kind.name() == "citext" => field.text(text(raw)?),
            _ => return Err(Problem::Unknown),
        },
    }
    Ok(())
}

fn json(raw: &[u8], field: &mut Field<'_>) -> Result<(), Problem> {
    if field.json(text(raw)?) { Ok(()) } else { Err(Problem::Malformed) }
}

fn array(kind: &Type, raw: &[u8], field: &mut Field<'_>) -> Result<(), Problem> {
    let items = Vec::<Option<Raw<'_>>>::from_sql(kind, raw).map_err(|_| Problem::Malformed)?;
    field.array(items, Problem::TooLarge, |item, field| match item {
        None => {
            field.null();
            Ok(())
        }
        Some(Raw(member, raw)) => decode(&member, raw, field),
    })
}

/// Groups of four decimal digits, the weight of the first, a sign, and how many digits follow the point.
fn numeric(raw: &[u8]) -> Result<String, Problem> {
    const NEGATIVE: u16 = 0x4000;
    let words: Vec<u16> =
        raw.chunks(2).map(fixed).map(|word| word.map(u16::from_be_bytes)).collect::<Result<_, _>>()?;
    let [count, weight, sign, scale, groups @ ..] = &words[..] else { return Err(Problem::Malformed) };
    match sign {
        0 | &NEGATIVE => {}
        0xc000 => return Ok("NaN".to_owned()),
        0xd000 => return Ok("Infinity".to_owned()),
        0xf000 => return Ok("-Infinity".to_owned()),
        _ => return Err(Problem::Malformed),
    }
    if usize::from(*count) != groups.len() || groups.iter().any(|group| *group > 9999) || *scale > 0x3fff {
        return Err(Problem::Malformed);
    }
    let weight = i32::from(weight.cast_signed());
    let group =
        |place: i32| usize::try_from(weight - place).ok().and_then(|index| groups.get(index)).copied().unwrap_or(0);
    let mut number = if *sign == NEGATIVE { "-".to_owned() } else { String::new() };
    let digits = |text: String, place: i32| text + &format!("{:04}", group(place));
    let whole = (0..=weight.max(0)).rev().fold(String::new(), digits);
    let trimmed = whole.trim_start_matches('0');
    number.push_str(if trimmed.is_empty() { "0" } else { trimmed });
    if *scale > 0 {
        let scale = usize::from(*scale);
        let places = i32::try_from(scale.div_ceil(4)).unwrap_or(0);
        let mut fraction = (1..=places).map(|place| -place).fold(String::new(), digits);
        fraction.truncate(scale);
        number.push('.');
        number.push_str(&fraction);
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::answer::Answer;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_malformed(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            let kinds = [Type::NUMERIC, Type::JSONB, Type::TIMESTAMPTZ, Type::DATE, Type::TIME, Type::UUID, Type::INT8,
                Type::TEXT, Type::TEXT_ARRAY, Type::NUMERIC_ARRAY, Type::FLOAT4];
            for kind in kinds {
                let mut answer = Answer::new(["a"].into_iter());
                let written = answer.row(1, |_, field| {
                    decode(&kind, &raw, field).map_err(|_| DatabaseError::Closed)
                });
                if written.is_ok() {
                    let text = answer.finish(None, None);
                    prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
                }
            }
        }
    }
}
