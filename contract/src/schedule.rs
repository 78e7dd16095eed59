//! When jobs run: the text of a `schedule`, and the times that follow from it.
//!
//! A [`Schedule`] is `@reboot`, a *rate* (`rate(5 minutes)`) or a *cron expression* of five *fields*, or a *nickname* for one.
//! Case and surrounding space never matter. The dialect is that of `Bun.cron.parse`: numbers, lists, ascending ranges and steps,
//! English names of months and weekdays, and nothing of Quartz.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// When a job runs.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// `@reboot`: once, at the start.
    Reboot,
    /// `rate(..)`: at the start, and again after each such time.
    Rate(Duration),
    /// At the minutes that match.
    Cron(CronSchedule),
}

/// A cron expression that matches some time.
#[derive(Debug, Clone)]
pub struct CronSchedule(Box<Cron>);

/// Why a text is no schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScheduleError {
    /// A `@name` that is none of the nicknames.
    Nickname(String),
    /// A `rate(..)` that is not a number above 0 and a unit.
    Rate,
    /// A rate of more than [`LONGEST_RATE`].
    RateTooLong,
    /// Not five fields, but so many.
    Fields(usize),
    /// A field that cannot be read.
    Field {
        /// What it is for, for example `minute`.
        field: &'static str,
        /// What stands there.
        text: String,
    },
    /// No day of the calendar matches, as with 31 February.
    Never,
}

/// Ten years: no process waits longer.
pub const LONGEST_RATE: Duration = Duration::from_hours(87_600);

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A field of a cron expression.
struct FieldKind {
    name: &'static str,
    least: u8,
    most: u8,
    /// Full names, the first of them stands for `least`; three letters of each do.
    names: &'static [&'static str],
}

const FIELDS: [FieldKind; 5] = [
    FieldKind { name: "minute", least: 0, most: 59, names: &[] },
    FieldKind { name: "hour", least: 0, most: 23, names: &[] },
    FieldKind { name: "day of the month", least: 1, most: 31, names: &[] },
    FieldKind {
        name: "month",
        least: 1,
        most: 12,
        names: &[
            "january",
            "february",
            "march",
            "april",
            "may",
            "june",
            "july",
            "august",
            "september",
            "october",
            "november",
            "december",
        ],
    },
    // 7 is Sunday as well.
    FieldKind {
        name: "weekday",
        least: 0,
        most: 7,
        names: &["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"],
    },
];

impl FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        let text = text.trim().to_lowercase();
        if text == "@reboot" {
            return Ok(Self::Reboot);
        }
        if let Some(rate) = text.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')')) {
            return rate_of(rate).map(Self::Rate);
        }
        if text.starts_with('@') {
            let known = NICKNAMES.iter().find(|(name, _)| *name == text);
            let (_, expression) = known.ok_or(ScheduleError::Nickname(text))?;
            return CronSchedule::parse(expression).map(Self::Cron);
        }
        CronSchedule::parse(&text).map(Self::Cron)
    }
}

fn rate_of(text: &str) -> Result<Duration, ScheduleError> {
    let mut words = text.split_whitespace();
    let (Some(number), Some(unit), None) = (words.next(), words.next(), words.next()) else {
        return Err(ScheduleError::Rate);
    };
    let seconds = match unit {
        "second" | "seconds" => 1,
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3600,
        _ => return Err(ScheduleError::Rate),
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) || number.bytes().all(|byte| byte == b'0') {
        return Err(ScheduleError::Rate);
    }
    // Digits that are no number are too many.
    let total = number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds));
    let rate = total.map(Duration::from_secs).filter(|rate| *rate <= LONGEST_RATE);
    rate.ok_or(ScheduleError::RateTooLong)
}

impl CronSchedule {
    /// Takes lower case.
    fn parse(text: &str) -> Result<Self, ScheduleError> {
        let texts: Vec<&str> = text.split_whitespace().collect();
        if texts.len() != FIELDS.len() {
            return Err(ScheduleError::Fields(texts.len()));
        }
        // The library takes more than the dialect, so it is given nothing but lists of numbers.
        let mut lists = Vec::with_capacity(FIELDS.len());
        for (kind, text) in FIELDS.iter().zip(texts) {
            let list = kind.list(text);
            lists.push(list.ok_or_else(|| ScheduleError::Field { field: kind.name, text: text.to_owned() })?);
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(&lists.join(" ")).map_err(|_| ScheduleError::Never)?;
        let schedule = Self(Box::new(cron));
        let start = Date::constant(2000, 1, 1).to_zoned(TimeZone::UTC).map_err(|_| ScheduleError::Never)?;
        schedule.next_after(&start).ok_or(ScheduleError::Never)?;
        Ok(schedule)
    }

    /// The first time that matches after this one, on the clocks of its zone. A time that the clocks skip is as much later as they
    /// are put forward. Of an hour that they repeat, times at fixed hours run once.
    pub fn next_after(&self, time: &Zoned) -> Option<Zoned> {
        let zone = time.time_zone();
        let on_the_clock = time.datetime().to_zoned(TimeZone::UTC).ok()?;
        let civil = self.0.find_next_occurrence(&on_the_clock, false).ok()?.datetime();
        let ambiguous = zone.to_ambiguous_zoned(civil);
        if matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. }) {
            return ambiguous.compatible().ok();
        }
        self.0.find_next_occurrence(time, false).ok()
    }
}

impl FieldKind {
    /// `*`, or the numbers that match, sorted.
    fn list(&self, text: &str) -> Option<String> {
        if text == "*" {
            return Some(text.to_owned());
        }
        let mut numbers = BTreeSet::new();
        for term in text.split(',') {
            let (range, step) = match term.split_once('/') {
                Some((range, step)) => (range, Some(number(step).filter(|step| *step > 0)?)),
                None => (term, None),
            };
            let (first, last) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most),
                Some((first, last)) => (self.value(first)?, self.value(last)?),
                None => {
                    let first = self.value(range)?;
                    (first, if step.is_some() { self.most } else { first })
                }
            };
            if first > last {
                return None;
            }
            let step = usize::try_from(step.unwrap_or(1)).ok()?;
            numbers.extend((first..=last).step_by(step).map(|number| if self.most == 7 { number % 7 } else { number }));
        }
        let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
        Some(numbers.join(","))
    }

    fn value(&self, text: &str) -> Option<u8> {
        let named = self.names.iter().zip(self.least..).find(|(name, _)| **name == text || name[..3] == *text);
        let value = named.map(|(_, value)| value).or_else(|| u8::try_from(number(text)?).ok());
        value.filter(|value| (self.least..=self.most).contains(value))
    }
}

/// Digits alone: neither signs nor space.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nickname(name) => {
                let names: Vec<&str> = NICKNAMES.iter().map(|(name, _)| *name).collect();
                write!(f, "`{name}` is not one of @reboot, {}", names.join(", "))
            }
            Self::Rate => f.write_str("a rate is `rate(N seconds)`, `rate(N minutes)` or `rate(N hours)`"),
            Self::RateTooLong => f.write_str("a rate of more than ten years never comes"),
            Self::Fields(count) => write!(f, "a cron expression has five fields, this has {count}"),
            Self::Field { field, text } => write!(f, "`{text}` is no {field}"),
            Self::Never => f.write_str("no day of the calendar matches"),
        }
    }
}

impl std::error::Error for ScheduleError {}

#[cfg(test)]
mod tests;
