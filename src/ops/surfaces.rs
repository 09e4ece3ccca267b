//! The health surfaces of the application, asked once each.

use std::thread;
use std::time::Duration;

use crate::drivers::probe;
use crate::model::evidence::SurfaceSeen;
use crate::sys::beside;

use super::host::Host;

/// How long a surface may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks all of them, side by side.
pub(super) fn ask(host: &Host) -> Vec<SurfaceSeen> {
    thread::scope(|scope| {
        let asked: Vec<_> = host
            .settings
            .surfaces
            .iter()
            .map(|surface| (surface, beside(scope, || probe::ask(&surface.probe, PATIENCE))))
            .collect();
        let seen = asked.into_iter().map(|(surface, thread)| {
            let answer = thread.join();
            SurfaceSeen {
                name: surface.name.clone(),
                kind: surface.kind,
                url: surface.probe.url.clone(),
                status: answer.status,
                well: answer.well,
                detail: host.redactor.redact(&answer.detail),
            }
        });
        seen.collect()
    })
}
