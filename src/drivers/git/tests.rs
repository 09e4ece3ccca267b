//! Promises of the git driver, kept against real repositories.

#![expect(clippy::disallowed_methods, reason = "tests make real files")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use super::testbed::Testbed;
use super::{GitError, Named, Observed};
use crate::model::facts::Containment;
use crate::model::facts::Signature;
use crate::model::id::{BranchName, Oid, TicketId};
use crate::model::reason::ReasonCode;

fn fetched(bed: &Testbed) -> Observed {
    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    git.observe(&Testbed::look()).unwrap()
}

fn subjects(commits: &[crate::model::facts::Commit]) -> Vec<&str> {
    commits.iter().map(|commit| commit.subject.as_str()).collect()
}

fn codes(seen: &Observed) -> Vec<ReasonCode> {
    seen.troubles.iter().map(|trouble| trouble.code).collect()
}

#[test]
fn a_look_sees_head_branch_target_and_what_comes_in() {
    let bed = Testbed::new();
    let head = bed.head("host");
    bed.push("b b", "two");
    let tip = bed.push("dir/c", "three");
    let seen = fetched(&bed);
    let facts = &seen.facts;
    assert_eq!(seen.troubles, []);
    assert_eq!((&facts.head, facts.target.as_ref()), (&head, Some(&tip)));
    assert_eq!(facts.branch.as_ref().map(BranchName::as_str), Some("main"));
    assert_eq!(subjects(&facts.incoming), ["dir/c: three", "b b: two"]);
    assert_eq!(facts.incoming[0].author, "Ada");
    assert_eq!(facts.changed, ["b b", "dir/c"]);
    assert!(facts.ahead.is_empty() && facts.dirty.is_empty() && facts.last_move.is_none());
    assert_eq!(facts.trees.len(), 2);
    assert_eq!(facts.trees[&tip].as_str(), bed.git("dev", &["rev-parse", "HEAD^{tree}"]));
}

#[test]
fn fetching_moves_no_branch_no_tag_and_no_remote_ref() {
    let bed = Testbed::new();
    bed.push("b", "two");
    bed.git("dev", &["tag", "v1"]);
    bed.git("dev", &["push", "-q", "origin", "v1"]);
    bed.git("host", &["config", "remote.origin.tagOpt", "--tags"]);
    bed.git("host", &["config", "fetch.prune", "true"]);
    let before = bed.git("host", &["for-each-ref"]);
    fetched(&bed);
    let after = bed.git("host", &["for-each-ref", "--exclude=refs/holdpoint"]);
    assert_eq!(before, after);
    assert!(!bed.path("host/.git/FETCH_HEAD").exists());
    let ours = bed.git("host", &["for-each-ref", "--format=%(refname)", "refs/holdpoint"]);
    assert_eq!(ours, "refs/holdpoint/incoming/main");
}

#[test]
fn dirty_files_are_named_with_owner_and_time_and_our_workspace_is_not_among_them() {
    let bed = Testbed::new();
    bed.write("host/.asd/workspace/releases/1.env", "ours");
    bed.write("host/a", "changed");
    bed.write("host/new\nline", "x");
    bed.write("host/sub/deep/f", "x");
    bed.write("host/staged", "x");
    bed.git("host", &["add", "staged"]);
    let dirty = fetched(&bed).facts.dirty;
    let seen: Vec<_> = dirty.iter().map(|file| (file.code.as_str(), file.path.as_str())).collect();
    assert_eq!(seen, [(" M", "a"), ("A ", "staged"), ("??", "new\nline"), ("??", "sub/")]);
    assert!(dirty.iter().all(|file| file.owner.is_some() && file.changed_at.is_some()), "{dirty:?}");
}

#[test]
fn deleted_and_renamed_and_conflicting_files_are_dirty() {
    let bed = Testbed::new();
    bed.commit("host", "gone", "x");
    bed.commit("host", "old name", "text that is long enough to be recognised");
    bed.git("host", &["switch", "-q", "-c", "other"]);
    bed.commit("host", "a", "other");
    bed.git("host", &["switch", "-q", "main"]);
    bed.commit("host", "a", "main");
    fs::remove_file(bed.path("host/gone")).unwrap();
    bed.git("host", &["mv", "old name", "new name"]);
    let seen = |bed: &Testbed| -> Vec<_> {
        let dirty = bed.checkout("host").dirty().unwrap();
        dirty.into_iter().map(|file| format!("{} {}", file.code, file.path)).collect()
    };
    assert_eq!(seen(&bed), [" D gone", "A  new name", "D  old name"]);
    bed.git("host", &["reset", "-q", "--hard"]);
    let merge = std::process::Command::new("git")
        .args(["merge", "-q", "other"])
        .current_dir(bed.path("host"))
        .output();
    assert!(!merge.unwrap().status.success());
    assert_eq!(seen(&bed), ["UU a"]);
}

