//! A plan is made: read, every host chosen, and kept as it is from then on.

use std::path::Path;

use crate::fleet::records::{self, FleetError};
use crate::manifest::rollout;
use crate::manifest::settings::SourceFile;
use crate::model::id::IdError;
use crate::model::rollout::{AuditRecord, PlanId, RolloutPlan};
use crate::ops::error::OpsError;
use crate::sys::files;

use super::desk::Desk;
use super::tags;

/// Bytes of a plan's file.
const LIMIT: u64 = 1 << 20;

/// A plan's file.
///
/// # Errors
/// Why it could not be read.
pub fn read(file: &Path) -> Result<SourceFile, OpsError> {
    if !files::exists(file) {
        return Err(OpsError::Usage {
            what: format!("there is no file `{}`", file.display()),
            hint: "`holdpoint schema rollout` prints the keys of a plan".to_owned(),
        });
    }
    let text = files::read_text(file, LIMIT).map_err(|source| OpsError::Unreadable { source })?;
    Ok(SourceFile { path: file.display().to_string(), text })
}

/// A plan that somebody wrote elsewhere, under the name that its complaints show.
pub fn written(name: &str, text: String) -> SourceFile {
    SourceFile { path: name.to_owned(), text }
}

/// The plan in a text, not kept.
///
/// # Errors
/// [`OpsError::Manifest`] with line and column; or what is against the tag that it names.
pub fn drafted(desk: &Desk, source: &SourceFile) -> Result<RolloutPlan, OpsError> {
    let draft = rollout::draft(source, &desk.inventory)?;
    let (commit, tag) = tags::resolved(desk, draft.reference)?;
    let mut plan = RolloutPlan {
        plan_id: id("plan-0")?,
        name: draft.name,
        ticket: draft.ticket,
        commit,
        tag,
        on_harm: draft.on_harm,
        rollback_data: draft.rollback_data,
        ticket_host: draft.ticket_host,
        reintroduce: draft.reintroduce,
        max_failures: draft.max_failures,
        on_host_failure: draft.on_host_failure,
        unreachable: draft.unreachable,
        hotfix: draft.hotfix,
        stages: draft.stages,
        hosts: draft.hosts,
        digest: String::new(),
        created_at: chrono::DateTime::UNIX_EPOCH,
        created_by: String::new(),
    };
    // Of all that was planned, and of nothing else: the same plan has the same digest wherever it is made.
    let text = serde_json::to_string(&plan).unwrap_or_default();
    plan.digest = files::sha256_of(text.as_bytes());
    plan.created_at = desk.now();
    plan.created_by.clone_from(&desk.operator);
    let unique = format!("{} {}", plan.digest, plan.created_at.timestamp_micros());
    plan.plan_id = id(&format!("plan-{}", &files::sha256_of(unique.as_bytes())[..8]))?;
    Ok(plan)
}

fn id(text: &str) -> Result<PlanId, IdError> {
    text.parse()
}

/// Keeps the plan in a text.
///
/// # Errors
/// As [`drafted`], or what the ledger says.
pub fn create(desk: &Desk, source: &SourceFile) -> Result<RolloutPlan, OpsError> {
    let plan = drafted(desk, source)?;
    let audit = AuditRecord {
        at: plan.created_at,
        by: plan.created_by.clone(),
        what: "create".to_owned(),
        about: plan.plan_id.to_string(),
        reason: Some(format!("digest {}", plan.digest)),
    };
    if records::create(&*desk.ledger, &plan, &audit)? {
        return Ok(plan);
    }
    Err(FleetError::Conflict { plan_id: plan.plan_id }.into())
}
