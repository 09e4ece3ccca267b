//! What later releases read: the git remote and branch, each service's folder and image; and what was put in their place
//! on this host (`source relink`, seed 001).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{BranchName, IdError, Oid, ServiceName, shown};
use super::reason::Blocker;
use super::view::NextCommand;

/// The format of `sources.toml` that this version writes.
pub const SOURCES_FORMAT: u32 = 1;

/// One thing that a release reads: `git.remote`, `git.branch`, `<service>.folder`, `<service>.image`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub enum SourceName {
    /// Where commits are fetched from: the name of a remote, or its address.
    Remote,
    /// The branch that is released.
    Branch,
    /// The folder that a service's definition lies in, relative to the project root.
    Folder(ServiceName),
    /// The image that a service runs.
    Image(ServiceName),
}

impl SourceName {
    /// The service it belongs to; none: the checkout's own.
    pub const fn service(&self) -> Option<&ServiceName> {
        match self {
            SourceName::Remote | SourceName::Branch => None,
            SourceName::Folder(service) | SourceName::Image(service) => Some(service),
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceName::Remote => f.write_str("git.remote"),
            SourceName::Branch => f.write_str("git.branch"),
            SourceName::Folder(service) => write!(f, "{service}.folder"),
            SourceName::Image(service) => write!(f, "{service}.image"),
        }
    }
}

impl FromStr for SourceName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let refused = || IdError::Record {
            given: shown(text),
            what: "a source: write `git.remote`, `git.branch`, `SERVICE.folder` or `SERVICE.image`",
        };
        match text.rsplit_once('.') {
            Some(("git", "remote")) => Ok(SourceName::Remote),
            Some(("git", "branch")) => Ok(SourceName::Branch),
            Some((service, "folder")) => Ok(SourceName::Folder(service.parse().map_err(|_| refused())?)),
            Some((service, "image")) => Ok(SourceName::Image(service.parse().map_err(|_| refused())?)),
            _ => Err(refused()),
        }
    }
}

impl TryFrom<String> for SourceName {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<SourceName> for String {
    fn from(name: SourceName) -> String {
        name.to_string()
    }
}

/// One relink, as it is kept: the newest of a source is in force, the older ones are its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Relink {
    /// Which source.
    pub source: SourceName,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom.
    pub by: String,
    /// Why, where somebody said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was read before.
    pub from: String,
    /// What is read since; none: what the configuration says, whatever that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What the configuration itself said at that moment.
    pub own: String,
    /// The address that a remote's name stood for at that moment, without a user or password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The compose service that runs a relinked image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Of all that: see [`SourceRow::fingerprint`].
    pub fingerprint: String,
}

/// `sources.toml`: every relink of this host, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceLinks {
    /// In the order in which they were made.
    pub links: Vec<Relink>,
}

impl SourceLinks {
    /// The relinks that were in force at a moment (none: now). A reset leaves nothing in force.
    pub fn in_force(&self, at: Option<DateTime<Utc>>) -> BTreeMap<&SourceName, &Relink> {
        let mut newest = BTreeMap::new();
        for link in self.links.iter().filter(|link| at.is_none_or(|at| link.at <= at)) {
            newest.insert(&link.source, link);
        }
        newest.retain(|_, link| link.to.is_some());
        newest
    }

    /// Whether a service's definition is or was read from elsewhere than the configuration says.
    pub fn has_services(&self) -> bool {
        self.links.iter().any(|link| link.source.service().is_some())
    }
}

/// What is read instead of what the configuration says, ready to be applied to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overlay {
    /// Remote.
    pub remote: Option<String>,
    /// Branch.
    pub branch: Option<BranchName>,
    /// Folder of each service, relative to the project root.
    pub folders: BTreeMap<ServiceName, PathBuf>,
    /// Image of each service, and the compose file that says it after the service's own.
    pub images: BTreeMap<ServiceName, (String, PathBuf)>,
}

impl Overlay {
    /// Whether it changes nothing of any service.
    pub fn leaves_services(&self) -> bool {
        self.folders.is_empty() && self.images.is_empty()
    }
}