#[test]
fn local_commits_are_ahead_and_containment_follows_the_graph() {
    let bed = Testbed::new();
    let first = bed.head("host");
    let second = bed.push("b", "two");
    bed.git("host", &["pull", "-q"]);
    let local = bed.commit("host", "local", "mine");
    let third = bed.push("c", "three");
    bed.git("dev", &["switch", "-q", "-c", "side", first.as_str()]);
    let side = bed.commit("dev", "s", "side");
    bed.git("dev", &["push", "-q", "origin", "side"]);
    bed.git("host", &["fetch", "-q", "origin", "side"]);
    let unknown: Oid = "1234567890123456789012345678901234567890".parse().unwrap();

    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    let mut look = Testbed::look();
    look.matter = [&first, &second, &local, &third, &side, &unknown].into_iter().cloned().collect();
    look.base = Some(first.clone());
    let facts = git.observe(&look).unwrap().facts;
    assert_eq!(subjects(&facts.ahead), ["local: mine"]);
    assert_eq!(subjects(&facts.incoming), ["c: three"]);
    assert_eq!(facts.changed, ["b", "c"]);
    assert_eq!(facts.changed_since_head, ["c", "local"]);
    let place = |oid: &Oid| {
        let Containment { in_head, in_target } = facts.contains[oid];
        (in_head, in_target)
    };
    assert_eq!([place(&first), place(&second)], [(true, true); 2]);
    assert_eq!([place(&local), place(&third)], [(true, false), (false, true)]);
    assert_eq!([place(&side), place(&unknown)], [(false, false); 2]);
    assert!(facts.trees.contains_key(&side) && !facts.trees.contains_key(&unknown));
    assert_eq!(facts.unrevert_to, None);
}

#[test]
fn our_reverts_at_the_end_are_seen_through() {
    let bed = Testbed::new();
    let base = bed.head("host");
    bed.push("b", "bad");
    let merge = bed.push("c", "bad too");
    bed.git("host", &["pull", "-q"]);
    let revert = bed.revert("host", "1234", &base);
    let tip = bed.push("b", "good");
    let facts = fetched(&bed).facts;
    assert_eq!((&facts.head, facts.target.as_ref()), (&revert, Some(&tip)));
    assert_eq!(facts.ahead.len(), 1);
    assert_eq!(facts.ahead[0].reverts.as_ref().map(TicketId::as_str), Some("1234"));
    assert_eq!(facts.unrevert_to, Some(base.clone()));

    // A second release on top, taken back in one step with the first revert still there.
    let again = bed.revert("host", "1235", &merge);
    let facts = fetched(&bed).facts;
    assert_eq!((&facts.head, facts.ahead.len()), (&again, 2));
    assert_eq!(facts.unrevert_to, Some(merge));

    bed.commit("host", "x", "somebody's own");
    assert_eq!(fetched(&bed).facts.unrevert_to, None);
}

#[test]
fn somebody_elses_pull_is_found_in_the_reflog() {
    let bed = Testbed::new();
    let before = bed.head("host");
    let tip = bed.push("b", "two");
    bed.git("host", &["pull", "-q"]);
    bed.git("host", &["switch", "-q", "-c", "x"]);
    bed.git("host", &["switch", "-q", "main"]);
    let moved = fetched(&bed).facts.last_move.unwrap();
    assert_eq!((&moved.from, &moved.to), (&before, &tip));
    assert_eq!((moved.who.as_str(), moved.what.as_str()), ("Ada <ada@example.com>", "pull -q: Fast-forward"));

    // With something to release, the reflog is read only when HEAD is not where the record left it.
    bed.push("c", "three");
    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    let mut look = Testbed::look();
    look.left_at = Some(tip.clone());
    assert_eq!(git.observe(&look).unwrap().facts.last_move, None);
    look.left_at = Some(before);
    look.branches = ["x", "main", "nope"].map(|name| name.parse().unwrap()).into();
    let facts = git.observe(&look).unwrap().facts;
    assert_eq!(facts.last_move, Some(moved));
    assert_eq!(subjects(&facts.unreleased), ["b: two"]);
    let tips: Vec<_> = facts.branches.iter().map(|(name, oid)| (name.as_str(), oid)).collect();
    assert_eq!(tips, [("main", &tip), ("x", &tip)]);
}

