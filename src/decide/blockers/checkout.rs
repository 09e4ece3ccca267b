//! What the checkout says against a run.

use super::Case;
use crate::decide::course::{Way, left_by_last, unrevert};
use crate::decide::site::same_content;
use crate::decide::typed::Typed;
use crate::model::facts::{BadlySigned, Commit, DirtyFile, Facts, GitFacts, HeadMove, Signature};
use crate::model::phase::Phase;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::settings::SignaturePolicy;

/// How many files or commits are named before the rest is counted.
const NAMED: usize = 20;

/// Uncommitted or untracked files. The first line is the seed's own.
pub(in crate::decide) fn dirty_tree(facts: &Facts) -> Option<Blocker> {
    let dirty = &facts.git.dirty;
    let cut_off = facts.git.cut_off.as_ref();
    // Nobody's work is among the files of a fast-forward of ours that was cut off: the plan finishes it.
    if dirty.is_empty() || cut_off.is_some_and(|cut_off| cut_off.foreign.is_empty()) {
        return None;
    }
    let seed = "[ERROR] Working tree is dirty. Commit, stash or discard before release.";
    let blocker = Blocker::new(ReasonCode::TreeDirty, listed(seed, dirty.iter().map(file_line)))
        .way_out("git status")
        .way_out("often it is somebody's legitimate work that needs committing: look at it first")
        .way_out("ask its owner before stashing or discarding it");
    let Some(cut_off) = cut_off else { return Some(blocker) };
    // Some of it is our own doing, some of it is not: each with the exact command.
    let words: Vec<_> =
        cut_off.foreign.iter().map(|path| shlex::try_quote(path).unwrap_or_default()).collect();
    let foreign = words.join(" ");
    let to = &cut_off.to;
    Some(
        blocker
            .way_out(format!("our own fast-forward to {} was cut off; these files are not its own, or half of them:\ngit diff {to} -- {foreign}", to.short()))
            .way_out(format!("put aside what is to be kept: mkdir -p ../kept && cp -a --parents {foreign} ../kept/"))
            .way_out(format!("then finish the fast-forward: git reset --hard {to}")),
    )
}

fn file_line(file: &DirtyFile) -> String {
    let owner = file.owner.as_deref().map(|owner| format!(", of {owner}")).unwrap_or_default();
    let changed = file.changed_at.map(|at| format!(", changed {}", shown(at))).unwrap_or_default();
    format!("{} {}{owner}{changed}", file.code, file.path)
}

