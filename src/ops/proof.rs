//! Backups that a plan puts back are proven before anything stops: a set that is not what its record says is no way back.

use std::collections::BTreeSet;

use crate::decide::{self, Refusal};
use crate::model::facts::Facts;
use crate::model::gather::Gather;
use crate::model::id::{BackupStamp, ServiceName};
use crate::model::plan::{Action, Plan};
use crate::model::request::{BackupRestoreRequest, RevertRequest};

use super::host::Host;

/// As `decide::plan_revert`, with every set that the plan puts back read and compared with its record.
pub(super) fn plan_revert(host: &Host, facts: &mut Facts, request: &RevertRequest) -> Result<Plan, Refusal> {
    let plan = decide::plan_revert(facts, request)?;
    if is_proven(host, facts, &plan) { Ok(plan) } else { decide::plan_revert(facts, request) }
}

/// As `decide::plan_backup_restore`, with the set read and compared with its record.
pub(super) fn plan_restore(
    host: &Host,
    facts: &mut Facts,
    request: &BackupRestoreRequest,
) -> Result<Plan, Refusal> {
    let plan = decide::plan_backup_restore(facts, request)?;
    if is_proven(host, facts, &plan) { Ok(plan) } else { decide::plan_backup_restore(facts, request) }
}

/// Whether every set is what its record says. One that is not counts as unverified from here on.
fn is_proven(host: &Host, facts: &mut Facts, plan: &Plan) -> bool {
    let shelf = host.store.shelf();
    let is_sound = |(service, stamp): &(ServiceName, BackupStamp)| {
        shelf.verify(service, stamp).is_ok_and(|findings| findings.is_empty())
    };
    let mut all_sound = true;
    for (service, stamp) in put_back(plan).into_iter().filter(|set| !is_sound(set)) {
        all_sound = false;
        let sets = facts.backups.get_mut(&service).into_iter().flatten();
        for entry in sets.filter(|set| set.stamp == stamp).flat_map(|set| &mut set.entries) {
            entry.verified = false;
        }
    }
    all_sound
}

/// Sets that are still to be put back.
fn put_back(plan: &Plan) -> BTreeSet<(ServiceName, BackupStamp)> {
    let open = plan.steps.iter().filter(|step| !step.already_done);
    let jobs = open.filter_map(|step| match &step.action {
        Action::Restore(job) => Some((job.service.clone(), job.stamp.clone())),
        _ => None,
    });
    jobs.gather()
}