#[test]
fn a_commit_to_stop_at_must_be_on_the_branch() {
    let bed = Testbed::new();
    let second = bed.push("b", "two");
    bed.push("c", "three");
    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    let mut look = Testbed::look();
    look.at = Some(second.clone());
    let seen = git.observe(&look).unwrap();
    assert_eq!((seen.facts.target, seen.troubles.len()), (Some(second), 0));
    assert_eq!(seen.facts.changed, ["b"]);

    look.at = Some(bed.commit("host", "x", "local"));
    let seen = git.observe(&look).unwrap();
    assert_eq!((codes(&seen), seen.facts.target), (vec![ReasonCode::SourceUnavailable], None));
}

#[test]
fn a_remote_that_is_gone_and_a_branch_that_is_not_there_are_told_in_gits_words() {
    let bed = Testbed::new();
    let git = bed.checkout("host");
    let error = git.fetch("origin", &"nope".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("couldn't find remote ref refs/heads/nope"), "{error}");
    fs::rename(bed.path("origin"), bed.path("moved")).unwrap();
    let error = git.fetch("origin", &"main".parse().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("git could not fetch `main` from `origin`: "), "{error}");
    assert_eq!(error.blocker().code, ReasonCode::SourceUnavailable);
    let error = git.fetch("--upload-pack=touch x", &"main".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("not the name of a remote"), "{error}");
    // Without a fetch the remote-tracking branch is the target.
    assert_eq!(git.observe(&Testbed::look()).unwrap().facts.target, Some(bed.head("host")));
    let mut look = Testbed::look();
    look.branch = "nope".parse().unwrap();
    let seen = git.observe(&look).unwrap();
    assert_eq!((codes(&seen), seen.facts.target), (vec![ReasonCode::SourceUnavailable], None));
}

#[test]
fn checkouts_that_cannot_be_released_on_are_told_apart() {
    let bed = Testbed::new();
    let why = |place: &str| match bed.checkout(place).observe(&Testbed::look()) {
        Err(GitError::Unfit { why, .. }) => why,
        other => panic!("{place}: {other:?}"),
    };
    assert_eq!(why("origin"), "is a bare repository");
    fs::create_dir(bed.path("empty")).unwrap();
    assert_eq!(why("empty"), "is not the top of a git checkout");
    bed.git(".", &["init", "-q", "-b", "main", "unborn"]);
    assert_eq!(why("unborn"), "has no commit yet");
    bed.git("unborn", &["config", "core.bare", "true"]);
    assert_eq!(why("unborn"), "is a bare repository");

    bed.git("host", &["checkout", "-q", "--detach"]);
    let seen = fetched(&bed);
    assert_eq!((codes(&seen), seen.facts.branch), (vec![ReasonCode::CheckoutUnfit], None));
    assert_eq!(seen.troubles[0].ways_out, ["git switch main"]);
}

#[test]
fn submodules_are_seen_at_head_and_at_the_target() {
    let bed = Testbed::new();
    let origin = bed.path("origin").display().to_string();
    bed.git("dev", &["submodule", "--quiet", "add", &origin, "module"]);
    bed.push("b", "with a module");
    let seen = fetched(&bed);
    assert_eq!(codes(&seen), [ReasonCode::CheckoutUnfit]);
    assert!(seen.troubles[0].fact.ends_with("has submodules, which are not released"), "{:?}", seen.troubles);
}

#[test]
fn a_shallow_clone_is_fit_while_the_history_that_is_needed_is_there() {
    let bed = Testbed::new();
    let first = bed.head("host");
    bed.push("b", "two");
    let url = format!("file://{}", bed.path("origin").display());
    bed.git(".", &["clone", "-q", "--depth=1", &url, "shallow"]);
    bed.push("c", "three");
    let git = bed.checkout("shallow");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    let seen = git.observe(&Testbed::look()).unwrap();
    assert_eq!((codes(&seen), subjects(&seen.facts.incoming)), (vec![], vec!["c: three"]));
    let mut look = Testbed::look();
    look.matter = [first].into();
    let seen = git.observe(&look).unwrap();
    assert_eq!(codes(&seen), [ReasonCode::CheckoutUnfit]);
    assert_eq!(seen.troubles[0].ways_out, ["git fetch --unshallow origin"]);
}

#[test]
fn a_linked_work_tree_is_a_checkout_like_any_other() {
    let bed = Testbed::new();
    bed.git("host", &["worktree", "add", "-q", "-b", "other", "../linked"]);
    let seen = bed.checkout("linked").observe(&Testbed::look()).unwrap();
    assert_eq!(seen.troubles, []);
    assert_eq!(seen.facts.branch.map(String::from), Some("other".to_owned()));
}

