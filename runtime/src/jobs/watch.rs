//! Following schedules.
//!
//! Each job with a *timer*, a rate or a cron expression, has a task that waits for the next time and starts the run. A job never
//! runs twice at once: what is due while it runs is left out. The next time is always sought from now, so that a run that took
//! longer than its period is not followed by those that it missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::Zoned;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;
use webstir_contract::Schedule;
use webstir_contract::schedule::CronSchedule;

use super::{JobEvent, Jobs};
use crate::task::Job;

/// The wall clock may be set, and the machine may sleep: it is looked at this often.
const LOOK: Duration = Duration::from_secs(30);

/// What the timers of one [`Jobs::watch`] share.
#[derive(Clone)]
struct Watch {
    jobs: Jobs,
    went_well: Arc<AtomicBool>,
    stopped: watch::Receiver<bool>,
}

impl Jobs {
    /// Follows the schedules until `stop`, which gives the name of a signal where there was one, or until there is nothing left to
    /// follow. Runs that are under way are finished. Gives whether all went well.
    pub async fn watch(&self, stop: impl Future<Output = Option<&'static str>>) -> bool {
        let (stopping, stopped) = watch::channel(false);
        let watch = Watch { jobs: self.clone(), went_well: Arc::new(AtomicBool::new(true)), stopped };
        let mut followed = Vec::new();
        for job in &*self.list {
            let Some(text) = job.schedule.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { continue };
            match text.parse() {
                Ok(schedule) => followed.push((job.clone(), schedule)),
                Err(error) => {
                    let (name, schedule) = (job.name.clone(), text.to_owned());
                    (self.listener)(&JobEvent::Unsupported { name, schedule, reason: format!("{error}") });
                }
            }
        }
        let timers = followed.iter().filter(|(_, schedule)| !matches!(schedule, Schedule::Reboot)).count();
        if followed.is_empty() {
            (self.listener)(&JobEvent::Unscheduled);
            return true;
        }
        if timers > 0 {
            let names = followed.iter().map(|(job, _)| job.name.clone()).collect();
            (self.listener)(&JobEvent::Watching { names });
        }
        let mut running = JoinSet::new();
        for (job, schedule) in followed {
            let watch = watch.clone();
            running.spawn(async move {
                match schedule {
                    Schedule::Reboot => watch.run(&job).await,
                    Schedule::Rate(period) => watch.at_rate(job, period).await,
                    Schedule::Cron(schedule) => watch.at_times(&job, &schedule).await,
                }
            });
        }
        let ended = async { while running.join_next().await.is_some() {} };
        tokio::select! {
            signal = stop => {
                if let Some(signal) = signal {
                    (self.listener)(&JobEvent::Stopped { signal, timers });
                }
                stopping.send_replace(true);
                while running.join_next().await.is_some() {}
            }
            () = ended => (self.listener)(&JobEvent::RebootOnly),
        }
        watch.went_well.load(Ordering::Relaxed)
    }
}

impl Watch {
    async fn run(&self, job: &Job) {
        if !self.jobs.run(job).await {
            self.went_well.store(false, Ordering::Relaxed);
        }
    }

    fn start(&self, job: &Job) -> JoinHandle<()> {
        let (watch, job) = (self.clone(), job.clone());
        tokio::spawn(async move { watch.run(&job).await })
    }

    /// At once, and again after each period.
    async fn at_rate(mut self, job: Job, period: Duration) {
        let mut run = self.start(&job);
        let mut due = Instant::now() + period;
        while self.wait(|| due.saturating_duration_since(Instant::now())).await {
            let now = Instant::now();
            due = (due + period).max(now);
            if run.is_finished() {
                run = self.start(&job);
            } else {
                (self.jobs.listener)(&JobEvent::Skipped { name: job.name.clone() });
            }
        }
        // A fault of it was reported where it happened.
        let _ = run.await;
    }

    /// At each time that matches.
    async fn at_times(mut self, job: &Job, schedule: &CronSchedule) {
        while let Some(next) = schedule.next_after(&Zoned::now()) {
            let left = || Duration::try_from(Zoned::now().duration_until(&next)).unwrap_or_default();
            if !self.wait(left).await {
                return;
            }
            self.run(job).await;
        }
    }

    /// Until nothing is left; false when it was stopped before.
    async fn wait(&mut self, left: impl Fn() -> Duration) -> bool {
        loop {
            let left = left();
            if left.is_zero() {
                return !*self.stopped.borrow();
            }
            tokio::select! {
                () = sleep(left.min(LOOK)) => {}
                // The sender lives as long as the watch: without it this is stopped too.
                _ = self.stopped.wait_for(|stopped| *stopped) => return false,
            }
        }
    }
}
