//! Previews: a branch of somebody's, run beside production and never in its way (seed 001).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{BranchName, IdError, Oid, ServiceName, shown, text_id};

/// The format of `preview.json` that this version writes.
pub const PREVIEW_FORMAT: u32 = 1;

/// The label that marks what a preview owns; its value is that of [`PreviewId`].
pub const PREVIEW_LABEL: &str = "holdpoint.preview";

/// The label with the checkout that a preview belongs to; its value is a digest of the project root.
pub const PREVIEW_ROOT_LABEL: &str = "holdpoint.preview.root";

/// What a preview was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PreviewKind {
    /// A pull request.
    Pr,
    /// A branch.
    Branch,
    /// A commit for the time being.
    Source,
}

impl PreviewKind {
    /// Every kind.
    pub const ALL: [PreviewKind; 3] = [PreviewKind::Pr, PreviewKind::Branch, PreviewKind::Source];

    /// The word on the command line and in names.
    pub const fn word(self) -> &'static str {
        match self {
            PreviewKind::Pr => "pr",
            PreviewKind::Branch => "branch",
            PreviewKind::Source => "source",
        }
    }
}

impl FromStr for PreviewKind {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wanted = Self::ALL.into_iter().find(|kind| kind.word() == text);
        wanted.ok_or_else(|| IdError::Record {
            given: shown(text),
            what: "a type of preview: write `pr`, `branch` or `source`",
        })
    }
}

/// What a person calls a preview of a type: `[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?`, because it names a folder and a compose
/// project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct PreviewName(String);
text_id!(PreviewName);

impl FromStr for PreviewName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let good = (1..=40).contains(&text.len())
            && text.chars().all(|c| is_plain(c) || c == '-')
            && text.starts_with(is_plain)
            && text.ends_with(is_plain);
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(IdError::Record {
            given: shown(text),
            what: "an id of a preview: write 1 to 40 lower-case letters, digits and `-` (`feature/x` is `feature-x`)",
        })
    }
}

/// A preview: its type and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct PreviewId {
    /// What for.
    #[serde(rename = "type")]
    pub kind: PreviewKind,
    /// Which.
    pub id: PreviewName,
}

impl PreviewId {
    /// The name of its compose project.
    pub fn project(&self) -> String {
        format!("preview-{self}")
    }

    /// As it is typed.
    pub fn typed(&self) -> String {
        format!("--type {} --id {}", self.kind.word(), self.id)
    }
}

impl fmt::Display for PreviewId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.kind.word(), self.id)
    }
}

impl FromStr for PreviewId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (kind, id) = text.split_once('-').ok_or_else(|| IdError::Record {
            given: shown(text),
            what: "a preview: write `pr-12`, `branch-NAME` or `source-NAME`",
        })?;
        Ok(Self { kind: kind.parse()?, id: id.parse()? })
    }
}

/// How far a preview has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PreviewStage {
    /// It is being made: some of it may be there.
    Making,
    /// All of it was started.
    Up,
    /// It is being removed: some of it may be gone.
    Cleaning,
}

/// `preview.json`: a preview of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// Form of this value.
    pub format: u32,
    /// Which.
    #[serde(flatten)]
    pub id: PreviewId,
    /// How far it has come.
    pub stage: PreviewStage,
    /// The branch that it was made from, where one was named.
    pub branch: Option<BranchName>,
    /// Its commit.
    pub commit: Oid,
    /// Its services.
    pub services: Vec<ServiceName>,
    /// Who made it.
    pub operator: String,
    /// Why, where somebody said it.
    pub reason: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// `preview up`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewUpRequest {
    /// Which.
    pub id: PreviewId,
    /// The remote's branch to show; none: as the type has it.
    pub branch: Option<BranchName>,
    /// A commit that is known here, instead of a branch.
    pub at: Option<Oid>,
    /// Only these services; none named: all that its configuration names.
    pub services: Vec<ServiceName>,
    /// A file of this host with values for its compose files, instead of production's.
    pub env_file: Option<std::path::PathBuf>,
}

/// What the engine has of a preview's project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PreviewParts {
    /// Containers.
    pub containers: Vec<PreviewContainer>,
    /// Networks, by id.
    pub networks: Vec<String>,
    /// Volumes, by name.
    pub volumes: Vec<String>,
    /// Images that were built for it, by name.
    pub images: Vec<String>,
    /// Things of its project's name that no preview of this checkout made.
    pub foreign: Vec<String>,
}

impl PreviewParts {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty()
            && self.networks.is_empty()
            && self.volumes.is_empty()
            && self.images.is_empty()
            && self.foreign.is_empty()
    }
}

/// A container of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewContainer {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its compose service.
    pub part: String,
    /// `running`, `exited`, …
    pub state: String,
    /// Its own health check's word, where it has one.
    pub health: Option<String>,
    /// Ports of this host, on loopback, that lead to it.
    pub ports: Vec<u16>,
}

/// One preview in `preview list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviewRow {
    /// Which.
    #[serde(flatten)]
    pub id: PreviewId,
    /// Its compose project.
    pub project: String,
    /// `up`, `partly`, `stopped`, `half-up`, `cleaning`, or `unknown` where no engine answers.
    pub state: &'static str,
    /// Where it can be reached, on this host only.
    pub urls: Vec<String>,
    /// Seconds since it was made.
    pub age_seconds: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The branch that it was made from, where one was named.
    pub branch: Option<BranchName>,
    /// Its commit.
    pub commit: Oid,
    /// Its services.
    pub services: Vec<ServiceName>,
    /// Who made it.
    pub operator: String,
    /// Why, where somebody said it.
    pub reason: Option<String>,
    /// Its containers.
    pub containers: Vec<PreviewContainer>,
}

/// One thing that a cleanup proved, or could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProofRow {
    /// What should hold, in words.
    pub what: String,
    /// Whether it does.
    pub holds: bool,
    /// What was seen.
    pub seen: String,
}

/// `preview cleanup`: what it removed and what it proved afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CleanupView {
    /// Which.
    #[serde(flatten)]
    pub id: PreviewId,
    /// Whether all of it is gone and everything else as it was.
    pub clean: bool,
    /// What was looked at.
    pub proof: Vec<ProofRow>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_has_one_spelling_and_names_no_other_path() {
        for good in ["pr-12", "branch-feature-x", "source-a", "pr-0"] {
            let id: PreviewId = good.parse().unwrap();
            assert_eq!(id.to_string(), good);
            assert_eq!(id.project(), format!("preview-{good}"));
        }
        for bad in [
            "12", "pr-", "pr--1", "pr-1-", "pr-A", "pr-a/b", "pr-..", "pr-a.b", "tag-1", "pr-$(x)", "PR-1",
            "pr- 1", "",
        ] {
            assert!(bad.parse::<PreviewId>().is_err(), "{bad}");
        }
        assert!("a".repeat(41).parse::<PreviewName>().is_err());
    }
}