#[test]
fn a_checkout_of_another_user_names_the_command_that_trusts_it() {
    let bed = Testbed::new();
    let chown = std::process::Command::new("chown").args(["-R", "nobody"]).arg(bed.path("host")).status();
    if !chown.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this needs root");
        return;
    }
    match bed.checkout("host").observe(&Testbed::look()) {
        Err(error @ GitError::Unfit { .. }) => {
            let way = format!("git config --global --add safe.directory {}", bed.path("host").display());
            assert_eq!(error.blocker().ways_out, [way]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_that_a_repository_configures_is_run() {
    let bed = Testbed::new();
    let mark = bed.path("mark");
    let script = format!("#!/bin/sh\necho \"$0\" >> {}\ncat\n", mark.display());
    bed.write("evil", &script);
    fs::set_permissions(bed.path("evil"), fs::Permissions::from_mode(0o755)).unwrap();
    let evil = bed.path("evil").display().to_string();
    for hook in ["post-checkout", "reference-transaction", "post-index-change", "fsmonitor-watchman"] {
        symlink(&evil, bed.path(&format!("host/.git/hooks/{hook}"))).unwrap();
    }
    for name in ["core.fsmonitor", "core.pager", "diff.external", "pager.log", "pager.status"] {
        bed.git("host", &["config", name, &evil]);
    }
    bed.git("host", &["config", "log.showSignature", "true"]);
    bed.git("host", &["config", "color.ui", "always"]);
    bed.push("b", "two");
    let seen = fetched(&bed);
    assert_eq!(seen.facts.incoming.len(), 1);
    assert!(!mark.exists(), "{}", fs::read_to_string(&mark).unwrap());
}

#[test]
fn signatures_are_looked_at_when_asked() {
    let bed = Testbed::new();
    let key = bed.path("key").display().to_string();
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("skipped: this needs ssh-keygen");
        return;
    }
    bed.push("unsigned", "x");
    for (name, value) in [("gpg.format", "ssh"), ("user.signingkey", &key), ("commit.gpgsign", "true")] {
        bed.git("dev", &["config", name, value]);
    }
    bed.push("signed", "x");
    let public = fs::read_to_string(format!("{key}.pub")).unwrap();
    bed.write("allowed", &format!("ada@example.com {public}"));
    bed.write("nobody", "");
    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    let seen = git.observe(&Testbed::look()).unwrap().facts;
    let (base, target) = (seen.head, seen.target.unwrap());
    let verdicts = |signers: &str| -> Vec<Signature> {
        let badly = git.badly_signed(&base, &target, Some(&bed.path(signers))).unwrap();
        badly.iter().map(|badly| badly.signature).collect()
    };
    assert_eq!(verdicts("allowed"), [Signature::Missing]);
    assert_eq!(verdicts("nobody"), [Signature::Unknown, Signature::Missing]);
    assert_eq!(git.badly_signed(&target, &target, None).unwrap(), []);
}

#[test]
fn files_of_a_commit_are_listed_and_read_without_touching_the_tree() {
    let bed = Testbed::new();
    bed.write("dev/packages/wiki/compose.yaml", "services: {}\n");
    bed.write("dev/big", &"x".repeat(100_000));
    symlink("big", bed.path("dev/packages/link")).unwrap();
    let tip = bed.push("packages/wiki/run me.sh", "#!/bin/sh\n");
    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();

    let listed = git.list(&tip, &["packages"]).unwrap();
    let names: Vec<_> = listed.iter().map(|e| (e.path.as_str(), e.mode, e.size)).collect();
    let wanted = [
        ("packages/link", 0o120_000, 3),
        ("packages/wiki/compose.yaml", 0o100_644, 13),
        ("packages/wiki/run me.sh", 0o100_644, 10),
    ];
    assert_eq!(names, wanted);
    assert_eq!(git.list(&tip, &[]).unwrap().len(), 5);

    let read = git.read(&tip, &["nope", "packages/wiki/compose.yaml", "packages", "big", "a"]).unwrap();
    let sizes: Vec<_> = read.iter().map(|content| content.as_ref().map(Vec::len)).collect();
    assert_eq!(sizes, [None, Some(13), None, Some(100_000), Some(3)]);
    assert!(!bed.path("host/packages").exists());
}

#[test]
fn an_export_holds_the_tracked_files_of_the_commit() {
    let bed = Testbed::new();
    symlink("a", bed.path("dev/link")).unwrap();
    bed.write("dev/dir/run.sh", "#!/bin/sh\n");
    fs::set_permissions(bed.path("dev/dir/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    let tip = bed.push("dir/deep/file", "content");
    let git = bed.checkout("host");
    git.fetch("origin", &"main".parse().unwrap()).unwrap();
    let into = bed.path("host/.asd/workspace/export");
    assert_eq!(git.export(&tip, &[], &into).unwrap(), 4);
    assert_eq!(fs::read_to_string(into.join("dir/deep/file")).unwrap(), "content");
    assert_eq!(fs::read_link(into.join("link")).unwrap().to_str(), Some("a"));
    assert_eq!(fs::metadata(into.join("dir/run.sh")).unwrap().permissions().mode() & 0o111, 0o110);

    // Once more over what is there, through a symlink that would lead out.
    fs::remove_dir_all(into.join("dir")).unwrap();
    symlink(bed.path("dev"), into.join("dir")).unwrap();
    assert_eq!(git.export(&tip, &["dir"], &into).unwrap(), 2);
    assert!(into.join("dir").symlink_metadata().unwrap().is_dir());
    assert!(git.dirty().unwrap().is_empty());
}

#[test]
fn a_tag_stands_for_its_commit_and_a_branch_is_no_tag() {
    let bed = Testbed::new();
    let first = bed.git("dev", &["rev-parse", "HEAD"]);
    bed.git("dev", &["tag", "v1"]);
    bed.git("dev", &["tag", "-a", "-m", "second", "deep/v1"]);
    bed.git("dev", &["push", "-q", "origin", "--tags"]);
    let (git, origin) = (bed.checkout("host"), bed.path("origin").display().to_string());
    let named = |name: &str| git.named(&origin, name, Duration::from_secs(30)).unwrap();
    let at_first = Named::Tag(first.parse().unwrap());
    assert_eq!(named("v1"), at_first);
    assert_eq!(named("deep/v1"), at_first, "behind the annotation");
    assert_eq!(named("main"), Named::Branch);
    let tags = vec!["deep/v1".to_owned(), "v1".to_owned()];
    assert_eq!(named("v"), Named::Nothing(tags));
    let gone = bed.path("gone").display().to_string();
    assert!(matches!(git.named(&gone, "v1", Duration::from_secs(30)), Err(GitError::Failed { .. })));
}

#[test]
fn a_repository_that_does_not_answer_is_waited_for_only_so_long() {
    let bed = Testbed::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("git://{}/x", silent.local_addr().unwrap());
    let said = bed.checkout("host").named(&url, "v1", Duration::from_millis(500)).unwrap_err().to_string();
    assert!(said.contains("ask the repository for its tags"), "{said}");
}

#[test]
fn a_release_counts_as_undone_once_every_commit_of_it_was_reverted_and_stays_so() {
    let bed = Testbed::new();
    let base = bed.head("host");
    let first = bed.push("b", "one");
    let merge = bed.push("c", "two");
    let git = bed.checkout("dev");
    let undone = |merge: &Oid| git.undone(&base, merge, &bed.head("dev")).unwrap();
    let reverts = |commit: &str| bed.git("dev", &["revert", "--no-edit", commit]);
    assert!(!undone(&merge), "nothing was reverted");
    reverts(merge.as_str());
    assert!(!undone(&merge), "the first of its commits still counts");
    reverts(first.as_str());
    assert!(undone(&merge));
    bed.commit("dev", "d", "later");
    assert!(undone(&merge));
    reverts("HEAD~1");
    assert!(!undone(&merge), "a revert that was reverted takes nothing back");

    // A merge, and all that it brought, with one revert.
    let bed = Testbed::new();
    bed.git("dev", &["switch", "-q", "-c", "side"]);
    bed.commit("dev", "b", "one");
    bed.commit("dev", "c", "two");
    bed.git("dev", &["switch", "-q", "main"]);
    bed.commit("dev", "d", "on this side");
    let base = bed.head("dev");
    bed.git("dev", &["merge", "-q", "--no-ff", "-m", "side", "side"]);
    let merge = bed.head("dev");
    let git = bed.checkout("dev");
    assert!(!git.undone(&base, &merge, &merge).unwrap());
    bed.git("dev", &["revert", "--no-edit", "-m", "1", "HEAD"]);
    assert!(git.undone(&base, &merge, &bed.head("dev")).unwrap());
    // The other side's changes are taken back, and what the merge brought stays.
    bed.git("dev", &["reset", "-q", "--hard", merge.as_str()]);
    bed.git("dev", &["revert", "--no-edit", "-m", "2", "HEAD"]);
    assert!(!git.undone(&base, &merge, &bed.head("dev")).unwrap());
}
