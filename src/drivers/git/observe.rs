//! One look at the checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use super::history::History;
use super::parse::{self, Status};
use super::{Git, GitError};
use crate::model::facts::{Commit, Containment, DirtyFile, GitFacts, HeadMove};
use crate::model::gather::Gather;
use crate::model::id::{BranchName, Oid};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::settings::SignaturePolicy;
use crate::model::spec::INCOMING_REFS;
use crate::sys::beside;

/// What a look at the checkout is for.
#[derive(Debug, Clone)]
pub struct Look {
    /// Remote that is released from, for the fallback `refs/remotes/<remote>/<branch>` where nothing was fetched.
    pub remote: String,
    /// Branch that is to be released.
    pub branch: BranchName,
    /// A commit on that branch to stop at; none: the branch's newest.
    pub at: Option<Oid>,
    /// That commit was released here before, or is what is checked out: the remote need not have it.
    pub at_is_ours: bool,
    /// BASE, to list changed paths from; none: HEAD.
    pub base: Option<Oid>,
    /// Commits that matter (recorded bases and merges): their trees and containment are observed.
    pub matter: BTreeSet<Oid>,
    /// Where the last record left HEAD. When HEAD is elsewhere, the commits since are listed and the reflog is read; the
    /// reflog also when HEAD is the target.
    pub left_at: Option<Oid>,
    /// Local branches whose tips matter.
    pub branches: BTreeSet<BranchName>,
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The checkout.
    pub facts: GitFacts,
    /// What could not be seen, or makes the checkout unfit.
    pub troubles: Vec<Blocker>,
}

/// What a name stands for in the object store.
#[derive(Debug, Clone, Default)]
struct Found {
    commit: Option<Oid>,
    tree: Option<Oid>,
    submodules: bool,
}

impl Git {
    /// One look: four processes, two and two side by side, and one more each where the reflog or our own reverts
    /// matter. The target is what was fetched last.
    ///
    /// # Errors
    /// [`GitError`] when not even HEAD can be read; everything less becomes a trouble.
    pub fn observe(&self, look: &Look) -> Result<Observed, GitError> {
        let shallow = self.is_shallow()?;
        let (status, found) = thread::scope(|scope| {
            let status = beside(scope, || self.status());
            let found = self.resolve(look);
            (status.join(), found)
        });
        let (status, found) = (status?, found?);
        let head = found.get("HEAD").cloned().unwrap_or_default();
        let (Some(head_oid), Some(_)) = (head.commit.clone(), &status.head) else {
            return Err(self.unfit("has no commit yet", "git pull"));
        };
        let mut troubles = Vec::new();
        let target = self.target(look, &found, &mut troubles);
        if status.branch.is_none() {
            troubles.push(self.trouble(
                &format!("has no branch checked out: HEAD is detached at {}", head_oid.short()),
                &format!("git switch {}", look.branch),
            ));
        }
        if head.submodules || target.as_ref().is_some_and(|target| target.submodules) {
            troubles.push(
                self.trouble("has submodules, which are not released", "vendor them, or release them apart"),
            );
        }
        let mut facts = GitFacts {
            branch: status.branch.as_ref().and_then(|branch| branch.parse().ok()),
            release_branch: look.branch.clone(),
            target: target.as_ref().and_then(|target| target.commit.clone()),
            dirty: self.owned(status.dirty),
            ahead: Vec::new(),
            incoming: Vec::new(),
            changed: Vec::new(),
            last_move: None,
            unrevert_to: None,
            contains: BTreeMap::new(),
            undone: BTreeSet::new(),
            trees: trees(&found),
            branches: tips(look, &found),
            unreleased: Vec::new(),
            changed_since_head: Vec::new(),
            cut_off: None,
            verify_signatures: SignaturePolicy::Off,
            badly_signed: Vec::new(),
            head: head_oid,
        };
        self.look_back(look, shallow, &mut facts, &mut troubles)?;
        Ok(Observed { facts, troubles })
    }

