//! Where the cause of an incident lies, what it is, and whether it is over (seed 002).

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::model::evidence::SurfaceSeen;
use crate::model::gather::Gather;
use crate::model::incident::{Condition, Incident, IncidentEnd, IncidentLook, Outage, ProbeRun, Scope};
use crate::model::settings::SurfaceKind;

/// What one look saw, before it is judged.
#[derive(Debug, Clone, Copy)]
pub struct IncidentSeen<'a> {
    /// Surfaces, health and readiness apart.
    pub surfaces: &'a [SurfaceSeen],
    /// A service is not well.
    pub unwell: bool,
    /// Something differs from what is meant to run.
    pub drifted: bool,
    /// The failing path, where it can be tried.
    pub probe: Option<&'a ProbeRun>,
}

/// Where it lies and what it is. Health and readiness are compared as two things: what answers is not yet ready.
pub fn triage(seen: &IncidentSeen<'_>) -> (Scope, Outage) {
    let down = |kinds: &[SurfaceKind]| seen.surfaces.iter().any(|s| !s.well && kinds.contains(&s.kind));
    let is_answer = |kind: SurfaceKind| matches!(kind, SurfaceKind::Health | SurfaceKind::Services);
    let asked = seen.surfaces.iter().any(|surface| is_answer(surface.kind));
    // Where no surface tells whether it answers, its services do.
    let dead = if asked { down(&[SurfaceKind::Health, SurfaceKind::Services]) } else { seen.unwell };
    let unready = down(&[SurfaceKind::Observability]);
    let insecure = down(&[SurfaceKind::Security]);
    let visible = seen.probe.is_some_and(|probe| !probe.passed) || asked && seen.unwell;
    let outage = if dead {
        Outage::BroadOutage
    } else if unready {
        Outage::ReadinessOnly
    } else if insecure {
        Outage::SecurityPosture
    } else if visible {
        Outage::UserVisibleOnly
    } else {
        Outage::NotReproduced
    };
    let scopes = [
        (dead, Scope::ControlPlane),
        (seen.drifted, Scope::Drift),
        (unready, Scope::Readiness),
        (insecure, Scope::Security),
        (visible && !dead && !unready && !insecure, Scope::Product),
    ];
    let named: Vec<Scope> = scopes.into_iter().filter(|(is, _)| *is).map(|(_, scope)| scope).collect();
    let scope = match named[..] {
        [] => Scope::Product,
        [one] => one,
        _ => Scope::Mixed,
    };
    (scope, outage)
}

/// When recovery changed something on this host since an incident was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// First.
    pub first: Option<DateTime<Utc>>,
    /// Last.
    pub last: Option<DateTime<Utc>>,
}

/// The six conditions. `end` is how it would be resolved; none: as far as is known without it.
pub fn conditions(incident: &Incident, recovery: Recovery, end: Option<&IncidentEnd>) -> Vec<Condition> {
    let id = &incident.id;
    let end = end.or(incident.resolved.as_ref());
    let before = incident.captures.iter().find(|look| recovery.first.is_none_or(|first| look.at < first));
    let last = incident.verifications.last();
    // Afterwards: after the recovery, and after what it is held against was seen.
    let captured = before.or(incident.captures.first());
    let late = last.filter(|look| recovery.last.is_none_or(|last| look.at > last));
    let after = late.filter(|look| captured.is_some_and(|captured| look.at > captured.at));
    let never = match (last, late, captured) {
        (None, ..) => "nothing was verified",
        (_, None, _) => "what was verified is of before the last recovery",
        (.., None) => "nothing was captured that it could be held against",
        _ => "what was verified is of before anything was captured",
    };
    let capture = format!("holdpoint incident capture {id}");
    let verify = format!("holdpoint incident verify {id}");
    let mut all = vec![symptom(incident)];
    let (holds, fact) = match (before, incident.captures.is_empty()) {
        (Some(look), _) => (true, format!("captured {}, {}", look.at.format("%F %T UTC"), apart(look))),
        (None, true) => (false, "nothing was captured".to_owned()),
        (None, false) => (false, "what was captured is of after the recovery began".to_owned()),
    };
    all.push(condition(2, "health and readiness captured before recovery", holds, fact, &capture));
    let fact = match captured {
        Some(look) if look.drift.is_empty() => "checked: nothing differed".to_owned(),
        Some(look) => format!("checked: {}", look.drift.join(", ")),
        None => "nobody compared intended with running".to_owned(),
    };
    all.push(condition(3, "drift checked", captured.is_some(), fact, &capture));
    all.push(linked(incident, end));
    let (holds, fact) = green(captured, after, never);
    all.push(condition(5, "the same sequence green afterwards", holds, fact, &verify));
    all.push(path(incident, after, end));
    all
}

fn condition(number: u8, wants: &str, holds: bool, fact: String, way_out: &str) -> Condition {
    let way_out = (!holds).then(|| way_out.to_owned());
    Condition { number, wants: wants.to_owned(), holds, fact, way_out }
}

fn symptom(incident: &Incident) -> Condition {
    let holds = !incident.symptom.trim().is_empty() && !incident.path.trim().is_empty();
    let fact = format!("{} ({}) on {}", incident.symptom, incident.kind.word(), incident.path);
    let again = "holdpoint incident open --symptom '…' --kind total --path '…'";
    condition(1, "the symptom recorded", holds, fact, again)
}