/// A moment, to the second.
pub(in crate::decide) fn shown(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A headline with lines below it; what is too much is counted.
pub(in crate::decide) fn listed(headline: &str, lines: impl ExactSizeIterator<Item = String>) -> String {
    let rest = lines.len().saturating_sub(NAMED);
    let mut text = headline.to_owned();
    for line in lines.take(NAMED) {
        text.push('\n');
        text.push_str(&line);
    }
    if rest > 0 {
        text.push_str("\n… and ");
        text.push_str(&rest.to_string());
        text.push_str(" more");
    }
    text
}

pub(super) fn commit_line(commit: &Commit) -> String {
    format!("{} {} ({}, {})", commit.oid.short(), commit.subject, commit.author, shown(commit.at))
}

fn move_line(moved: &HeadMove) -> String {
    let HeadMove { from, to, who, at, what } = moved;
    format!("HEAD moved {} → {}: {what}, by {who}, {}", from.short(), to.short(), shown(*at))
}

/// HEAD is the target and no service waits. The line is the seed's own.
pub(super) fn nothing_to_release(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    let target = case.course.target.as_ref()?;
    let waits = !case.classified.touched.is_empty()
        || case.request.base.as_ref().is_some_and(|base| base != target)
        || case.course.base != *target;
    // A resume brings nothing in: what stands against it is said by others.
    let resumes = case.request.from.is_some_and(|phase| phase != Phase::Prepare);
    if resumes
        || case.request.anew.is_some()
        || case.course.way != Way::Fresh
        || *target != facts.git.head
        || waits
    {
        return None;
    }
    if facts.git.branch.as_ref() != Some(&case.course.branch) {
        // Another branch at the same commit is still to be checked out.
        return None;
    }
    let source = case.source();
    let seed = format!("[ERROR] already up-to-date with {source} — nothing to release");
    let Some(left) = left_by_last(facts) else {
        return Some(never_recorded(case, &seed));
    };
    if same_content(facts, &left, &facts.git.head) {
        // Said in so many words: nobody should go looking for a pull by hand, or undo the good release.
        let fact = format!("{seed}\nHEAD is what the last release here left, {}", left.short());
        return Some(
            Blocker::new(ReasonCode::NothingToRelease, fact)
                .way_out(format!("push the commits to {source} first, then run the same command again")),
        );
    }
    let blocker = Blocker::new(ReasonCode::NothingToRelease, seed);
    // Pre-pulled: `head-moved` beside it says what came in and how to go on.
    Some(blocker.way_out(format!("somebody pulled before the release: see `{}`", ReasonCode::HeadMoved)))
}

/// Without a record the reflog is all there is.
fn never_recorded(case: &Case<'_>, seed: &str) -> Blocker {
    let facts = case.facts;
    let Some(moved) = &facts.git.last_move else {
        let advice = format!("push the commits to {} first, then run the same command again", case.source());
        let fact = format!("{seed}\nthe reflog knows of no move of HEAD");
        return Blocker::new(ReasonCode::NothingToRelease, fact).way_out(advice);
    };
    let fact = format!("{seed}\n{}", move_line(moved));
    let mut blocker = Blocker::new(ReasonCode::NothingToRelease, fact).way_out("git reflog");
    if loses_nothing(facts) && moved.to == facts.git.head {
        let again = case.again_with("");
        let reset = format!("git reset --hard {}", moved.from);
        blocker = blocker.way_out(format!("{reset} && {again}   (if this was a pull before the release)"));
    }
    blocker
}

/// HEAD is not what the last release, revert or baseline left; on a resume, not what this release left.
pub(super) fn head_moved(case: &Case<'_>) -> Option<Blocker> {
    match case.course.way {
        Way::Resume => moved_since_merge(case),
        // Whether HEAD may be put there again is said by the course itself.
        Way::Again | Way::TakeOver | Way::Anew => None,
        Way::Fresh => moved_since_last(case),
    }
}

fn moved_since_last(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    let left = left_by_last(facts)?;
    let head = &facts.git.head;
    let switched = case.request.branch.is_some() && facts.git.branch == case.request.branch;
    if same_content(facts, &left, head) || switched || case.request.base.is_some() {
        return None;
    }
    if facts.git.branch.is_some()
        && facts.git.branch.as_ref() != Some(&case.course.branch)
        && case.request.branch.is_none()
    {
        // Another branch is checked out: `branch` says so, and that HEAD differs follows from it.
        return None;
    }
    let mut lines: Vec<String> = facts.git.unreleased.iter().map(commit_line).collect();
    lines.extend(facts.git.last_move.as_ref().map(move_line));
    let only_here = only_here(case).unwrap_or_default();
    let headline =
        format!("HEAD is {}, but the last release here left {}{only_here}", head.short(), left.short());
    let mut blocker = Blocker::new(ReasonCode::HeadMoved, listed(&headline, lines.into_iter()));
    if !only_ours(facts) {
        // A base of its own does not help while the branch has commits that are nowhere else: `diverged` says how to go on.
        return Some(blocker.way_out(format!("git log {}..HEAD", case.source())));
    }
    if facts.git.dirty.is_empty() {
        blocker = blocker.way_out(format!("git reset --hard {left} && {}", case.again_with("")));
    }
    Some(blocker.way_out(case.again_with(&format!("--base {left} --reason '…'"))))
}

/// Whether no commit is here alone but those by which releases were taken back.
fn only_ours(facts: &Facts) -> bool {
    facts.git.ahead.iter().all(|commit| commit.reverts.is_some())
}

/// Whether `git reset --hard` would throw away nobody's work.
fn loses_nothing(facts: &Facts) -> bool {
    facts.git.dirty.is_empty() && only_ours(facts)
}

/// How many commits a reset would throw away.
fn only_here(case: &Case<'_>) -> Option<String> {
    let ahead = &case.facts.git.ahead;
    let foreign = ahead.iter().filter(|commit| commit.reverts.is_none()).count();
    let are = if foreign == 1 { "is" } else { "are" };
    (foreign > 0).then(|| format!(", and {} {are} not in {}", counted(foreign), case.source()))
}

fn moved_since_merge(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    let merge = case.facts.history.as_ref()?.state.merge.as_ref()?;
    let head = &facts.git.head;
    if merge == head {
        return None;
    }
    let mut lines: Vec<String> = facts.git.unreleased.iter().map(commit_line).collect();
    lines.extend(facts.git.last_move.as_ref().map(move_line));
    let only_here = only_here(case).unwrap_or_default();
    let (ticket, merge_short) = (&case.request.ticket, merge.short());
    let headline = format!("HEAD is {}, but `{ticket}` left it at {merge_short}{only_here}", head.short());
    let mut blocker = Blocker::new(ReasonCode::HeadMoved, listed(&headline, lines.into_iter()));
    if loses_nothing(facts) {
        blocker = blocker.way_out(format!("git reset --hard {merge} && {}", case.again_with("")));
    }
    Some(blocker.way_out(case.again_with("--take-new-commits")))
}

/// Local commits that are not our own reverts.
pub(super) fn diverged(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    if !case.course.brings_content() || case.course.target.is_none() {
        return None;
    }
    let branch = &case.course.branch;
    if facts.git.branch.as_ref() != Some(branch) {
        return other_branch_diverged(case);
    }
    if facts.git.ahead.is_empty() || case.course.way == Way::Fresh && unrevert(facts).is_some() {
        return None;
    }
    let source = case.source();
    let headline = format!("`{branch}` has {} that {source} lacks", counted(facts.git.ahead.len()));
    let mut blocker =
        Blocker::new(ReasonCode::Diverged, listed(&headline, facts.git.ahead.iter().map(commit_line)))
            .way_out(format!("git log {source}..HEAD"))
            .way_out(format!("have them reviewed and pushed to {source}, then run the same command again"));
    if facts.git.dirty.is_empty() {
        let left =
            left_by_last(facts).filter(|left| facts.git.contains.get(left).is_some_and(|c| c.in_target));
        blocker = blocker.way_out(format!(
            "if nobody needs them: git reset --hard {}",
            left.map_or_else(|| source.clone(), |left| left.to_string())
        ));
    }
    Some(blocker)
}

/// The branch to be switched to exists here with commits of its own: switching would lose them.
fn other_branch_diverged(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    let branch = &case.course.branch;
    let tip = facts.git.branches.get(branch)?;
    let is_safe = case.course.target.as_ref() == Some(tip)
        || facts.git.contains.get(tip).is_none_or(|contained| contained.in_target);
    if is_safe {
        return None;
    }
    let source = case.source();
    let fact = format!("local branch `{branch}` is at {}, which {source} does not contain", tip.short());
    let blocker = Blocker::new(ReasonCode::Diverged, fact)
        .way_out(format!("git log {source}..{branch}"))
        .way_out(format!(
            "git branch -m {branch} {branch}-kept && {}",
            case.again_with(&format!("--branch {branch}"))
        ));
    Some(blocker)
}

fn counted(count: usize) -> String {
    if count == 1 { "1 commit".to_owned() } else { format!("{count} commits") }
}

/// Not on the branch that is released.
pub(super) fn branch(case: &Case<'_>) -> Option<Blocker> {
    let facts = case.facts;
    let configured = &facts.base_settings.git.branch;
    let Some(current) = &facts.git.branch else {
        let known = facts.troubles.iter().any(|trouble| trouble.code == ReasonCode::CheckoutUnfit);
        let fact = format!("no branch is checked out: HEAD is detached at {}", facts.git.head.short());
        return (!known).then(|| {
            Blocker::new(ReasonCode::CheckoutUnfit, fact)
                .way_out(format!("git switch {}", case.course.branch))
        });
    };
    let wanted = &case.course.branch;
    let may_switch = case.course.brings_content() && case.request.branch.is_some() && current == configured;
    if current == wanted || may_switch {
        return None;
    }
    let fact = format!("`{current}` is checked out, and releases come from `{wanted}`");
    let mut blocker = Blocker::new(ReasonCode::Branch, fact);
    if case.request.branch.is_none() && case.course.way == Way::Fresh {
        let released = facts.releases.iter().any(|state| state.branch == *current && state.merge.is_some());
        if released {
            blocker = blocker.way_out(Typed::on(facts).return_to_main());
        }
        blocker = blocker.way_out(case.again_with(&format!("--branch {current}")));
    }
    Some(blocker.way_out(format!("git switch {wanted}")))
}

/// What could not be observed.
pub(super) fn source_unavailable(case: &Case<'_>) -> Vec<Blocker> {
    let facts = case.facts;
    let mut troubles: Vec<Blocker> = facts.troubles.clone();
    let is_said = troubles.iter().any(|trouble| trouble.code == ReasonCode::SourceUnavailable);
    if case.course.target.is_none() && !is_said {
        let source = case.source();
        troubles.push(
            Blocker::new(ReasonCode::SourceUnavailable, format!("{source} cannot be read"))
                .way_out(format!("git fetch {} {}", facts.base_settings.git.remote, case.course.branch))
                .way_out("repair the access, then run the same command again"),
        );
    }
    troubles
}

/// Commits come in that are not signed as required. Our own revert commits are not among them.
pub(super) fn signature(case: &Case<'_>) -> Option<Blocker> {
    let git = &case.facts.git;
    if git.verify_signatures != SignaturePolicy::Require || !case.course.brings_content() {
        return None;
    }
    let first = git.badly_signed.first()?;
    let fact = listed(&unsigned_headline(git), git.badly_signed.iter().map(unsigned_line));
    let blocker =
        Blocker::new(ReasonCode::Signature, fact).way_out(verify_commit(case.facts, &first.commit)).way_out(
            "have each signed by somebody in `allowed_signers` and pushed, then run the same command again",
        );
    Some(blocker)
}

/// What shows how the matter stands with one commit.
fn verify_commit(facts: &Facts, commit: &Commit) -> String {
    let all = [&facts.base_settings.git, &facts.target_settings.git];
    let signers = all.iter().find_map(|settings| settings.allowed_signers.as_ref());
    let signers = signers.map(|file| format!("gpg.ssh.allowedSignersFile={}", file.display()));
    let options = signers.iter().flat_map(|set| ["-c", set.as_str()]);
    let argv = ["git"].into_iter().chain(options).chain(["verify-commit", "-v", commit.oid.as_str()]);
    shlex::try_join(argv).unwrap_or_default()
}

/// What is to be said of commits that are not signed as they should be.
pub(in crate::decide) fn unsigned_headline(git: &GitFacts) -> String {
    match git.badly_signed.len() {
        1 => "1 commit that comes in is not signed by an allowed signer".to_owned(),
        count => format!("{count} commits that come in are not signed by an allowed signer"),
    }
}

fn unsigned_line(badly: &BadlySigned) -> String {
    let what = match badly.signature {
        // Those never come here.
        Signature::Good => "is signed",
        Signature::Missing => "has no signature",
        Signature::Unknown => {
            "is signed with a key that is not, or not at that time, one of an allowed signer"
        }
        Signature::Expired => "is signed with a key or a signature that is out of date or was taken back",
        Signature::Bad => "has a signature that does not fit it: one of them was changed",
    };
    format!("{} {what}", commit_line(&badly.commit))
}

#[cfg(test)]
mod tests {
    use crate::decide::plan_run;
    use crate::decide::testing::*;
    use crate::model::facts::{BadlySigned, Commit, Containment, Facts, Signature};
    use crate::model::reason::ReasonCode as C;
    use crate::model::release::{ReleaseState, Status};
    use crate::model::settings::SignaturePolicy;

    fn quiet() -> Facts {
        scene().with(plain("web")).changed("web/main.py")
    }

    /// Yesterday's release left HEAD at BASE.
    fn released(of: &str) -> ReleaseState {
        ReleaseState { base: oid('0'), merge: Some(oid(BASE)), ..release(of, Status::Succeeded) }
    }

    #[test]
    fn a_dirty_tree_is_said_in_the_seeds_words_and_nobodys_work_is_stashed() {
        let mut facts = quiet();
        facts.git.dirty = vec![dirty("packages/wikijs/theme.css")];
        let decided = plan_run(&facts, &run("1234"));
        insta::assert_snapshot!(said(&decided), @r#"
        tree-dirty: [ERROR] Working tree is dirty. Commit, stash or discard before release.
            ?? packages/wikijs/theme.css, of ann, changed 2026-05-18T08:00:00Z
          → git status
          → often it is somebody's legitimate work that needs committing: look at it first
          → ask its owner before stashing or discarding it
        "#);
    }

    #[test]
    fn nothing_to_release_is_said_in_the_seeds_words() {
        let facts = scene()
            .with(plain("web"))
            .released(ReleaseState { merge: Some(oid(TARGET)), ..released("1200") });
        let decided = plan_run(&facts.head(TARGET), &run("1234"));
        insta::assert_snapshot!(said(&decided), @r#"
        nothing-to-release: [ERROR] already up-to-date with origin/main — nothing to release
            HEAD is what the last release here left, bbbbbbbbbbbb
          → push the commits to origin/main first, then run the same command again
        "#);
    }

    #[test]
    fn without_a_record_the_reflog_says_who_pulled() {
        let mut facts = scene().with(plain("web")).head(TARGET);
        facts.git.last_move = Some(pull(BASE, TARGET));
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        nothing-to-release: [ERROR] already up-to-date with origin/main — nothing to release
            HEAD moved aaaaaaaaaaaa → bbbbbbbbbbbb: pull: Fast-forward, by ann, 2026-05-18T11:00:00Z
          → git reflog
          → git reset --hard aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa && holdpoint run 1234   (if this was a pull before the release)
        "#);
        facts.git.dirty.push(dirty("notes.txt"));
        let text = said(&plan_run(&facts, &run("1234")));
        assert!(!text.contains("reset --hard"), "never on a dirty tree:\n{text}");
    }

    #[test]
    fn a_pre_pulled_tree_meets_both_lines_and_a_base_takes_it_on() {
        let mut facts = quiet().released(released("1200")).head(TARGET);
        facts.git.changed.clear();
        facts.git.last_move = Some(pull(BASE, TARGET));
        facts.git.unreleased = vec![commit(TARGET, "Bump wikijs")];
        let decided = plan_run(&facts, &run("1234"));
        assert_eq!(codes(&decided), [C::NothingToRelease, C::HeadMoved]);
        assert_eq!(
            crate::model::reason::ending_of(&blockers(&decided)),
            crate::model::outcome::Ending::Refused
        );
        insta::assert_snapshot!(said(&decided), @r#"
        nothing-to-release: [ERROR] already up-to-date with origin/main — nothing to release
          → somebody pulled before the release: see `head-moved`
        head-moved: HEAD is bbbbbbbbbbbb, but the last release here left aaaaaaaaaaaa
            bbbbbbbbbbbb Bump wikijs (Ann, 2026-05-18T09:00:00Z)
            HEAD moved aaaaaaaaaaaa → bbbbbbbbbbbb: pull: Fast-forward, by ann, 2026-05-18T11:00:00Z
          → git reset --hard aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa && holdpoint run 1234
          → holdpoint run 1234 --base aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa --reason '…'
        "#);

        facts.git.changed.push("web/main.py".into());
        let mut request = run("1234");
        request.base = Some(oid(BASE));
        assert_eq!(codes(&plan_run(&facts, &request)), [C::ReasonRequired]);
        request.reason = Some("ann pulled by hand".into());
        let plan = plan_run(&facts, &request).unwrap();
        assert_eq!((plan.base, plan.commits.len()), (oid(BASE), 1));
    }

    #[test]
    fn a_commit_that_is_nowhere_else_is_never_offered_to_be_thrown_away() {
        let mut facts = quiet().released(ReleaseState { merge: Some(oid('0')), ..released("1200") });
        facts.git.ahead = vec![commit(BASE, "Hand-made fix")];
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        head-moved: HEAD is aaaaaaaaaaaa, but the last release here left 000000000000, and 1 commit is not in origin/main
          → git log origin/main..HEAD
        diverged: `main` has 1 commit that origin/main lacks
            aaaaaaaaaaaa Hand-made fix (Ann, 2026-05-18T09:00:00Z)
          → git log origin/main..HEAD
          → have them reviewed and pushed to origin/main, then run the same command again
          → if nobody needs them: git reset --hard origin/main
        "#);
    }

    #[test]
    fn a_newer_commit_on_top_of_a_pull_by_hand_is_head_moved_alone() {
        let mut facts = quiet().released(ReleaseState { merge: Some(oid('0')), ..released("1200") });
        facts.git.unreleased = vec![commit(BASE, "Pulled")];
        assert_eq!(codes(&plan_run(&facts, &run("1234"))), [C::HeadMoved]);
        facts.git.trees = [(oid('0'), oid('e')), (oid(BASE), oid('e'))].into();
        assert!(
            plan_run(&facts, &run("1234")).is_ok(),
            "another commit with the same content is where it was left"
        );
    }

    #[test]
    fn local_commits_are_diverged_unless_they_are_our_own_reverts() {
        let mut facts = quiet();
        facts.git.ahead = vec![commit(BASE, "Hand-made fix")];
        let decided = plan_run(&facts, &run("1234"));
        insta::assert_snapshot!(said(&decided), @r#"
        diverged: `main` has 1 commit that origin/main lacks
            aaaaaaaaaaaa Hand-made fix (Ann, 2026-05-18T09:00:00Z)
          → git log origin/main..HEAD
          → have them reviewed and pushed to origin/main, then run the same command again
          → if nobody needs them: git reset --hard origin/main
        "#);

        let revert = Commit { reverts: Some(ticket("1200")), ..commit(BASE, "Revert release 1200") };
        facts.git.ahead = vec![revert];
        facts.git.unrevert_to = Some(oid('0'));
        facts.git.contains.insert(oid('0'), Containment { in_head: true, in_target: true });
        let state =
            ReleaseState { base: oid('0'), merge: Some(oid('1')), ..release("1200", Status::Reverted) };
        facts.git.trees = [(oid('0'), oid('e')), (oid(BASE), oid('e'))].into();
        let plan = plan_run(&facts.released(state), &run("1234")).unwrap();
        let steps: Vec<&str> =
            plan.steps.iter().map(|step| step.name.as_str()).filter(|n| n.starts_with("git.")).collect();
        assert_eq!(steps, ["git.unrevert", "git.merge"]);
        assert_eq!(plan.base, oid('0'), "BASE is a commit that stays, not the revert that is taken back");
    }

    #[test]
    fn another_branch_is_released_only_when_it_is_named() {
        let mut facts = quiet();
        facts.git.branch = Some("hotfix/1".parse().unwrap());
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        branch: `hotfix/1` is checked out, and releases come from `main`
          → holdpoint run 1234 --branch hotfix/1
          → git switch main
        "#);

        let mut hotfix = quiet();
        hotfix.git.release_branch = "hotfix/1".parse().unwrap();
        let mut request = run("1234");
        request.branch = Some("hotfix/1".parse().unwrap());
        let plan = plan_run(&hotfix, &request).unwrap();
        assert!(plan.steps.iter().any(|step| step.name.as_str() == "git.switch"));
        assert_eq!(plan.branch.as_str(), "hotfix/1");

        hotfix.git.branches.insert("hotfix/1".parse().unwrap(), oid('9'));
        hotfix.git.contains.insert(oid('9'), Containment { in_head: false, in_target: false });
        assert_eq!(
            codes(&plan_run(&hotfix, &request)),
            [C::Diverged],
            "switching would lose its own commits"
        );

        hotfix.git.branch = Some("hotfix/1".parse().unwrap());
        hotfix.git.branches.clear();
        let plan =
            plan_run(&hotfix.released(ReleaseState { merge: Some(oid('7')), ..released("1200") }), &request)
                .unwrap();
        assert_eq!(plan.base, oid('7'), "switched by hand: BASE is the last release's commit");

        let mut detached = quiet();
        detached.git.branch = None;
        assert_eq!(codes(&plan_run(&detached, &run("1234"))), [C::CheckoutUnfit]);
    }

    #[test]
    fn an_unreadable_remote_is_said_once_beside_everything_else() {
        let mut facts = quiet();
        facts.git.target = None;
        facts.git.dirty = vec![dirty("x")];
        let decided = plan_run(&facts, &run("1234"));
        assert_eq!(codes(&decided), [C::TreeDirty, C::SourceUnavailable]);
    }

    #[test]
    fn signatures_are_wanted_of_all_that_comes_in() {
        let mut facts = quiet();
        facts.git.verify_signatures = SignaturePolicy::Require;
        assert!(plan_run(&facts, &run("1234")).is_ok());
        let badly = |commit: Commit, signature| BadlySigned { commit, signature };
        facts.git.badly_signed = vec![badly(commit(TARGET, "Bump wikijs"), Signature::Missing)];
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        signature: 1 commit that comes in is not signed by an allowed signer
            bbbbbbbbbbbb Bump wikijs (Ann, 2026-05-18T09:00:00Z) has no signature
          → git verify-commit -v bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
          → have each signed by somebody in `allowed_signers` and pushed, then run the same command again
        "#);
        facts.git.badly_signed.extend([
            badly(commit(BASE, "Write more"), Signature::Unknown),
            badly(commit(BASE, "Change it"), Signature::Bad),
            badly(commit(BASE, "Begin"), Signature::Expired),
        ]);
        facts.base_settings.git.allowed_signers = Some("/etc/the signers".into());
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        signature: 4 commits that come in are not signed by an allowed signer
            bbbbbbbbbbbb Bump wikijs (Ann, 2026-05-18T09:00:00Z) has no signature
            aaaaaaaaaaaa Write more (Ann, 2026-05-18T09:00:00Z) is signed with a key that is not, or not at that time, one of an allowed signer
            aaaaaaaaaaaa Change it (Ann, 2026-05-18T09:00:00Z) has a signature that does not fit it: one of them was changed
            aaaaaaaaaaaa Begin (Ann, 2026-05-18T09:00:00Z) is signed with a key or a signature that is out of date or was taken back
          → git -c 'gpg.ssh.allowedSignersFile=/etc/the signers' verify-commit -v bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
          → have each signed by somebody in `allowed_signers` and pushed, then run the same command again
        "#);
        facts.git.verify_signatures = SignaturePolicy::Warn;
        let plan = plan_run(&facts, &run("1234")).unwrap();
        assert!(
            plan.notes.iter().any(|note| note.contains("4 commits") && note.contains("bbbbbbbbbbbb")),
            "{:?}",
            plan.notes
        );
    }
}