    /// What is not as committed, our own folders left out; owner and time of each file where it still exists.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell.
    pub fn dirty(&self) -> Result<Vec<DirtyFile>, GitError> {
        Ok(self.owned(self.status()?.dirty))
    }

    /// HEAD and the branch that is checked out (none: detached), and whether the tree is clean. One process.
    ///
    /// # Errors
    /// [`GitError`] when git cannot tell, or there is no commit yet.
    pub fn standing(&self) -> Result<(Oid, Option<String>, bool), GitError> {
        let status = self.status()?;
        let head = status.head.ok_or_else(|| self.unfit("has no commit yet", "git pull"))?;
        Ok((head, status.branch, status.dirty.is_empty()))
    }

    fn status(&self) -> Result<Status, GitError> {
        let mut args = vec![
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=normal",
            "--no-renames",
            "--",
            ".",
        ];
        let ours: Vec<String> = self
            .ours
            .iter()
            .filter_map(|folder| folder.strip_prefix(self.root()).ok())
            .filter(|folder| !folder.as_os_str().is_empty())
            .map(|folder| format!(":(top,exclude,literal){}", folder.display()))
            .collect();
        args.extend(ours.iter().map(String::as_str));
        parse::status(&self.read_only("look at the work tree", &args, None)?.stdout)
    }

    /// Commit, tree and submodules of every name in question. One process.
    fn resolve(&self, look: &Look) -> Result<BTreeMap<String, Found>, GitError> {
        let mut names = vec!["HEAD".to_owned(), incoming(look), tracking(look)];
        names.extend(
            look.at
                .iter()
                .chain(&look.base)
                .chain(&look.matter)
                .chain(&look.left_at)
                .map(ToString::to_string),
        );
        names.extend(look.branches.iter().map(local));
        let ask = |name: &String| {
            [format!("{name}^{{commit}}\n"), format!("{name}^{{tree}}\n"), format!("{name}:.gitmodules\n")]
        };
        let questions = names.iter().flat_map(ask).collect::<String>();
        let args = ["cat-file", "--batch-check=%(objectname) %(objecttype)"];
        let said = self.read_only("resolve commits", &args, Some(questions.into_bytes()))?;
        let answers = parse::batch_check(&said.stdout)?;
        if answers.len() != names.len() * 3 {
            return Err(parse::unreadable("`git cat-file --batch-check`", &said.text()));
        }
        let found = answers.chunks_exact(3).map(|answer| Found {
            commit: answer[0].clone(),
            tree: answer[1].clone(),
            submodules: answer[2].is_some(),
        });
        Ok(names.into_iter().zip(found).gather())
    }

    /// The commit to release: what was fetched, else what the remote-tracking branch says; at the commit asked for.
    fn target(
        &self,
        look: &Look,
        found: &BTreeMap<String, Found>,
        troubles: &mut Vec<Blocker>,
    ) -> Option<Found> {
        let tip = [incoming(look), tracking(look)]
            .iter()
            .filter_map(|name| found.get(name))
            .find(|found| found.commit.is_some());
        if let Some(at) = look.at.as_ref().filter(|_| look.at_is_ours) {
            let here = found.get(at.as_str()).filter(|found| found.commit.as_ref() == Some(at));
            if here.is_none() {
                let fact = format!("commit {at} is not in this repository any more");
                troubles.push(
                    Blocker::new(ReasonCode::SourceUnavailable, fact)
                        .way_out(format!("git fetch {} {at}", look.remote)),
                );
            }
            return here.cloned();
        }
        let branch = format!("`{}/{}`", look.remote, look.branch);
        let unavailable =
            |fact: String, way: String| Blocker::new(ReasonCode::SourceUnavailable, fact).way_out(way);
        let Some(tip) = tip else {
            troubles.push(unavailable(
                format!("{branch} is not known here: nothing was fetched"),
                format!("git fetch {} {}", look.remote, look.branch),
            ));
            return None;
        };
        let Some(at) = &look.at else { return Some(tip.clone()) };
        let asked = found.get(at.as_str()).filter(|found| found.commit.as_ref() == Some(at));
        let on_branch = match (&tip.commit, asked) {
            (Some(tip), Some(_)) => self.is_ancestor(at, tip),
            _ => false,
        };
        if !on_branch {
            let way = format!("git log {}/{}", look.remote, look.branch);
            troubles.push(unavailable(format!("commit {at} is not on {branch}"), way));
        }
        asked.filter(|_| on_branch).cloned()
    }

