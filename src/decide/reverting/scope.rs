//! What a revert is about: the releases that are taken back, how far each service was touched, and the data to put back.

use std::collections::{BTreeMap, BTreeSet};

use super::images;
use crate::decide::order::by_dependency;
use crate::decide::planning::backup_definition;
use crate::decide::range::{Succession, may_have_moved};
use crate::decide::saving::entries;
use crate::decide::site::{Side, define, same_content};
use crate::model::arrange::Arrange;
use crate::model::backup::BackupSet;
use crate::model::facts::{Facts, TicketHistory};
use crate::model::gather::Gather;
use crate::model::id::{BackupStamp, Oid, ServiceName};
use crate::model::phase::Phase;
use crate::model::plan::ServiceChange;
use crate::model::release::{ReleaseState, Status};
use crate::model::request::{RevertRequest, Take};

/// What is taken back.
pub(super) struct Scope<'a> {
    pub(super) facts: &'a Facts,
    pub(super) request: &'a RevertRequest,
    pub(super) history: &'a TicketHistory,
    pub(super) state: &'a ReleaseState,
    /// Releases on top of this one that are not taken back yet, newest first.
    pub(super) later: Vec<&'a ReleaseState>,
    /// Touched services with what the *release* did to them, in dependency order.
    pub(super) services: Vec<(ServiceName, ServiceChange)>,
    /// Services of the release that it never came to.
    pub(super) untouched: Vec<ServiceName>,
    /// Services whose data is put back, each with the set that its release names.
    pub(super) data: BTreeMap<ServiceName, BackupStamp>,
    /// Services whose data should be put back and of which no set is named.
    pub(super) unsaved: Vec<ServiceName>,
}

/// How the tree goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WayBack {
    /// It has the wanted content already, or is left as it is.
    None,
    /// One commit with BASE's content.
    Commit,
    /// The branch that was checked out before.
    Switch,
}

impl<'a> Scope<'a> {
    pub(super) fn of(facts: &'a Facts, request: &'a RevertRequest, history: &'a TicketHistory) -> Self {
        let state = &history.state;
        let later = later(facts, state);
        let mut scope = Self {
            facts,
            request,
            history,
            state,
            later,
            services: Vec::new(),
            untouched: Vec::new(),
            data: BTreeMap::new(),
            unsaved: Vec::new(),
        };
        scope.sort_services();
        if request.data == Take::Back {
            scope.find_data();
        }
        scope
    }

    /// Whether the revert has begun before.
    pub(super) fn is_under_way(&self) -> bool {
        self.state.status.is_backward()
    }

    /// Whose definitions stand in the checkout once the tree is where the revert leaves it.
    pub(super) fn tree_after(&self) -> Side {
        let back = self.request.git == Take::Back;
        if back || same_content(self.facts, &self.facts.git.head, &self.state.base) {
            Side::Base
        } else {
            Side::Target
        }
    }

    /// Whose definitions stand in the checkout now.
    pub(super) fn tree_now(&self) -> Side {
        if same_content(self.facts, &self.facts.git.head, &self.state.base) {
            Side::Base
        } else {
            Side::Target
        }
    }

    pub(super) fn way_back(&self) -> WayBack {
        let git = &self.facts.git;
        if self.request.git == Take::Leave || same_content(self.facts, &git.head, &self.state.base) {
            return WayBack::None;
        }
        let main = &self.facts.base_settings.git.branch;
        let was_on_main = self.state.branch != *main && git.branches.get(main) == Some(&self.state.base);
        if was_on_main && git.branch.as_ref() == Some(&self.state.branch) {
            WayBack::Switch
        } else {
            WayBack::Commit
        }
    }

