//! What the person should know before a run goes on.

use std::collections::BTreeMap;

use crate::decide::blockers::{Case, differing_volume, unsigned_headline, was_taken_back};
use crate::decide::course::{Way, left_by_last};
use crate::decide::site::define_newest;
use crate::model::facts::{Schema, StepEnd};
use crate::model::id::{BackupStamp, ServiceName};
use crate::model::phase::Phase;
use crate::model::plan::Step;
use crate::model::settings::SignaturePolicy;

/// All notes, in the order of the phases.
pub(super) fn of_run(
    case: &Case<'_>,
    reused: &BTreeMap<ServiceName, BackupStamp>,
    steps: &[Step],
) -> Vec<String> {
    let facts = case.facts;
    let mut notes = Vec::new();
    if case.course.way == Way::Fresh && left_by_last(facts).is_none() {
        notes.push("this host has no record of a release yet, so whether HEAD moved since the last one is not known (`holdpoint adopt` records what runs)".to_owned());
    }
    if let Some(old) = &case.course.supersedes {
        notes.push(format!("takes over {old}: its BASE {} and its backups count", case.course.base.short()));
    }
    let git = &facts.git;
    if git.verify_signatures == SignaturePolicy::Warn && !git.badly_signed.is_empty() {
        let oids: Vec<&str> = git.badly_signed.iter().map(|badly| badly.commit.oid.short()).collect();
        notes.push(format!("{}: {}", unsigned_headline(git), oids.join(" ")));
    }
    for ticket in case.request.reintroduce.iter().filter(|ticket| !was_taken_back(facts, ticket)) {
        notes.push(format!("`--reintroduce {ticket}` lets nothing in: that ticket was not taken back here"));
    }
    if !case.classified.left_out.is_empty() {
        let names: Vec<&str> = case.classified.left_out.iter().map(ServiceName::as_str).collect();
        notes.push(format!("not touched, because --services leaves it out: {}", names.join(" ")));
    }
    for (service, stamp) in reused {
        notes.push(format!("backup {service}/{stamp} is young enough to be used again"));
    }
    notes.extend(of_services(case));
    notes.extend(of_scripts(case, steps));
    for phase in &case.request.skip {
        notes.push(format!("phase {phase} is left out: {}", case.request.reason.as_deref().unwrap_or("-")));
    }
    for (service, deadline) in &case.request.health_deadline {
        let whose = service.as_ref().map_or_else(|| "every service".to_owned(), ToString::to_string);
        notes.push(format!("health deadline of {whose} is {deadline} in this attempt"));
    }
    notes
}

fn of_services(case: &Case<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for touched in &case.classified.touched {
        let Some(state) = case.facts.services.get(&touched.name) else { continue };
        if !state.leftover.is_empty() {
            let names = state.leftover.join(" ");
            notes.push(format!(
                "{} has containers left over from an interrupted recreate: {names}",
                touched.name
            ));
        }
        if let Some(Schema::Unknown(why)) = &state.schema {
            notes.push(format!("the schema version of {} is not on record: {why}", touched.name));
        }
        let changed = define_newest(case.facts, &touched.name)
            .and_then(|service| differing_volume(&service, service.resolved?));
        if let Some((container, place, used, wanted)) = changed {
            notes.push(format!(
                "{} gets volume {wanted} at {place}; {} has {used} there, and its data stays behind",
                touched.name, container.name
            ));
        }
    }
    notes
}

/// A failed script starts again from its first line: how its last run went (design/04).
fn of_scripts(case: &Case<'_>, steps: &[Step]) -> Vec<String> {
    let past = case.course.past(case.facts);
    let mut notes = Vec::new();
    for step in steps.iter().filter(|step| step.phase == Phase::Ticket && !step.already_done) {
        let Some(record) = past.record(&step.name) else { continue };
        if let StepEnd::Failed(rc) = record.end {
            let took =
                record.ms.map(|ms| format!(" for {}.{:03} s", ms / 1000, ms % 1000)).unwrap_or_default();
            notes.push(format!(
                "{} ran once{took} and ended with exit status {rc}: it starts again from its first line",
                step.name
            ));
        }
    }
    notes
}