    fn is_ancestor(&self, older: &Oid, newer: &Oid) -> bool {
        if older == newer {
            return true;
        }
        let args = ["merge-base", "--is-ancestor", "--end-of-options", older.as_str(), newer.as_str()];
        self.read_only("compare commits", &args, None).is_ok()
    }

    /// What lies between HEAD, the target and the commits that matter.
    fn look_back(
        &self,
        look: &Look,
        shallow: bool,
        facts: &mut GitFacts,
        troubles: &mut Vec<Blocker>,
    ) -> Result<(), GitError> {
        let base = look.base.clone().unwrap_or_else(|| facts.head.clone());
        let target = facts.target.clone().unwrap_or_else(|| facts.head.clone());
        let tips: Vec<Oid> = facts.branches.values().cloned().collect();
        let wanted = look.matter.iter().chain([&base]).chain(&tips);
        let (present, missing): (Vec<_>, Vec<_>) =
            wanted.cloned().partition(|oid| facts.trees.contains_key(oid));
        let has_base = !missing.contains(&base);
        let left_at = look.left_at.as_ref().filter(|left| **left != facts.head);
        let wants_reflog = left_at.is_some() || facts.target.as_ref() == Some(&facts.head);
        let left_at = left_at.filter(|left| facts.trees.contains_key(*left));
        let (history, changed, moved, since) = thread::scope(|scope| {
            let changed =
                beside(scope, || if has_base { self.changed(&base, &target) } else { Ok(Vec::new()) });
            let moved = beside(scope, || if wants_reflog { self.last_move() } else { Ok(None) });
            let since =
                beside(scope, || left_at.map_or(Ok(Vec::new()), |left| self.since(left, &facts.head)));
            let history = self.history(&facts.head, &target, &present);
            (history, changed.join(), moved.join(), since.join())
        });
        let history = history?;
        facts.changed = changed?;
        facts.last_move = moved?;
        facts.unreleased = since?;
        facts.changed_since_head = match &look.base {
            Some(base) if *base != facts.head => self.changed(&facts.head, &target)?,
            _ => facts.changed.clone(),
        };
        facts.contains = history.contains(&present);
        let gone = Containment { in_head: false, in_target: false };
        facts.contains.extend(missing.iter().map(|oid| (oid.clone(), gone)));
        if shallow && (!missing.is_empty() || history.is_cut()) {
            let why = "is a shallow clone and lacks commits that are needed here";
            troubles.push(self.trouble(why, &format!("git fetch --unshallow {}", look.remote)));
        } else if !has_base {
            let fact = format!("BASE {base} is not in this repository");
            troubles.push(
                Blocker::new(ReasonCode::SourceUnavailable, fact)
                    .way_out("name another: `--base <sha> --reason …`"),
            );
        }
        let (ahead, incoming) = history.sides();
        let ends_in_our_revert = ahead.first().is_some_and(|c| c.oid == facts.head && c.reverts.is_some());
        (facts.ahead, facts.incoming) = (ahead, incoming);
        if ends_in_our_revert {
            facts.unrevert_to = self.before_reverts(&facts.head)?;
        }
        Ok(())
    }

