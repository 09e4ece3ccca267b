//! A tag in a plan: looked up once, when the plan is made. A tag may be moved; the plan stays as it is.

use std::time::Duration;

use crate::drivers::Surroundings;
use crate::drivers::git::{Git, GitError, Named};
use crate::manifest::rollout::{Reference, near_tag};
use crate::model::id::Oid;
use crate::model::reason::{Blocker, ReasonCode};
use crate::ops::error::OpsError;
use crate::sys::process::base_environment;

use super::desk::Desk;

/// How long a repository has to answer.
const WITHIN: Duration = Duration::from_secs(30);

/// The commit that a plan means, and the tag that it came from.
///
/// # Errors
/// A usage error for what is no tag, or where no repository is known; a refusal where the repository cannot be asked.
pub(super) fn resolved(desk: &Desk, reference: Reference) -> Result<(Oid, Option<String>), OpsError> {
    let name = match reference {
        Reference::Commit(oid) => return Ok((oid, None)),
        Reference::Tag(name) => name,
    };
    let git = Git::new(Surroundings { root: desk.root.clone(), env: base_environment(&[]) }, &[]);
    let repository = repository(desk, &git, &name)?;
    let wrong = |why: String| OpsError::Usage {
        what: format!("the plan's `ref` is `{name}`, {why}"),
        hint: whole(&name),
    };
    match git.named(&repository, &name, WITHIN).map_err(|error| unanswered(&repository, &name, &error))? {
        Named::Tag(oid) => Ok((oid, Some(name))),
        Named::Branch => Err(wrong(format!(
            "which is a branch of `{repository}`: a branch moves, and hosts would be told different commits"
        ))),
        Named::Nothing(_) if is_short(&name) => Err(wrong(format!(
            "which is no tag of `{repository}`: a short object id is ambiguous, and may mean another commit tomorrow"
        ))),
        Named::Nothing(tags) => {
            let near = near_tag(&name, tags.iter().map(String::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Err(OpsError::Usage {
                what: format!("the plan's `ref` is `{name}`, which is no tag of `{repository}`{near}"),
                hint: format!(
                    "its tags: `git ls-remote --tags {repository}`; or write the whole object id of the commit"
                ),
            })
        }
    }
}

/// Whether it looks like a part of an object id.
fn is_short(name: &str) -> bool {
    name.len() >= 4 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn whole(name: &str) -> String {
    format!("write the whole object id of the commit: `git rev-parse {name}^{{commit}}` prints it")
}

/// Where the tag is looked up: as `fleet.toml` says, else where it lies.
fn repository(desk: &Desk, git: &Git, name: &str) -> Result<String, OpsError> {
    if let Some(named) = &desk.inventory.repository {
        // `host:path` and `scheme://…` are git's; everything else is a path from the folder of fleet.toml.
        let is_far = named.split('/').next().unwrap_or_default().contains(':');
        return Ok(if is_far { named.clone() } else { desk.root.join(named).display().to_string() });
    }
    match git.top() {
        Ok(top) => return Ok(top.display().to_string()),
        Err(GitError::Unfit { why, .. }) if why.contains("not a git checkout") => {}
        Err(error) => return Err(error.into()),
    }
    Err(OpsError::Usage {
        what: format!(
            "the plan's `ref` is `{name}`, and no repository is known to look that tag up in: fleet.toml lies in none"
        ),
        hint: format!("write `repository = \"URL\"` at the top of fleet.toml; or {}", whole(name)),
    })
}

/// Git could not say.
fn unanswered(repository: &str, name: &str, error: &GitError) -> OpsError {
    let fact = format!("`{repository}` cannot be asked what tag `{name}` stands for: {error}");
    let blocker = Blocker::new(ReasonCode::SourceUnavailable, fact)
        .way_out(format!("see what it says: `git ls-remote {repository} refs/tags/{name}`"))
        .way_out("another one: `repository = \"URL\"` at the top of fleet.toml")
        .way_out(whole(name));
    OpsError::refused(blocker)
}