/// What a person wants a source to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelinkTo {
    /// This value.
    Value(String),
    /// What the configuration says.
    Reset,
    /// What it is, with the fingerprint that it has now.
    Fingerprint,
}

/// `source relink`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelinkRequest {
    /// Which source.
    pub source: SourceName,
    /// What it should be.
    pub to: RelinkTo,
    /// What the person believes that it is now; with [`RelinkTo::Fingerprint`] the recorded fingerprint.
    pub expect_current: String,
}

/// `source show`: what the next releases read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourcesView {
    /// This host.
    pub host: String,
    /// The project root.
    pub root: PathBuf,
    /// Every source.
    pub sources: Vec<SourceRow>,
    /// Every relink that was ever made here, newest first.
    pub history: Vec<Relink>,
    /// What stands against the next release reading them.
    pub troubles: Vec<Blocker>,
}

/// One source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceRow {
    /// Which.
    pub source: SourceName,
    /// What is read; none: nothing says it (an image that only a `command` service knows).
    pub current: Option<String>,
    /// Where that stands: the file that configures it, or `relinked`.
    pub provenance: String,
    /// The relink in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relink: Option<Relink>,
    /// The address that the name of a remote stands for, without a user or password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Sixteen hexadecimal digits over what the configuration says, what is read, and the address behind it. A relink keeps
    /// the one of its moment: when the configuration or the address changes under it, they differ.
    pub fingerprint: String,
    /// Whether the relink in force was made for what is there now; without one there is nothing to compare.
    pub valid: bool,
    /// Whether it can be read now; none: it was not asked (`image` of a `command` service).
    pub readable: Option<bool>,
    /// What was found there, or why it cannot be read.
    pub detail: String,
}

/// `source relink`: what was changed, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelinkView {
    /// Which source.
    pub source: SourceName,
    /// What was read.
    pub current: String,
    /// What is read from the next release on.
    pub new: String,
    /// Whether that is what the configuration says.
    pub is_reset: bool,
    /// This host and its project.
    pub environment: String,
    /// What was found where the new one points.
    pub found: String,
    /// The commit that a remote's branch is at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Oid>,
    /// The fingerprint that is kept.
    pub fingerprint: String,
    /// What the person should know.
    pub notes: Vec<String>,
    /// What to type next.
    pub next: Vec<NextCommand>,
    /// Nothing was stored: this was a dry run.
    pub dry_run: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_one_spelling_and_nothing_else_is_one() {
        for good in ["git.remote", "git.branch", "wikijs.image", "my-wiki.folder"] {
            assert_eq!(good.parse::<SourceName>().unwrap().to_string(), good);
        }
        for bad in [
            "git",
            "git.folder",
            "remote",
            "git.",
            ".image",
            "../x.folder",
            "a b.image",
            "wikijs.remote",
            "--x.image",
            "",
        ] {
            assert!(bad.parse::<SourceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_newest_relink_of_a_moment_is_in_force_and_a_reset_ends_it() {
        let at = |second: i64| DateTime::from_timestamp(second, 0).unwrap();
        let link = |second, to: Option<&str>| Relink {
            source: SourceName::Remote,
            at: at(second),
            by: "anna".to_owned(),
            reason: None,
            from: "origin".to_owned(),
            to: to.map(str::to_owned),
            own: "origin".to_owned(),
            address: None,
            part: None,
            fingerprint: String::new(),
        };
        let links = SourceLinks { links: vec![link(10, Some("one")), link(20, Some("two")), link(30, None)] };
        let at_moment = |second| {
            links.in_force(Some(at(second))).get(&SourceName::Remote).and_then(|link| link.to.clone())
        };
        assert_eq!(at_moment(9), None);
        assert_eq!(at_moment(10).as_deref(), Some("one"));
        assert_eq!(at_moment(25).as_deref(), Some("two"));
        assert_eq!(at_moment(30), None);
        assert!(links.in_force(None).is_empty());
    }
}