    fn history(&self, head: &Oid, target: &Oid, matter: &[Oid]) -> Result<History, GitError> {
        if head == target && matter.iter().all(|oid| oid == head) {
            return Ok(History::new(head, target, Vec::new()));
        }
        let format = parse::commit_format(false);
        let range = format!("{head}...{target}");
        let args =
            ["log", "-z", "--topo-order", "--encoding=UTF-8", "--no-show-signature", &format, "--stdin"];
        // By standard input: a host with many releases would not fit an argument list.
        let revisions = [range.as_str()].into_iter().chain(matter.iter().map(Oid::as_str));
        let revisions = revisions.flat_map(|revision| [revision, "\n"]).collect::<String>();
        let said = self.read_only("list commits", &args, Some(revisions.into_bytes()))?;
        Ok(History::new(head, target, parse::commits(&said.stdout, false)?))
    }

    /// Commits in HEAD but not in the one where the last record left it.
    fn since(&self, left_at: &Oid, head: &Oid) -> Result<Vec<Commit>, GitError> {
        let format = parse::commit_format(false);
        let range = format!("{left_at}..{head}");
        let args = ["log", "-z", "--topo-order", "--encoding=UTF-8", &format, "--end-of-options", &range];
        let said = self.read_only("list commits since the last release", &args, None)?;
        Ok(parse::commits(&said.stdout, false)?.into_iter().map(|linked| linked.commit).collect())
    }

    fn changed(&self, base: &Oid, target: &Oid) -> Result<Vec<String>, GitError> {
        if base == target {
            return Ok(Vec::new());
        }
        let args =
            ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", "--end-of-options"];
        let args: Vec<&str> = args.into_iter().chain([base.as_str(), target.as_str()]).collect();
        Ok(parse::names(&self.read_only("list changed files", &args, None)?.stdout))
    }

    fn last_move(&self) -> Result<Option<HeadMove>, GitError> {
        let args =
            ["log", "-g", "-z", "-n", "200", "--date=unix", "--encoding=UTF-8", parse::REFLOG_FORMAT, "HEAD"];
        parse::newest_move(&self.read_only("read the reflog", &args, None)?.stdout)
    }

    /// The newest commit of HEAD's history with HEAD's own content, our revert commits at its end not counted.
    fn before_reverts(&self, head: &Oid) -> Result<Option<Oid>, GitError> {
        let args = [
            "log",
            "-z",
            "-n",
            "20000",
            "--topo-order",
            "--format=%H%x00%T",
            "--end-of-options",
            head.as_str(),
        ];
        let line = parse::trees(&self.read_only("look before our reverts", &args, None)?.stdout)?;
        let Some((_, content)) = line.first() else { return Ok(None) };
        Ok(line.iter().skip(1).find(|(_, tree)| tree == content).map(|(commit, _)| commit.clone()))
    }

    fn trouble(&self, why: &str, way_out: &str) -> Blocker {
        let fact = format!("`{}` {why}", self.root().display());
        Blocker::new(ReasonCode::CheckoutUnfit, fact).way_out(way_out)
    }
}

fn incoming(look: &Look) -> String {
    format!("{INCOMING_REFS}{}", look.branch)
}

fn local(branch: &BranchName) -> String {
    format!("refs/heads/{branch}")
}

fn tips(look: &Look, found: &BTreeMap<String, Found>) -> BTreeMap<BranchName, Oid> {
    let tip = |branch: &BranchName| Some((branch.clone(), found.get(&local(branch))?.commit.clone()?));
    look.branches.iter().filter_map(tip).gather()
}

fn tracking(look: &Look) -> String {
    let remote: String = look.remote.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    format!("refs/remotes/{remote}/{}", look.branch)
}

fn trees(found: &BTreeMap<String, Found>) -> BTreeMap<Oid, Oid> {
    found.values().filter_map(|found| Some((found.commit.clone()?, found.tree.clone()?))).gather()
}
