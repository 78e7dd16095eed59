//! What is worth saying about a manifest that is valid.

use serde_json::Value;
use webstir_contract::Schedule;
use webstir_contract::path_pattern::declared_route_key;
use webstir_contract::schema::Step;
use webstir_engine::diagnostic::Diagnostic;

use super::merge::Merged;
use super::{Hydration, Origin, package_json_path};

/// Jobs past this many are counted, not named.
const MAX_NAMED_JOBS: usize = 10;

/// Duplicate routes past this many are counted, not named.
const MAX_NAMED_ROUTES: usize = 20;

fn items<'v>(manifest: &'v Value, key: &str) -> &'v [Value] {
    manifest.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

impl Hydration<'_> {
    pub(super) fn check(&mut self, manifest: &Value, merged: &Merged) {
        self.check_duplicates(items(manifest, "routes"), merged);
        self.check_paths(manifest, merged);
        self.check_entries(items(manifest, "routes").len());
        self.check_jobs(manifest, merged);
        self.check_schedules(manifest, merged);
    }

    /// Two routes are the same when merging would take them for the same.
    fn check_duplicates(&mut self, routes: &[Value], merged: &Merged) {
        let mut counted: Vec<(String, Vec<usize>)> = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let Some(key) = declared_route_key(route) else {
                continue;
            };
            match counted.iter_mut().find(|(known, _)| *known == key) {
                Some((_, places)) => places.push(index),
                None => counted.push((key, vec![index])),
            }
        }
        counted.retain(|(_, places)| places.len() > 1);
        if counted.is_empty() {
            return;
        }
        let mut names: Vec<String> =
            counted.iter().take(MAX_NAMED_ROUTES).map(|(key, places)| format!("`{key}` ({}x)", places.len())).collect();
        if counted.len() > MAX_NAMED_ROUTES {
            names.push(format!("and {} more", counted.len() - MAX_NAMED_ROUTES));
        }
        let message = format!("Found duplicate route definitions: {}", names.join(", "));
        let mut diagnostic = Diagnostic::warning("manifest::duplicate_routes", message)
            .help("Only the first of them is ever served: remove or rename the others");
        // The first that is only there a second time is the one to look at.
        let place = |index: usize| merged.origin(&[Step::Key("routes".to_owned()), Step::Index(index)]);
        diagnostic = self.place(diagnostic, &place(counted[0].1[1]));
        for (key, places) in counted.iter().take(MAX_NAMED_ROUTES) {
            for &index in places {
                if let Origin::Package(path) = place(index)
                    && let Some(span) = self.positions.as_ref().and_then(|positions| positions.span(&path))
                    && Some(span) != diagnostic.span
                {
                    diagnostic =
                        diagnostic.related(format!("`{key}` is defined here"), Some(&package_json_path()), Some(span));
                }
            }
        }
        self.diagnostics.push(diagnostic);
    }

    fn check_entries(&mut self, routes: usize) {
        if routes > 0 && !self.input.has_entries {
            let message = format!("The manifest has {routes} route(s), but there is no entry that could serve them");
            let help = "Add `src/backend/index.ts`";
            self.diagnostics.push(Diagnostic::warning("manifest::no_entries", message).help(help));
        }
    }

    fn check_jobs(&mut self, manifest: &Value, merged: &Merged) {
        let count = |key: &str| items(manifest, key).len();
        let (jobs, events, services) = (count("jobs"), count("events"), count("services"));
        if jobs + events + services > 0 {
            let message = format!("The manifest declares jobs={jobs} events={events} services={services}");
            self.diagnostics.push(Diagnostic::info("manifest::counts", message));
        }
        let unscheduled: Vec<(usize, &str)> = items(manifest, "jobs")
            .iter()
            .enumerate()
            .filter(|(_, job)| job.get("schedule").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()))
            .filter_map(|(index, job)| Some((index, job.get("name")?.as_str()?)))
            .collect();
        let Some((first, _)) = unscheduled.first() else {
            return;
        };
        let mut names: Vec<String> =
            unscheduled.iter().take(MAX_NAMED_JOBS).map(|(_, name)| format!("`{name}`")).collect();
        if unscheduled.len() > MAX_NAMED_JOBS {
            names.push(format!("and {} more", unscheduled.len() - MAX_NAMED_JOBS));
        }
        let message = format!("Found jobs without a schedule: {}", names.join(", "));
        let origin = merged.origin(&[Step::Key("jobs".to_owned()), Step::Index(*first)]);
        let diagnostic = self.place(Diagnostic::warning("manifest::unscheduled_jobs", message), &origin);
        self.diagnostics.push(diagnostic);
    }

    /// c14: what is written for no scheduler is told before anybody waits for the job.
    fn check_schedules(&mut self, manifest: &Value, merged: &Merged) {
        for (index, job) in items(manifest, "jobs").iter().enumerate() {
            let text = |key: &str| job.get(key).and_then(Value::as_str).unwrap_or_default();
            let schedule = text("schedule");
            let Some(error) = schedule.parse::<Schedule>().err().filter(|_| !schedule.trim().is_empty()) else {
                continue;
            };
            let message = format!("The job `{}` is never due by `{schedule}`: {error}", text("name"));
            let diagnostic = Diagnostic::warning("manifest::bad_schedule", message).help(
                "Write a cron expression of five fields, a nickname such as `@daily`, `rate(5 minutes)` or `@reboot`",
            );
            let key = |key: &str| Step::Key(key.to_owned());
            let origin = merged.origin(&[key("jobs"), Step::Index(index), key("schedule")]);
            let diagnostic = self.place(diagnostic, &origin);
            self.diagnostics.push(diagnostic);
        }
    }

    pub(super) fn summarise(&mut self, manifest: &Value) {
        let capabilities: Vec<&str> = items(manifest, "capabilities").iter().filter_map(Value::as_str).collect();
        let message = format!(
            "Hydrated manifest routes={} views={} [{}]",
            items(manifest, "routes").len(),
            items(manifest, "views").len(),
            capabilities.join(", ")
        );
        self.diagnostics.push(Diagnostic::info("manifest::summary", message));
    }
}
