//! `diagnose`: what failed, how far it got, what is wrong now, and the narrowest way out.

use chrono::{DateTime, Utc};

use super::drift;
use super::host::service_table;
use super::releases::status_ink;
use crate::model::diagnosis::{Advice, Boundary, Diagnosis, HeadAt, PlaybookFinding};
use crate::model::matching::Verdict;
use crate::model::phase::Phase;
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, seconds_since};

/// Lines of a failed step's output that are shown.
const SHOWN: usize = 8;

/// `diagnose TICKET`.
pub fn diagnosis(view: &Diagnosis, now: DateTime<Utc>) -> String {
    let mut out = head(view, now);
    section(&mut out, "boundary", &boundary(&view.boundary));
    section(&mut out, "posture", &service_table(&view.posture, now));
    let unwell = view.surfaces.iter().filter(|surface| !surface.well);
    for surface in unwell {
        let kind = surface.kind.word();
        out.add(format_args!("  ✗ surface {} ({kind}): HTTP {}\n", clean(&surface.name), surface.status));
    }
    if view.drift.clean {
        section(&mut out, "drift", "none\n");
    } else {
        section(&mut out, "drift", &drift::rows(&view.drift.rows));
    }
    section(&mut out, "playbooks", &playbooks(view));
    section(&mut out, "judgement", &judgement(view));
    for line in &view.notes {
        out.add(format_args!("{} {}\n", Ink::Warn.paint("!"), clean(line)));
    }
    out
}

fn section(out: &mut String, name: &str, text: &str) {
    out.add(format_args!("{}\n", Ink::Strong.paint(name)));
    for line in text.lines() {
        out.add(format_args!("  {line}\n"));
    }
}

fn head(view: &Diagnosis, now: DateTime<Utc>) -> String {
    let status = status_ink(view.status).paint(view.status.word());
    let mut out = format!("{} {status}", Ink::Strong.paint(&view.attempt.to_string()));
    if let Some(halt) = &view.halt {
        let phase = halt.phase.map_or(String::new(), |phase| format!(" in {phase}"));
        let step = halt.step.as_ref().map_or(String::new(), |step| format!(" at {step}"));
        out.add(format_args!("{phase}{step}, {} ago", age(seconds_since(halt.at, now))));
    }
    out.push('\n');
    for failure in &view.failures {
        out.add(format_args!("  {} {}\n", Ink::Bad.paint("✗"), clean(&failure.summary)));
        for cause in &failure.causes {
            out.add(format_args!("    {}\n", clean(cause)));
        }
        let hidden = failure.output.len().saturating_sub(SHOWN);
        for line in &failure.output[hidden..] {
            out.add(format_args!("    {}\n", Ink::Faint.paint(&clean(line))));
        }
    }
    if view.failures.is_empty()
        && let Some(msg) = view.halt.as_ref().and_then(|halt| halt.msg.as_ref())
    {
        out.add(format_args!("  {} {}\n", Ink::Bad.paint("✗"), clean(msg)));
    }
    if let Some(untrusted) = &view.untrusted {
        let line =
            format!("this host is untrusted: {} and nothing has proven it clean since", clean(untrusted));
        out.add(format_args!("  {} {line}\n", Ink::Warn.paint("!")));
    }
    out
}

fn boundary(boundary: &Boundary) -> String {
    let mut table = Columns::bare();
    let mut field = |name: &'static str, value: String| {
        table.row([Cell::new(name).ink(Ink::Faint), Cell::new(value)]);
    };
    let words = |words: Vec<&str>| if words.is_empty() { "-".to_owned() } else { words.join(" ") };
    field("done", words(boundary.phases_done.iter().map(|phase| phase.word()).collect::<Vec<&str>>()));
    let step = boundary.step.as_ref().map_or(String::new(), |step| format!(" at {step}"));
    field("stopped", format!("{}{step}", Phase::word(boundary.phase)));
    let head = match boundary.head {
        HeadAt::Base => "at BASE, as before the release",
        HeadAt::Merge => "at MERGE, as the release wants it",
        HeadAt::Elsewhere => "neither at BASE nor at MERGE",
        HeadAt::Unknown => "git cannot tell",
    };
    field("HEAD", head.to_owned());
    let sides = boundary.services.iter().map(|one| format!("{} {}", one.service, one.side.word()));
    field("services", sides.collect::<Vec<_>>().join(" · "));
    let (sign, ink, verdict) = if boundary.verify_in_place {
        ("✓", Ink::Good, "safe to verify in place")
    } else {
        ("✗", Ink::Bad, "not safe to verify in place")
    };
    let why: Vec<String> = boundary.why.iter().map(|line| clean(line)).collect();
    table.render() + &format!("{} {verdict}: {}\n", ink.paint(sign), why.join("; "))
}

fn playbooks(view: &Diagnosis) -> String {
    let mut out = String::new();
    for finding in &view.playbooks {
        out.push_str(&playbook(finding));
    }
    match &view.draft {
        Some(draft) => {
            out.add(format_args!("none fits; to draft one:\n    {}\n", Ink::Command.paint(&clean(draft))));
        }
        None if view.playbooks.is_empty() => out.push_str("-\n"),
        None => {}
    }
    out
}

fn playbook(finding: &PlaybookFinding) -> String {
    let mut out = format!("{}\n", clean(&finding.matched.line()));
    for row in finding.detection.iter().flat_map(|detection| &detection.commands) {
        let (sign, ink) = match row.verdict {
            Verdict::Confirmed => ("✓", Ink::Good),
            Verdict::NotConfirmed => ("✗", Ink::Bad),
            Verdict::NeedsAnEye => ("?", Ink::Warn),
        };
        let (sign, verdict) = (ink.paint(sign), row.verdict.words());
        out.add(format_args!("  {sign} {} {}\n", clean(&row.command), Ink::Faint.paint(verdict)));
    }
    out
}

fn judgement(view: &Diagnosis) -> String {
    let judgement = &view.judgement;
    let mut out = format!("cause  {}\n", clean(&judgement.cause));
    let (who, area) = (clean(&judgement.owner.who), clean(&judgement.owner.area));
    // Where nobody is configured it is the owner of the area, and says so already.
    let area = if who == format!("{area} owner") { String::new() } else { format!(" ({area})") };
    out.add(format_args!("owner  {who}{area}\n"));
    for first in &judgement.first {
        let command = Ink::Command.paint(&clean(&first.command));
        out.add(format_args!("first  {}:\n    {command}\n", clean(&first.when)));
    }
    if let Some(stale) = &view.evidence.stale {
        out.add(format_args!("evidence  {}:\n", clean(&stale.fact)));
        for way in &stale.ways_out {
            out.add(format_args!("    {}\n", Ink::Command.paint(&clean(way))));
        }
    }
    if let Some(best) = &judgement.recommended {
        out.add(format_args!("{} {}", Ink::Good.paint("recommended"), advice(best)));
    }
    for other in &judgement.others {
        out.add(format_args!("{} {}", Ink::Faint.paint("not"), advice(other)));
    }
    out
}

fn advice(advice: &Advice) -> String {
    let command = advice
        .command
        .as_ref()
        .map_or(String::new(), |command| format!("    {}\n", Ink::Command.paint(&clean(command))));
    format!("{}: {}\n{command}", advice.option.word(), clean(&advice.why))
}
