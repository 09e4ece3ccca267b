//! Numbers for Prometheus, in its text form.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::facts::RunState;
use crate::model::release::Status;
use crate::ops::Host;
use crate::ops::inspect::{self, Index, Which};

use super::problem::Problem;
use super::shared::Shared;

/// The numbers as they stand.
pub(super) fn render(shared: &Shared, host: &Host) -> Result<String, Problem> {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, rows: &[(String, u64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in rows {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let listing = inspect::list(host, Which::All, Index::AsIs)?;
    let mut by_status: BTreeMap<Status, u64> = BTreeMap::new();
    for row in &listing.rows {
        *by_status.entry(row.status).or_default() += 1;
    }
    let rows: Vec<_> = by_status
        .iter()
        .map(|(status, count)| (format!("{{status=\"{}\"}}", status.word()), *count))
        .collect();
    family("holdpoint_attempts", "gauge", "Attempts on this host by status.", &rows);
    let view = inspect::status(host, &[])?;
    let running = u64::from(view.runner.is_some());
    family("holdpoint_run_active", "gauge", "Whether somebody holds this host.", &[(String::new(), running)]);
    let rows: Vec<_> = view
        .services
        .iter()
        .map(|row| {
            let well = row.well && row.run == RunState::Running;
            (format!("{{service=\"{}\"}}", row.service), u64::from(well))
        })
        .collect();
    family("holdpoint_service_well", "gauge", "Whether a service runs and is well.", &rows);
    let newest = listing.rows.iter().find(|row| row.status == Status::Succeeded);
    let at = newest.and_then(|row| u64::try_from(row.updated_at.timestamp()).ok());
    let rows: Vec<_> = at.into_iter().map(|at| (String::new(), at)).collect();
    family("holdpoint_last_success_timestamp_seconds", "gauge", "When a release last succeeded.", &rows);
    let rows: Vec<_> = shared
        .counts()
        .into_iter()
        .map(|((route, status), count)| (format!("{{route=\"{route}\",status=\"{status}\"}}"), count))
        .collect();
    family("holdpoint_http_requests_total", "counter", "Requests by route and status.", &rows);
    family("holdpoint_stream_readers", "gauge", "Open streams.", &[(String::new(), shared.readers())]);
    Ok(text)
}
