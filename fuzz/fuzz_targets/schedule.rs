//! Schedules of jobs: read or refused, and what is read has a time to come.

#![no_main]

use jiff::Zoned;
use libfuzzer_sys::fuzz_target;
use webstir_contract::Schedule;
use webstir_contract::schedule::LONGEST_RATE;

fuzz_target!(|text: &str| {
    let start: Zoned = "2026-03-08T01:10-05:00[America/New_York]".parse().expect("a time");
    match text.parse() {
        Ok(Schedule::Cron(schedule)) => {
            let next = schedule.next_after(&start).expect("a time that matches");
            assert!(next > start && next.second() == 0, "a whole minute that is to come");
        }
        Ok(Schedule::Rate(rate)) => assert!(!rate.is_zero() && rate <= LONGEST_RATE, "a rate that can be followed"),
        Ok(Schedule::Reboot) | Err(_) => {}
    }
});
