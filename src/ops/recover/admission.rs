//! Who may act on a failed attempt: somebody who has looked at it as it stands now (design/05).

use crate::model::event::{EventKind, RunEvent};
use crate::model::id::AttemptId;
use crate::model::readiness::LookedInto;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::ReleaseState;
use crate::ops::error::OpsError;
use crate::ops::host::Host;

use super::version;

/// What the person says of what they have read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Admission {
    /// `--if-version`: the `stateVersion` that was read.
    pub if_version: Option<String>,
}

/// What is known of an attempt's failure, and of who has looked at it.
pub(super) fn looked_into(host: &Host, state: &ReleaseState) -> Result<LookedInto, OpsError> {
    let events = host.store.log(&state.ticket)?;
    let own = |event: &&RunEvent| event.attempt == state.attempt;
    let last = |kinds: &[EventKind]| {
        events.iter().rfind(|event| own(event) && kinds.contains(&event.event)).map(|event| event.at)
    };
    let attempt = AttemptId { ticket: state.ticket.clone(), number: state.attempt };
    let newest = host.store.newest_evidence(&attempt)?;
    Ok(LookedInto {
        halted: last(&[EventKind::Failed, EventKind::Interrupted, EventKind::Canceled]),
        diagnosed: last(&[EventKind::Diagnosed]),
        evidence: newest.map(|(_, at)| at),
    })
}

impl Admission {
    /// Whether the attempt is still as it was when it was read. Without a terminal it must have been read.
    pub(super) fn blocker(
        &self,
        host: &Host,
        state: &ReleaseState,
        somebody_is_there: bool,
    ) -> Result<Option<Blocker>, OpsError> {
        let read = format!("holdpoint readiness {}", state.ticket);
        let Some(wanted) = &self.if_version else {
            if somebody_is_there {
                return Ok(None);
            }
            let fact = format!(
                "a script may not act on `{}@{}` without having read how it stands",
                state.ticket, state.attempt
            );
            let blocker = Blocker::new(ReasonCode::ReadinessUnread, fact)
                .way_out(format!("{read} --json"))
                .way_out("then the same command with `--if-version` and its `stateVersion`");
            return Ok(Some(blocker));
        };
        let now = version::of(&version::look(host, state, None)?, state);
        Ok((*wanted != now).then(|| {
            let fact =
                format!("version `{wanted}` does not describe `{}@{}` any more", state.ticket, state.attempt);
            Blocker::new(ReasonCode::ReadinessStale, fact).way_out(read)
        }))
    }
}
