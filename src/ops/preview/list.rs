//! `preview list`: what there is, how it is, and where it can be reached.

use crate::model::preview::{Preview, PreviewContainer, PreviewRow, PreviewStage};
use crate::ops::error::OpsError;
use crate::ops::host::Host;

use super::seen::Seen;

/// Every preview of this host.
///
/// # Errors
/// When a record is damaged, or git cannot be asked.
pub fn list(host: &Host) -> Result<Vec<PreviewRow>, OpsError> {
    let now = host.clock.now();
    let mut rows = Vec::new();
    for preview in host.store.previews()? {
        let seen = Seen::look(host, &preview.id)?;
        let containers = seen.parts.as_ref().map(|parts| parts.containers.clone()).unwrap_or_default();
        rows.push(PreviewRow {
            project: preview.id.project(),
            state: state(&preview, seen.parts.is_ok(), &containers),
            urls: urls(&containers),
            age_seconds: u64::try_from((now - preview.created_at).num_seconds()).unwrap_or(0),
            created_at: preview.created_at,
            branch: preview.branch,
            commit: preview.commit,
            services: preview.services,
            operator: preview.operator,
            reason: preview.reason,
            containers,
            id: preview.id,
        });
    }
    Ok(rows)
}

fn state(preview: &Preview, is_seen: bool, containers: &[PreviewContainer]) -> &'static str {
    let running = containers.iter().filter(|container| container.state == "running").count();
    match (preview.stage, is_seen) {
        (PreviewStage::Making, _) => "half-up",
        (PreviewStage::Cleaning, _) => "cleaning",
        (PreviewStage::Up, false) => "unknown",
        (PreviewStage::Up, true) if running == 0 => "stopped",
        (PreviewStage::Up, true) if running == containers.len() => "up",
        (PreviewStage::Up, true) => "partly",
    }
}

/// Where its containers can be reached: on this host only.
pub(super) fn urls(containers: &[PreviewContainer]) -> Vec<String> {
    let running = containers.iter().filter(|container| container.state == "running");
    running.flat_map(|container| &container.ports).map(|port| format!("http://127.0.0.1:{port}/")).collect()
}
