//! What checking playbooks and their samples found, and drafts of new ones.

use schemars::JsonSchema;
use serde::Serialize;

use super::matching::Symptom;
use super::view::NextCommand;

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 when the whole file is meant.
    pub column: usize,
    /// What is wrong and what to write.
    pub what: String,
}

/// `playbook lint` and `playbook test`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckedView {
    /// How many playbooks were looked at.
    pub playbooks: usize,
    /// How many samples were looked at.
    pub samples: usize,
    /// What is wrong, by file and line.
    pub findings: Vec<Finding>,
}

/// A recorded failure: `recovery/samples/<playbook>/<name>.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The file.
    pub file: String,
    /// The playbook that it is of; none: nothing may match it strongly.
    pub playbook: Option<String>,
    /// How it looked.
    pub symptom: Symptom,
}

/// `playbook new --from TICKET`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DraftView {
    /// Id of the draft.
    pub id: String,
    /// Where it lies in the workspace; none in a dry run.
    pub wrote: Option<String>,
    /// Playbook and sample as a patch for `git apply`.
    pub patch: String,
    /// What to type next.
    pub next: Vec<NextCommand>,
}
