//! How commits stand to one another, from one listing of those that HEAD and the target do not share.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::parse::Linked;
use crate::model::facts::{Commit, Containment};
use crate::model::gather::Gather;
use crate::model::id::Oid;

/// The commits of `git log HEAD...TARGET M1 M2 …`: what HEAD, the target and the commits that matter have beyond the
/// merge bases of HEAD and the target. What is not listed is contained in both.
#[derive(Debug)]
pub(super) struct History {
    commits: Vec<Linked>,
    of_head: HashSet<Oid>,
    of_target: HashSet<Oid>,
}

impl History {
    pub(super) fn new(head: &Oid, target: &Oid, commits: Vec<Linked>) -> Self {
        let parents: HashMap<&Oid, &[Oid]> =
            commits.iter().map(|c| (&c.commit.oid, c.parents.as_slice())).collect();
        let of_head = reachable(head, &parents);
        let of_target = reachable(target, &parents);
        Self { commits, of_head, of_target }
    }

    /// Commits that only HEAD has and commits that only the target has, newest first.
    pub(super) fn sides(self) -> (Vec<Commit>, Vec<Commit>) {
        let (of_head, of_target) = (self.of_head, self.of_target);
        let (mut ahead, mut incoming) = (Vec::new(), Vec::new());
        for linked in self.commits {
            match (of_head.contains(&linked.commit.oid), of_target.contains(&linked.commit.oid)) {
                (true, false) => ahead.push(linked.commit),
                (false, true) => incoming.push(linked.commit),
                _ => {}
            }
        }
        (ahead, incoming)
    }

    /// Where these commits, all present, are contained.
    pub(super) fn contains(&self, matter: &[Oid]) -> BTreeMap<Oid, Containment> {
        let listed: BTreeSet<&Oid> = self.commits.iter().map(|c| &c.commit.oid).gather();
        let place = |oid: &Oid| {
            let shared = !listed.contains(oid);
            Containment {
                in_head: shared || self.of_head.contains(oid),
                in_target: shared || self.of_target.contains(oid),
            }
        };
        matter.iter().map(|oid| (oid.clone(), place(oid))).gather()
    }

    /// Whether the listing runs into a commit without parents, where a shallow clone is cut off.
    pub(super) fn is_cut(&self) -> bool {
        self.commits.iter().any(|c| c.parents.is_empty())
    }
}

/// The listed commits that can be reached from one.
fn reachable(from: &Oid, parents: &HashMap<&Oid, &[Oid]>) -> HashSet<Oid> {
    let mut seen = HashSet::new();
    let mut open = vec![from];
    while let Some(oid) = open.pop() {
        if let Some(older) = parents.get(oid)
            && seen.insert(oid.clone())
        {
            open.extend(older.iter());
        }
    }
    seen
}
