//! Git commands that change the checkout.

use std::path::Path;

use crate::model::gather::Gather;
use crate::model::id::{BranchName, Oid, TicketId};
use crate::model::spec::{CommandSpec, GIT_ENVIRONMENT, GIT_HARDENING, REVERT_TRAILER};

/// Git, hardened (design/04), with further arguments.
fn git<'a>(root: &Path, args: impl IntoIterator<Item = &'a str>) -> CommandSpec {
    let mut command = CommandSpec::new(GIT_HARDENING.iter().copied().chain(args), root);
    command.env =
        GIT_ENVIRONMENT.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).gather();
    command
}

/// Moves the branch forward to a commit; nothing but a fast-forward, and no ignored file (`.env`) is written over.
pub(in crate::decide) fn merge(root: &Path, target: &Oid) -> CommandSpec {
    let args = ["merge", "--ff-only", "--no-verify-signatures", "--no-autostash", "--no-overwrite-ignore"];
    git(
        root,
        args.into_iter().chain(["--no-edit", "--no-stat", "--quiet", "--end-of-options", target.as_str()]),
    )
}

/// Brings a fast-forward to its end that was cut off: every file in the tree is known to be as before it or as after it.
pub(in crate::decide) fn finish(root: &Path, target: &Oid) -> CommandSpec {
    git(root, ["reset", "--hard", "--quiet", "--end-of-options", target.as_str()])
}

/// Puts a branch on a commit and checks it out.
pub(in crate::decide) fn switch(root: &Path, branch: &BranchName, target: &Oid) -> CommandSpec {
    let args =
        ["switch", "--quiet", "--no-guess", "--no-track", "--no-overwrite-ignore", "-C", branch.as_str()];
    git(root, args.into_iter().chain(["--end-of-options", target.as_str()]))
}

/// Checks a branch out where it is. A branch name never begins with `-` (`BranchName` refuses it).
pub(in crate::decide) fn switch_back(root: &Path, branch: &BranchName) -> CommandSpec {
    git(root, ["switch", "--quiet", "--no-guess", "--no-overwrite-ignore", branch.as_str()])
}

/// Keeps the tip of our own revert commits under a ref, and moves the branch to the commit with the same content.
pub(in crate::decide) fn unrevert(root: &Path, ticket: &TicketId, tip: &Oid, base: &Oid) -> Vec<CommandSpec> {
    let kept = reverted_ref(ticket);
    let reason = format!("holdpoint: revert of {ticket} is taken back");
    vec![
        git(root, ["update-ref", "--create-reflog", "-m", &reason, &kept, tip.as_str()]),
        // Soft: both commits have the same tree, so not a single file is touched.
        git(root, ["reset", "--soft", "--quiet", "--end-of-options", base.as_str()]),
    ]
}

/// Where the tip with our revert commit is kept. A final dot may stand in a ticket id and not in a ref.
fn reverted_ref(ticket: &TicketId) -> String {
    let name = ticket.as_str();
    name.strip_suffix('.').map_or_else(
        || format!("refs/holdpoint/reverted/{name}"),
        |cut| format!("refs/holdpoint/reverted/{cut}_"),
    )
}

/// Who makes a revert commit.
pub(in crate::decide) struct Author<'a> {
    /// The person.
    pub(in crate::decide) operator: &'a str,
    /// The host.
    pub(in crate::decide) host: &'a str,
}

/// One commit whose content is that of BASE; history is never rewritten.
///
/// `also` are later releases that are taken back with it: they are named in the subject, and have a trailer each.
pub(in crate::decide) fn revert(
    root: &Path,
    ticket: &TicketId,
    also: &[TicketId],
    base: &Oid,
    by: &Author<'_>,
) -> Vec<CommandSpec> {
    let others: Vec<&str> = also.iter().map(TicketId::as_str).collect();
    let with = if others.is_empty() { String::new() } else { format!(" (with {})", others.join(", ")) };
    put_back(root, ticket, also, &format!("Revert release {ticket}{with}"), base, by)
}

/// One commit whose content is that of an older one, marked as what takes these tickets back.
pub(in crate::decide) fn put_back(
    root: &Path,
    ticket: &TicketId,
    also: &[TicketId],
    subject: &str,
    base: &Oid,
    by: &Author<'_>,
) -> Vec<CommandSpec> {
    let name = format!("user.name={}", plain(by.operator));
    let email = format!("user.email={}@{}", plain(by.operator), plain(by.host));
    let tickets = std::iter::once(ticket).chain(also);
    let trailers: Vec<String> = tickets.map(|ticket| format!("{REVERT_TRAILER}: {ticket}")).collect();
    let trailers = trailers.join("\n");
    let identity = ["-c", &name, "-c", &email, "-c", "commit.gpgSign=false"];
    let commit = [
        "commit",
        "--quiet",
        "--no-verify",
        "--allow-empty",
        "--cleanup=whitespace",
        "-m",
        subject,
        "-m",
        &trailers,
    ];
    vec![
        git(
            root,
            ["read-tree", "--reset", "-u", "--no-recurse-submodules", "--end-of-options", base.as_str()],
        ),
        git(root, identity.into_iter().chain(commit)),
    ]
}

/// A work tree of its own on a commit, with no branch: the checkout is not touched.
pub(in crate::decide) fn add_worktree(root: &Path, tree: &Path, commit: &Oid) -> CommandSpec {
    let tree = tree.to_string_lossy();
    git(root, ["worktree", "add", "--detach", "--quiet", &tree, commit.as_str()])
}

/// Removes a work tree, whatever is in it.
pub(in crate::decide) fn remove_worktree(root: &Path, tree: &Path) -> CommandSpec {
    let tree = tree.to_string_lossy();
    git(root, ["worktree", "remove", "--force", "--force", &tree])
}

/// Forgets work trees whose folders are gone.
pub(in crate::decide) fn prune_worktrees(root: &Path) -> CommandSpec {
    git(root, ["worktree", "prune"])
}

/// Exits 0 when every tracked file is as in a commit.
pub(in crate::decide) fn is_as_in(root: &Path, commit: &Oid) -> CommandSpec {
    git(root, ["diff", "--quiet", "--no-ext-diff", "--exit-code", "--end-of-options", commit.as_str(), "--"])
}

/// What may stand in an author line: git cuts at `<`, `>` and line ends.
fn plain(text: &str) -> String {
    let good: String = text.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect();
    if good.trim().is_empty() { "unknown".to_owned() } else { good.trim().to_owned() }
}
