use proptest::prelude::*;

use super::*;

fn cron(text: &str) -> CronSchedule {
    match text.parse() {
        Ok(Schedule::Cron(schedule)) => schedule,
        other => panic!("{text}: {other:?}"),
    }
}

/// The times after this one, as they stand on the clock.
fn times(text: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = cron(text);
    let start: Zoned = after.parse().unwrap();
    let times = std::iter::successors(schedule.next_after(&start), |time| schedule.next_after(time));
    times.take(count).map(|time| time.strftime("%m-%d %H:%M %:z").to_string()).collect()
}

fn error(text: &str) -> ScheduleError {
    text.parse::<Schedule>().unwrap_err()
}

#[test]
fn lists_ranges_and_steps() {
    let start = "2026-01-01T00:00[UTC]";
    assert_eq!(times("*/20 * * * *", start, 3), ["01-01 00:20 +00:00", "01-01 00:40 +00:00", "01-01 01:00 +00:00"]);
    assert_eq!(times("50/5 1 * * *", start, 3), ["01-01 01:50 +00:00", "01-01 01:55 +00:00", "01-02 01:50 +00:00"]);
    assert_eq!(
        times(" 10-20/7,3  6 * * *", start, 3),
        ["01-01 06:03 +00:00", "01-01 06:10 +00:00", "01-01 06:17 +00:00"]
    );
    assert_eq!(times("0/99 0 * * *", start, 1), ["01-02 00:00 +00:00"]);
    assert_eq!(
        times("0 0 1 JAN-mar,December *", start, 3),
        ["02-01 00:00 +00:00", "03-01 00:00 +00:00", "12-01 00:00 +00:00"]
    );
    // The first of January 2026 is a Thursday.
    for sunday in ["0", "7", "sun", "Sunday", "7-7"] {
        assert_eq!(times(&format!("0 0 * * {sunday}"), start, 1), ["01-04 00:00 +00:00"], "{sunday}");
    }
    assert_eq!(times("0 0 * * fri-7", start, 4)[2..], ["01-04 00:00 +00:00", "01-09 00:00 +00:00"]);
}

#[test]
fn either_day_matches_when_both_are_restricted() {
    assert_eq!(
        times("0 0 15 * mon", "2026-01-10T00:00[UTC]", 3),
        ["01-12 00:00 +00:00", "01-15 00:00 +00:00", "01-19 00:00 +00:00"]
    );
    assert_eq!(times("0 0 */10 * mon", "2026-01-10T00:00[UTC]", 2), ["01-11 00:00 +00:00", "01-12 00:00 +00:00"]);
}

#[test]
fn nicknames_and_rates() {
    assert_eq!(times("@Weekly", "2026-01-01T00:00[UTC]", 1), ["01-04 00:00 +00:00"]);
    assert_eq!(times("@annually", "2026-01-01T00:00[UTC]", 1), ["01-01 00:00 +00:00"]);
    assert!(matches!(" @REBOOT ".parse(), Ok(Schedule::Reboot)));
    for (text, seconds) in [("rate(1 second)", 1), ("RATE( 2  minutes )", 120), ("rate(1 hours)", 3600)] {
        assert!(matches!(text.parse(), Ok(Schedule::Rate(rate)) if rate.as_secs() == seconds), "{text}");
    }
}

#[test]
fn c14_a_rate_may_be_longer_than_a_timer_of_the_engine() {
    assert!(matches!("rate(1000 hours)".parse(), Ok(Schedule::Rate(rate)) if rate.as_secs() == 3_600_000));
    assert_eq!(error("rate(87601 hours)"), ScheduleError::RateTooLong);
    assert_eq!(error("rate(99999999999999999999999 hours)"), ScheduleError::RateTooLong);
}

#[test]
fn c14_six_fields_are_refused_as_they_are_when_jobs_are_watched() {
    assert_eq!(error("0 0 0 * * *"), ScheduleError::Fields(6));
    assert_eq!(error("0 0 * * * 2026 1"), ScheduleError::Fields(7));
}

