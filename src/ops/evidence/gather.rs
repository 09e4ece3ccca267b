//! Everything there is to see at one moment. What cannot be seen is a note: evidence of a broken host is evidence, too.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::decide::{self, BoundarySeen};
use crate::model::diagnosis::{Boundary, HeadAt};
use crate::model::event::EventKind;
use crate::model::evidence::{EVIDENCE_SCHEMA, Evidence, FailureSeen, GitSeen, LogHead, LogSeen};
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, Oid, ServiceName, StepName};
use crate::model::release::ReleaseState;
use crate::model::request::LogLines;
use crate::ops::error::OpsError;
use crate::ops::facts::config_hash;
use crate::ops::host::Host;
use crate::ops::inspect::{self, Posture};
use crate::ops::{left, surfaces};
use crate::sys::{beside, files};

/// Last lines of each service's own log.
const LINES: u32 = 60;

/// How long a service may take to print them.
const PATIENCE: Duration = Duration::from_secs(10);

/// What evidence is gathered about, and why.
pub(in crate::ops) struct About {
    pub(in crate::ops) attempt: AttemptId,
    /// `failure`, `capture`, `incident`.
    pub(in crate::ops) trigger: &'static str,
    /// In words.
    pub(in crate::ops) symptom: Option<String>,
    /// What failed, where the caller knows; none: the log is asked.
    pub(in crate::ops) failures: Option<Vec<FailureSeen>>,
}

/// Looks at everything.
pub(in crate::ops) fn gather(host: &Host, about: About) -> Evidence {
    let mut notes = Vec::new();
    let About { attempt, trigger, symptom, failures: known } = about;
    let state = host.store.state(&attempt.ticket).unwrap_or_else(|error| {
        notes.push(error.to_string());
        None
    });
    let state = state.filter(|state| state.attempt == attempt.number);
    let failures = known.unwrap_or_else(|| failures(host, &attempt));
    let symptom =
        symptom.or_else(|| failures.first().map(|failure| format!("{}: {}", failure.step, failure.summary)));
    let (seq, chain) = host.store.log_head(&attempt.ticket).ok().flatten().unwrap_or_default();
    let plan = host.store.plan(&attempt, "plan").ok().flatten();
    let mut evidence = Evidence {
        schema_version: EVIDENCE_SCHEMA.to_owned(),
        captured_at: host.clock.now(),
        operator: host.operator.clone(),
        trigger: trigger.to_owned(),
        host: host.name.clone(),
        symptom,
        status: state.as_ref().map(|state| state.status),
        phase: state.as_ref().map(|state| state.phase),
        failures,
        boundary: None,
        plan: plan.as_ref().map(|plan| plan.id.clone()),
        base: state.as_ref().map(|state| state.base.clone()),
        target: plan.map(|plan| plan.target).or_else(|| state.as_ref()?.merge.clone()),
        git: GitSeen::default(),
        posture: Vec::new(),
        services: BTreeMap::new(),
        drift: crate::model::drift::DriftView::default(),
        surfaces: surfaces::ask(host),
        logs: logs(host),
        hashes: BTreeMap::new(),
        log: LogHead { seq, chain },
        notes,
        attempt,
    };
    match Posture::observe(host) {
        Ok(seen) => fill(host, &seen, state.as_ref(), &mut evidence),
        Err(error) => evidence.notes.push(error.to_string()),
    }
    evidence
}

/// What follows from one look at the host.
fn fill(host: &Host, seen: &Posture, state: Option<&ReleaseState>, evidence: &mut Evidence) {
    evidence.git = GitSeen {
        head: seen.head.clone(),
        branch: seen.branch.as_ref().and_then(|branch| branch.parse().ok()),
        dirty: seen.dirty.clone(),
    };
    evidence.posture = inspect::service_rows(host, seen, &[]);
    evidence.services = seen.services.clone();
    evidence.hashes = hashes(host, seen);
    evidence.notes.extend(seen.troubles.iter().map(|trouble| trouble.fact.clone()));
    match inspect::drift_of(host, seen) {
        Ok(drift) => evidence.drift = drift,
        Err(error) => evidence.notes.push(error.to_string()),
    }
    match state.map(|state| boundary_of(host, seen, state)).transpose() {
        Ok(boundary) => evidence.boundary = boundary,
        Err(error) => evidence.notes.push(error.to_string()),
    }
}

