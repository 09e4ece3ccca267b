//! What `run` is judged by, and the order in which blockers are listed.

use super::{calendar, checkout, disk, ground, inputs, releases, scripts, services};
use crate::decide::classify::Classified;
use crate::decide::course::{Course, Way};
use crate::decide::typed::Typed;
use crate::model::facts::Facts;
use crate::model::id::{Oid, ServiceName};
use crate::model::phase::Phase;
use crate::model::reason::Blocker;
use crate::model::request::RunRequest;

/// Everything a blocker of `run` may look at.
#[derive(Clone, Copy)]
pub(in crate::decide) struct Case<'a> {
    pub(in crate::decide) facts: &'a Facts,
    pub(in crate::decide) request: &'a RunRequest,
    pub(in crate::decide) course: &'a Course,
    pub(in crate::decide) classified: &'a Classified,
    /// Services whose backup is taken by this run.
    pub(in crate::decide) saved: &'a [ServiceName],
    /// Sentences about data that cannot be reached.
    pub(in crate::decide) unreachable: &'a [String],
}

impl<'a> Case<'a> {
    /// Where the release goes; HEAD when the remote could not be read, so that the rest can still be judged.
    pub(super) fn target(&self) -> &'a Oid {
        self.course.target.as_ref().unwrap_or(&self.facts.git.head)
    }

    /// `origin/main`
    pub(super) fn source(&self) -> String {
        format!("{}/{}", self.facts.base_settings.git.remote, self.course.branch)
    }

    /// First phase that runs.
    pub(super) fn from(&self) -> Phase {
        if self.course.way == Way::Resume { self.course.from } else { Phase::Prepare }
    }

    /// Whether a phase is part of this run.
    pub(super) fn runs(&self, phase: Phase) -> bool {
        let is_left_out = phase == Phase::Ticket && !self.course.scripts;
        phase >= self.from() && !self.request.skip.contains(&phase) && !is_left_out
    }

    /// The command that was asked for, with one more flag. Those that were typed stand in it: without them it would be refused
    /// for what they allowed.
    pub(super) fn again_with(&self, flags: &str) -> String {
        let flags = &self.request.typed_with(flags);
        if let Some(anew) = &self.request.anew {
            return format!("holdpoint {}", anew.typed(&self.request.ticket, flags));
        }
        let from = self.request.from.map(|from| format!("--from={from} ")).unwrap_or_default();
        Typed::on(self.facts).run(&self.request.ticket, format!("{from}{flags}").trim_end())
    }
}

/// All blockers of `run`, in the order of design/04.
pub(in crate::decide) fn of_run(case: &Case<'_>) -> Vec<Blocker> {
    let mut all = Vec::new();
    all.extend(ground::of(case.facts));
    all.extend(dirty(case));
    all.extend(checkout::nothing_to_release(case));
    all.extend(checkout::head_moved(case));
    all.extend(checkout::diverged(case));
    all.extend(releases::reverted_ticket_returns(case));
    all.extend(releases::unfinished(case));
    all.extend(releases::rolled_back(case));
    all.extend(scripts::of_other_tickets(case));
    all.extend(services::unclassified(case));
    all.extend(services::source_drift(case));
    all.extend(checkout::branch(case));
    all.extend(checkout::source_unavailable(case));
    all.extend(releases::untrusted(case));
    all.extend(calendar::freezes(case));
    all.extend(case.course.blockers.iter().cloned());
    all.extend(inputs::changed(case));
    all.extend(inputs::new_commits(case));
    all.extend(disk::of_run(case));
    all.extend(services::tools(case));
    all.extend(checkout::signature(case));
    all.extend(services::project_mismatch(case));
    all.extend(services::volume_mismatch(case));
    all.extend(services::backup_undeclared(case));
    all.extend(scripts::untracked(case));
    all.extend(scripts::unknown_service(case));
    all.extend(inputs::reserved(case));
    all.extend(inputs::reasons(case));
    all
}

fn dirty(case: &Case<'_>) -> Option<Blocker> {
    checkout::dirty_tree(case.facts)
}
