//! What a release of every service would be refused for, by the very decision that `run` asks.

use std::collections::BTreeSet;

use crate::decide::{self, Refusal};
use crate::model::gather::Gather;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::request::RunRequest;
use crate::model::view::{DoctorRow, Verdict};
use crate::ops::facts::{Links, Look, observe};
use crate::ops::host::Host;
use crate::ops::inspect::Posture;

use super::row::{bad, refusal, well};

/// Reasons that say nothing about the host: that there is nothing to release, or that a person must decide on a release.
const OF_THE_MOMENT: [ReasonCode; 7] = [
    ReasonCode::NothingToRelease,
    ReasonCode::OtherTicketScripts,
    ReasonCode::RevertedTicketReturns,
    ReasonCode::SourceUnclassified,
    ReasonCode::TicketScriptUntracked,
    ReasonCode::ReleaseUnfinished,
    ReasonCode::HostUntrusted,
];

/// Asks the decision, and leaves out what another row says already.
pub(super) fn rows(host: &Host, seen: &Posture) -> Vec<DoctorRow> {
    // Shown in commands to type: as `check` without a ticket shows them.
    let Ok(ticket) = "TICKET".parse() else { return Vec::new() };
    let facts = match observe(host, &Look { links: Links::Now, ..Look::default() }) {
        Ok(facts) => facts,
        Err(error) => return vec![bad("release", error.to_string(), &["holdpoint check"])],
    };
    let request = RunRequest {
        services: Some(seen.settings.services.keys().cloned().collect()),
        without_scripts: true,
        ..RunRequest::new(ticket)
    };
    let blockers = match decide::plan_run(&facts, &request) {
        Err(Refusal::Blocked { blockers, .. }) => blockers,
        Ok(_) | Err(Refusal::Nothing { .. }) => Vec::new(),
    };
    let said: BTreeSet<&str> = seen.troubles.iter().map(|trouble| trouble.fact.as_str()).gather();
    let matters =
        |blocker: &&Blocker| !OF_THE_MOMENT.contains(&blocker.code) && !said.contains(blocker.fact.as_str());
    let mut rows: Vec<DoctorRow> = blockers
        .iter()
        .filter(matters)
        .map(|blocker| refusal(blocker.code.word(), verdict(blocker), blocker))
        .collect();
    if rows.is_empty() {
        rows.push(well("release", "nothing about this host stands against one"));
    }
    rows
}

/// A freeze passes, and a dirty tree is for its owner to judge; the rest must be mended.
fn verdict(blocker: &Blocker) -> Verdict {
    match blocker.code {
        ReasonCode::FreezeActive | ReasonCode::TreeDirty | ReasonCode::Branch | ReasonCode::HeadMoved => {
            Verdict::Warn
        }
        _ => Verdict::Bad,
    }
}
