//! The machine dies in the middle of a fast-forward: some files of the release stand in the tree, HEAD is where it was.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Host, Output, binary};

/// A host on which 1234 was killed while git wrote its files; `half` is what git came to.
fn cut(half: &str) -> (Host, String, String) {
    // The outermost first: whoever sees another one die writes that down.
    let with_all_who_wait = "all=; next=$PPID\n    while [ \"$(cat /proc/$next/comm)\" = holdpoint ]; do\n        \
                             all=\"$next $all\"\n        next=$(cut -d' ' -f4 /proc/$next/stat)\n    done\n    \
                             kill -9 $all\n    exit 1";
    let (cut, ended) = cut_by(half, with_all_who_wait);
    assert_eq!(ended.code, None, "{ended}");
    cut
}

/// The same with another death, which comes after `half`.
fn cut_by(half: &str, death: &str) -> ((Host, String, String), Output) {
    let host = Host::new();
    let base = host.head();
    host.commit("1234", &[("docs/new.txt", "new in 1234\n"), ("docs/other.txt", "other\n")]);
    host.ships("1234", "wikijs", "2");
    let target = host.git_at(&host.dev(), ["rev-parse", "HEAD"]).exits(0).stdout.trim().to_owned();
    let bin = host.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let real = host.types("command -v git").exits(0).stdout;
    // In the place of the merge.
    let git = format!(
        "#!/bin/sh\ncase \" $* \" in\n*\" merge --ff-only \"*)\n    {half}\n    {death} ;;\nesac\nexec {} \"$@\"\n",
        real.trim()
    );
    std::fs::write(bin.join("git"), git).unwrap();
    std::fs::set_permissions(bin.join("git"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = host.command(binary(), &host.prod());
    command.args(["run", "1234"]).env("PATH", format!("{}:{path}", bin.display()));
    let ended = Output::of(command);
    std::fs::remove_file(bin.join("git")).unwrap();
    assert_eq!(host.head(), base);
    ((host, base, target), ended)
}

/// What git writes first: a changed file and a new one.
const TWO_FILES: &str = "git show refs/holdpoint/incoming/main:packages/wikijs/image >packages/wikijs/image\n    \
                         mkdir docs; echo 'new in 1234' >docs/new.txt";

#[test]
fn a_cut_off_fast_forward_is_finished_by_the_next_run() {
    let (host, _, target) = cut(TWO_FILES);
    host.git(["status", "--porcelain"]).exits(0).shows("packages/wikijs/image");
    host.run(["run", "1234", "--dry-run"]).exits(0).shows("finish the fast-forward");
    host.run(["run", "1234"]).exits(0);
    assert_eq!((host.head(), host.image("wikijs")), (target, "wikijs:2".into()));
    assert_eq!(host.read("docs/other.txt"), "other\n");
    assert!(
        host.events("1234").contains(&"prepare step-done git.finish".to_owned()),
        "{:?}",
        host.events("1234")
    );
    host.git(["status", "--porcelain"]).exits(0).hides("docs");
}

#[test]
fn a_git_that_was_killed_alone_is_recorded_as_failed_and_finished_just_so() {
    let ((host, _, target), ended) = cut_by(TWO_FILES, "kill -9 $$");
    ended.exits(1).shows("git.merge").shows("`git status` says how the tree is").hides("Nothing was changed");
    host.run(["run", "1234", "--dry-run"]).exits(0).shows("finish the fast-forward");
    host.run(["run", "1234"]).exits(0);
    assert_eq!((host.head(), host.image("wikijs")), (target, "wikijs:2".into()));
}

#[test]
fn a_git_whose_watcher_died_is_finished_once_a_person_says_that_it_may_run_again() {
    let ((host, _, target), ended) = cut_by(TWO_FILES, "kill -9 $PPID; exit 1");
    ended.exits(8).shows("git.merge").shows("what watched `git` is gone");
    let again = ["run", "1234", "--run-again=git.merge", "--from=prepare"];
    let refused = host.run(["run", "1234"]).exits(8);
    refused.shows("step-undecided").shows(&again.join(" ")).hides("tree-dirty");
    std::fs::write(host.prod().join("docs/mine.txt"), "mine").unwrap();
    host.run(again).exits(4).shows("tree-dirty").shows("docs/mine.txt");
    std::fs::remove_file(host.prod().join("docs/mine.txt")).unwrap();
    host.run(again).exits(0);
    assert_eq!((host.head(), host.image("wikijs")), (target, "wikijs:2".into()));
    host.git(["status", "--porcelain"]).exits(0).hides("docs");
}

#[test]
fn a_fast_forward_that_git_refused_is_not_taken_for_one_that_was_cut_off() {
    let ((host, base, _), ended) = cut_by("echo mine >README.md", "exit 1");
    ended.exits(1).shows("git.merge");
    host.run(["run", "1234"]).exits(4).shows("[ERROR] Working tree is dirty.").hides("cut off");
    assert_eq!((host.head(), host.read("README.md")), (base, "mine\n".into()));
}

#[test]
fn somebodys_work_among_it_is_named_and_never_thrown_away() {
    let (host, _, target) = cut(TWO_FILES);
    host.write("README.md", "my work\n");
    host.write("docs/other.txt", "oth");
    host.run(["run", "1234"])
        .exits(4)
        .shows("[ERROR] Working tree is dirty.")
        .shows(&format!("git diff {target} -- README.md docs/other.txt"))
        .shows("cp -a --parents README.md docs/other.txt ../kept/")
        .shows(&format!("git reset --hard {target}"));
    assert_eq!((host.read("README.md"), host.read("docs/other.txt")), ("my work\n".into(), "oth".into()));
    // The commands, as they are shown.
    host.types("mkdir -p ../kept && cp -a --parents README.md docs/other.txt ../kept/").exits(0);
    host.types(&format!("git reset -q --hard {target}")).exits(0);
    assert_eq!(std::fs::read_to_string(host.root().join("kept/README.md")).unwrap(), "my work\n");
    host.run(["run", "1234"]).exits(0);
    assert_eq!((host.head(), host.image("wikijs")), (target, "wikijs:2".into()));
}

#[test]
fn a_lock_that_git_left_is_named_before_anything_is_done() {
    let (host, base, target) = cut(&format!("{TWO_FILES}; : >.git/index.lock"));
    host.run(["run", "1234"])
        .exits(4)
        .shows("index.lock` is there since")
        .shows("pgrep -a git")
        .shows(&format!("rm {}", host.prod().join(".git/index.lock").display()));
    assert_eq!(host.head(), base);
    std::fs::remove_file(host.prod().join(".git/index.lock")).unwrap();
    host.run(["run", "1234"]).exits(0);
    assert_eq!(host.head(), target);
}