/// What was asked, health and readiness counted apart.
fn apart(look: &IncidentLook) -> String {
    let of = |ready: bool| {
        let is_ready = |kind| matches!(kind, SurfaceKind::Observability | SurfaceKind::Security);
        look.surfaces.iter().filter(|surface| is_ready(surface.kind) == ready).collect::<Vec<_>>()
    };
    let count = |surfaces: &[&SurfaceSeen]| {
        let well = surfaces.iter().filter(|surface| surface.well).count();
        format!("{well} of {}", surfaces.len())
    };
    let services = if look.unwell.is_empty() {
        "all services well".to_owned()
    } else {
        format!("{} not well", look.unwell.len())
    };
    if look.surfaces.is_empty() {
        return format!("{services}, no surface is configured");
    }
    format!("health {} well, readiness {} well, {services}", count(&of(false)), count(&of(true)))
}

fn linked(incident: &Incident, end: Option<&IncidentEnd>) -> Condition {
    let playbook = end.and_then(|end| end.playbook.as_ref());
    let reason = end.and_then(|end| end.reason.as_ref()).filter(|reason| !reason.trim().is_empty());
    let fact = match (playbook, reason) {
        (Some(playbook), _) => format!("playbook {playbook}"),
        (None, Some(reason)) => reason.clone(),
        (None, None) => "neither a playbook nor a reason is named".to_owned(),
    };
    let way_out = format!("holdpoint incident resolve {} --playbook ID", incident.id);
    let holds = playbook.is_some() || reason.is_some();
    condition(4, "the recovery linked to a playbook or a written reason", holds, fact, &way_out)
}

/// Everything that was asked before is asked again and well, nothing differs, and the guardrail passes.
fn green(before: Option<&IncidentLook>, after: Option<&IncidentLook>, never: &str) -> (bool, String) {
    let Some(after) = after else { return (false, never.to_owned()) };
    let mut against: Vec<String> = Vec::new();
    let asked: BTreeSet<&str> = after.surfaces.iter().map(|surface| surface.name.as_str()).gather();
    let forgotten =
        before.into_iter().flat_map(|look| &look.surfaces).filter(|s| !asked.contains(s.name.as_str()));
    against.extend(forgotten.map(|surface| format!("{} was not asked again", surface.name)));
    let unwell = after.surfaces.iter().filter(|surface| !surface.well);
    against.extend(unwell.map(|surface| format!("{}: HTTP {}", surface.name, surface.status)));
    against.extend(after.unwell.iter().map(|service| format!("{service} is not well")));
    against.extend(after.drift.iter().map(|code| format!("drift: {code}")));
    if after.guard == Some(false) {
        against.push("the guardrail does not pass".to_owned());
    }
    let is_green = against.is_empty();
    // Whether the failing path works is the next condition: what was asked here is named.
    (is_green, if is_green { apart(after) } else { against.join("; ") })
}

fn path(incident: &Incident, after: Option<&IncidentLook>, end: Option<&IncidentEnd>) -> Condition {
    let id = &incident.id;
    let wants = "the path that failed works";
    if incident.probe.is_some() {
        let probe = after.and_then(|look| look.probe.as_ref());
        let (holds, fact) = match probe {
            Some(probe) if probe.passed => (true, "its probe passes".to_owned()),
            Some(probe) => {
                let how = probe.exit.map_or("did not end".to_owned(), |exit| format!("exited {exit}"));
                (false, format!("its probe {how}"))
            }
            None => (false, "its probe was not tried after the recovery".to_owned()),
        };
        return condition(6, wants, holds, fact, &format!("holdpoint incident verify {id}"));
    }
    let said = end.is_some_and(|end| end.path_works && end.reason.is_some());
    let fact = if said { "a person says so" } else { "nobody tried it: it has no probe" };
    let way_out = format!("holdpoint incident resolve {id} --path-works --reason '…'");
    condition(6, wants, said, fact.to_owned(), &way_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surface(kind: SurfaceKind, well: bool) -> SurfaceSeen {
        let status = if well { 200 } else { 503 };
        let name = kind.word().to_owned();
        SurfaceSeen { name, kind, url: "http://127.0.0.1/".into(), status, well, detail: String::new() }
    }

    #[test]
    fn health_and_readiness_are_two_things_and_one_verdict_is_named() {
        use SurfaceKind::{Health, Observability, Security};
        let passed = |passed| ProbeRun { passed, exit: Some(i32::from(!passed)), output: Vec::new() };
        let (good, bad) = (passed(true), passed(false));
        let all = |health, ready, secure| {
            vec![surface(Health, health), surface(Observability, ready), surface(Security, secure)]
        };
        for (surfaces, unwell, drifted, probe, scope, outage) in [
            (all(false, true, true), false, false, None, Scope::ControlPlane, Outage::BroadOutage),
            (all(false, false, true), false, false, None, Scope::Mixed, Outage::BroadOutage),
            (all(true, false, true), false, false, None, Scope::Readiness, Outage::ReadinessOnly),
            (all(true, false, true), false, true, None, Scope::Mixed, Outage::ReadinessOnly),
            (all(true, true, false), false, false, None, Scope::Security, Outage::SecurityPosture),
            (all(true, true, true), false, false, Some(&bad), Scope::Product, Outage::UserVisibleOnly),
            (all(true, true, true), true, false, None, Scope::Product, Outage::UserVisibleOnly),
            (all(true, true, true), false, true, Some(&good), Scope::Drift, Outage::NotReproduced),
            (all(true, true, true), false, false, Some(&good), Scope::Product, Outage::NotReproduced),
            (Vec::new(), true, false, None, Scope::ControlPlane, Outage::BroadOutage),
            (Vec::new(), false, false, None, Scope::Product, Outage::NotReproduced),
        ] {
            let seen = IncidentSeen { surfaces: &surfaces, unwell, drifted, probe };
            assert_eq!(triage(&seen), (scope, outage), "{seen:?}");
        }
    }
}