/// How far a release got, with what runs now.
///
/// # Errors
/// A damaged log.
pub(in crate::ops) fn boundary_of(
    host: &Host,
    seen: &Posture,
    state: &ReleaseState,
) -> Result<Boundary, OpsError> {
    let mut history = host.store.history(&state.ticket)?.unwrap_or_default();
    left::look(host, &state.ticket, &mut history);
    let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
    let plan = host.store.plan(&attempt, "plan").ok().flatten();
    let is =
        |oid: &Oid| seen.head.as_ref().is_some_and(|head| host.git.same_content(head, oid).unwrap_or(false));
    let head = match (&seen.head, &state.merge) {
        (None, _) => HeadAt::Unknown,
        (Some(_), Some(merge)) if is(merge) => HeadAt::Merge,
        (Some(_), _) if is(&state.base) => HeadAt::Base,
        _ => HeadAt::Elsewhere,
    };
    let on_top = decide::range::on_top(state, &seen.releases);
    Ok(decide::boundary(&BoundarySeen {
        state,
        on_top: on_top.as_deref(),
        phases_done: &history.phases_done,
        steps: &history.steps,
        plan: plan.as_ref(),
        head,
        services: &seen.services,
    }))
}

/// What failed when an attempt halted last, by its log.
pub(in crate::ops) fn failures(host: &Host, attempt: &AttemptId) -> Vec<FailureSeen> {
    let Ok(log) = host.store.log(&attempt.ticket) else { return Vec::new() };
    let events: Vec<_> = log.iter().filter(|event| event.attempt == attempt.number).collect();
    let begins = |kind: &EventKind| {
        matches!(kind, EventKind::Created | EventKind::Started | EventKind::Resumed | EventKind::Reverting)
    };
    let begun = events.iter().rposition(|event| begins(&event.event)).unwrap_or(0);
    let of = |(at, event): (usize, &&crate::model::event::RunEvent)| {
        let is_failure = matches!(event.event, EventKind::StepFailed | EventKind::StepUndecided);
        let step = event.step.clone().filter(|_| is_failure)?;
        let intent = |past: &&&crate::model::event::RunEvent| {
            past.event == EventKind::StepStart && past.step.as_ref() == Some(&step)
        };
        let seq = events[..at].iter().rfind(intent).map(|past| past.seq);
        if let Some(kept) = kept_of(host, attempt, event.seq, &step) {
            return Some(kept);
        }
        let folder = seq.map(|seq| host.store.layout().step(attempt, seq, &step));
        let tail = folder.and_then(|folder| host.store.transcript_tail(&folder, 40).ok());
        let mut told = event.msg.as_deref().unwrap_or_default().split("; ").map(str::to_owned);
        Some(FailureSeen {
            step,
            reason: event.reason.clone().unwrap_or_default(),
            rc: event.rc.unwrap_or(1),
            summary: told.next().unwrap_or_default(),
            causes: told.collect(),
            output: tail.unwrap_or_default(),
        })
    };
    events.iter().enumerate().skip(begun).filter_map(of).collect()
}

/// What the bundle of that very failure says of a step: it saw the service's own lines, which are gone by now.
fn kept_of(host: &Host, attempt: &AttemptId, seq: u64, step: &StepName) -> Option<FailureSeen> {
    let ids = host.store.evidence(attempt).unwrap_or_default().into_iter().rev();
    let mut bundles = ids.filter_map(|id| host.store.evidence_bundle(attempt, &id).ok().flatten());
    // A bundle names the head of the log when it was captured: an older one is of another failure.
    let bundle = bundles.find(|bundle| bundle["log"]["seq"].as_u64().is_some_and(|head| head >= seq))?;
    let failures = bundle["failures"].as_array()?.iter();
    let mut seen = failures.filter_map(|failure| serde_json::from_value::<FailureSeen>(failure.clone()).ok());
    seen.find(|failure| failure.step == *step)
}

/// The end of each service's own log, side by side.
fn logs(host: &Host) -> BTreeMap<ServiceName, LogSeen> {
    let lines = LogLines { tail: Some(LINES), ..LogLines::default() };
    thread::scope(|scope| {
        let asked: Vec<_> = host
            .settings
            .services
            .keys()
            .map(|name| (name, beside(scope, move || inspect::logs_within(host, name, &lines, PATIENCE))))
            .collect();
        let seen = asked.into_iter().map(|(name, thread)| {
            let log = match thread.join() {
                Ok(lines) => LogSeen { lines, trouble: None },
                Err(error) => LogSeen { lines: Vec::new(), trouble: Some(error.to_string()) },
            };
            (name.clone(), log)
        });
        seen.gather()
    })
}

/// What the host was made from: names and sums, never a value.
fn hashes(host: &Host, seen: &Posture) -> BTreeMap<String, String> {
    let mut hashes = seen.settings.sources.clone();
    let compose =
        seen.compose.iter().map(|(name, resolved)| (format!("compose of {name}"), config_hash(resolved)));
    hashes.extend(compose);
    let values = host.env_files.values().flatten();
    hashes
        .extend(values.map(|(name, value)| (format!("variable {name}"), files::sha256_of(value.as_bytes()))));
    let folder = &host.settings.paths.releases;
    for script in files::list(&host.root().join(folder)).unwrap_or_default() {
        let path = folder.join(script);
        if let Ok(sum) = files::sha256_of_file(&host.root().join(&path)) {
            hashes.insert(path.display().to_string(), sum);
        }
    }
    hashes
}