    /// Where HEAD should be before the tree goes back.
    pub(super) fn tip(&self) -> Option<&'a Oid> {
        let newest = self.later.first().and_then(|state| state.merge.as_ref());
        let planned = self.history.snapshot.as_ref().map(|snapshot| &snapshot.target);
        newest.or(self.state.merge.as_ref()).or(planned)
    }

    /// The set of a service that is put back.
    pub(super) fn set(&self, name: &ServiceName) -> Option<&'a BackupSet> {
        let stamp = self.data.get(name)?;
        self.facts.backups.get(name)?.iter().find(|set| set.stamp == *stamp)
    }

    /// The same for every go at this revert, and for no other.
    pub(super) fn mark(&self) -> String {
        format!("{}.{}", self.state.ticket, self.state.cycle)
    }

    fn all(&self) -> impl Iterator<Item = &'a ReleaseState> {
        std::iter::once(self.state).chain(self.later.iter().rev().copied())
    }

    fn sort_services(&mut self) {
        let facts = self.facts;
        let mut names: BTreeSet<ServiceName> = self.all().flat_map(|state| state.services.clone()).gather();
        // A header's `backup=` saves services that phase migrate never touches; scripts may have changed their data.
        names.extend(self.all().flat_map(|state| state.backups.keys().cloned()));
        for name in by_dependency(facts, &names) {
            let change = match (define(facts, Side::Base, &name), define(facts, Side::Target, &name)) {
                (None, Some(_)) => ServiceChange::Added,
                (Some(_), None) => ServiceChange::Removed,
                (Some(_), Some(_)) => ServiceChange::Changed,
                (None, None) => continue,
            };
            if self.was_reached(&name) {
                self.services.push((name, change));
            } else {
                self.untouched.push(name);
            }
        }
    }

    /// Whether the release may have changed anything of a service: its own steps in migrate, or any script, began.
    fn was_reached(&self, name: &ServiceName) -> bool {
        let history = self.history;
        let is_past = self.state.phase > Phase::Migrate && self.state.phase != Phase::Revert;
        // How far a release came that was taken over stands in its own records, not in these.
        let took_over = images::chain(self.facts, self.state).len() > 1;
        if took_over || !self.later.is_empty() || is_past || history.phases_done.contains(&Phase::Migrate) {
            return true;
        }
        let prefix = format!("{name}.");
        history.steps.iter().any(|(step, record)| match record.phase {
            Phase::Ticket | Phase::Verify => true,
            Phase::Migrate => {
                let word = step.as_str().strip_prefix(&prefix);
                word.is_some_and(|word| !matches!(word, "pull" | "build" | "keep-image" | "health"))
            }
            Phase::Prepare | Phase::Revert => false,
        })
    }

    fn find_data(&mut self) {
        let mut data = BTreeMap::new();
        let mut unsaved = Vec::new();
        for (name, change) in &self.services {
            let Some(service) =
                backup_definition(self.facts, name).filter(|_| *change != ServiceChange::Added)
            else {
                continue;
            };
            if entries(&service).is_empty() {
                continue;
            }
            // The first backup of the oldest release that is taken back: from before all of them.
            match self.all().find_map(|state| state.backups.get(name)) {
                Some(stamp) => {
                    data.insert(name.clone(), stamp.clone());
                }
                None => unsaved.push(name.clone()),
            }
        }
        self.data = data;
        self.unsaved = unsaved;
    }
}

/// Releases that stand on top of one: begun later, with their tree moved, and not taken back. Newest first.
fn later<'a>(facts: &'a Facts, state: &ReleaseState) -> Vec<&'a ReleaseState> {
    let order = Succession::of(state, &facts.releases);
    let is_on_top = |other: &&ReleaseState| {
        other.ticket != state.ticket
            && !other.ticket.is_reserved()
            && order.began_after(other)
            && other.merge.is_some()
            && other.status != Status::Reverted
            && other.superseded_by.is_none()
    };
    let mut later: Vec<&ReleaseState> = facts.releases.iter().filter(is_on_top).collect();
    later.arrange_by_key(|state| std::cmp::Reverse(state.started_at));
    later
}

/// Whether there is anything to take back: the tree moved, or may have (transitions note 8).
pub(super) fn is_anything_changed(history: &TicketHistory) -> bool {
    history.state.merge.is_some() || may_have_moved(&history.steps) || history.state.status.is_backward()
}
