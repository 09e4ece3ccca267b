//! `incident show`, `incident list`, and what every other verb of an incident answers with.

use chrono::{DateTime, Utc};

use crate::model::id::ServiceName;
use crate::model::incident::{Incident, IncidentLook, IncidentView};
use crate::model::settings::SurfaceKind;
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, moment, seconds_since};

/// One incident: what is wrong, what was seen, and how the six conditions stand.
pub fn incident(view: &IncidentView) -> String {
    let incident = &view.incident;
    let (word, ink) = state(incident);
    let mut out = format!("{} {}\n", Ink::Strong.paint(incident.id.as_str()), ink.paint(word));
    let kind = incident.kind.word();
    out.add(format_args!("  {} ({kind}) on {}\n", clean(&incident.symptom), clean(&incident.path)));
    out.add(format_args!("  opened {} by {}\n", moment(incident.opened_at), clean(&incident.by)));
    if let Some(attempt) = &incident.attempt {
        out.add(format_args!("  release {attempt}\n"));
    }
    for (word, looks) in [("captured", &incident.captures), ("verified", &incident.verifications)] {
        looks.last().iter().for_each(|last| out.push_str(&look(word, last)));
    }
    for one in &view.conditions {
        let (sign, ink) = mark(one.holds);
        out.add(format_args!("  {} {} {}: {}\n", ink.paint(sign), one.number, one.wants, clean(&one.fact)));
    }
    let mut said = "";
    for next in &view.next {
        // Several commands for one thing stand below it once.
        if next.when != said {
            out.add(format_args!("{}:\n", clean(&next.when)));
        }
        said = &next.when;
        out.add(format_args!("    {}\n", Ink::Command.paint(&clean(&next.command))));
    }
    out
}

const fn mark(good: bool) -> (&'static str, Ink) {
    if good { ("✓", Ink::Good) } else { ("✗", Ink::Bad) }
}

const fn state(incident: &Incident) -> (&'static str, Ink) {
    if incident.resolved.is_some() { ("resolved", Ink::Good) } else { ("open", Ink::Bad) }
}

/// What one look saw: health and readiness in lines of their own.
fn look(word: &str, look: &IncidentLook) -> String {
    let outage = Ink::Strong.paint(look.outage.word());
    let mut out = format!("  {word} {}: {outage}, scope {}\n", moment(look.at), look.scope.word());
    for (name, kinds) in [
        ("health", [SurfaceKind::Health, SurfaceKind::Services]),
        ("readiness", [SurfaceKind::Observability, SurfaceKind::Security]),
    ] {
        let of_kind = look.surfaces.iter().filter(|surface| kinds.contains(&surface.kind));
        let said: Vec<String> = of_kind
            .map(|surface| {
                let (sign, ink) = mark(surface.well);
                format!("{} {} HTTP {}", ink.paint(sign), clean(&surface.name), surface.status)
            })
            .collect();
        let said = if said.is_empty() { "no surface is configured".to_owned() } else { said.join(" · ") };
        out.add(format_args!("    {name}  {said}\n"));
    }
    if !look.unwell.is_empty() {
        let names: Vec<&str> = look.unwell.iter().map(ServiceName::as_str).collect();
        out.add(format_args!("    not well  {}\n", names.join(", ")));
    }
    if !look.drift.is_empty() {
        out.add(format_args!("    drift  {}\n", clean(&look.drift.join(", "))));
    }
    if let Some(probe) = &look.probe {
        let how = probe.exit.map_or("did not end".to_owned(), |exit| format!("exited {exit}"));
        out.add(format_args!("    path  {how}\n"));
    }
    out.add(format_args!("    evidence  {}\n", clean(&look.evidence)));
    out
}

/// `incident list`.
pub fn list(all: &[Incident], now: DateTime<Utc>) -> String {
    if all.is_empty() {
        return "no incident is recorded on this host\n".to_owned();
    }
    let mut table = Columns::headed(["incident", "state", "age", "kind", "verdict", "symptom"]);
    for incident in all {
        let (word, ink) = state(incident);
        let last = incident.verifications.last().or(incident.captures.last());
        table.row([
            Cell::new(incident.id.as_str()).ink(Ink::Strong),
            Cell::new(word).ink(ink),
            Cell::new(age(seconds_since(incident.opened_at, now))),
            Cell::new(incident.kind.word()),
            Cell::new(last.map_or("-", |look| look.outage.word())),
            Cell::new(clean(&incident.symptom)),
        ]);
    }
    table.render()
}