#[test]
fn what_the_dialect_has_not() {
    for text in [
        "? * * * *",
        "* * ? * *",
        "* * l * *",
        "* * 15w * *",
        "* * * * 5l",
        "* * * * 1#2",
        "h * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * 0 *",
        "* * * * 8",
        "5-1 * * * *",
        "*/0 * * * *",
        "1//2 * * * *",
        "1-2-3 * * * *",
        ", * * * *",
        "1, * * * *",
        "+1 * * * *",
        "-1 * * * *",
        "1.5 * * * *",
        "* * * ja *",
        "* * * janu *",
        "* * * * mon#1",
        "* * * * sat-sun",
        "/5 * * * *",
        "**  * * * *",
        "*-5 * * * *",
        "99999999999 * * * *",
    ] {
        assert!(matches!(error(text), ScheduleError::Field { .. }), "{text}");
    }
    assert_eq!(error("0 0 31 2,4 *"), ScheduleError::Never);
    assert_eq!(error("@restart").to_string().split(' ').next(), Some("`@restart`"));
    for text in ["rate()", "rate(0 hours)", "rate(1.5 hours)", "rate(-1 hours)", "rate(5 days)", "rate(5)"] {
        assert_eq!(error(text), ScheduleError::Rate, "{text}");
    }
    assert_eq!(error(""), ScheduleError::Fields(0));
}

#[test]
fn a_skipped_time_comes_as_much_later() {
    // In New York the clocks go from 2:00 to 3:00 on 8 March 2026.
    let before = "2026-03-08T01:10-05:00[America/New_York]";
    assert_eq!(times("30 2 * * *", before, 2), ["03-08 03:30 -04:00", "03-09 02:30 -04:00"]);
    assert_eq!(times("*/30 * * * *", before, 3), ["03-08 01:30 -05:00", "03-08 03:00 -04:00", "03-08 03:30 -04:00"]);
    assert_eq!(times("30 2,3 * * *", before, 2), ["03-08 03:30 -04:00", "03-09 02:30 -04:00"]);
}

#[test]
fn a_repeated_hour() {
    // They go from 2:00 back to 1:00 on 1 November 2026.
    let before = "2026-11-01T00:50-04:00[America/New_York]";
    assert_eq!(times("30 1 * * *", before, 2), ["11-01 01:30 -04:00", "11-02 01:30 -05:00"]);
    assert_eq!(times("30 * * * *", before, 3), ["11-01 01:30 -04:00", "11-01 01:30 -05:00", "11-01 02:30 -05:00"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = text.parse::<Schedule>();
    }

    #[test]
    fn what_looks_like_one_is_read_or_refused(text in "[0-9a-z*,/@# -]{1,8}( [0-9a-z*,/?-]{1,6}){3,5}") {
        let _ = text.parse::<Schedule>();
    }

    /// Against the fields themselves, minute by minute.
    #[test]
    fn the_next_time_is_the_first_that_matches(
        minute in 0_i8..60, every in 1_i8..12, month_day in 1_i8..29, weekday in 0_i8..7, start in 0_i64..100_000_000,
    ) {
        let schedule = cron(&format!("{minute} */{every} {month_day} * {weekday}"));
        let start = jiff::Timestamp::from_second(1_700_000_000 + start).unwrap().to_zoned(TimeZone::UTC);
        let found = schedule.next_after(&start).unwrap();
        let fits = |time: &Zoned| {
            time.minute() == minute
                && time.hour() % every == 0
                && (time.day() == month_day || time.weekday().to_sunday_zero_offset() == weekday)
        };
        prop_assert!(found > start && found.second() == 0 && fits(&found));
        let mut time = start.clone();
        while time < found {
            prop_assert!(time <= start || !fits(&time), "{time} comes first");
            let whole = time.round(jiff::Unit::Minute).unwrap();
            time = if whole > time { whole } else { whole.checked_add(jiff::Span::new().minutes(1)).unwrap() };
        }
    }
}
