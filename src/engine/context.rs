//! What every step may use: the host as it was handed to the engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::drivers::Surroundings;
use crate::drivers::git::Git;
use crate::model::facts::RuntimeFacts;
use crate::model::id::AttemptId;
use crate::model::quantity::Span;
use crate::model::redact::Redactor;
use crate::model::spec::CommandSpec;
use crate::store::LockedStore;
use crate::sys::clock::Clock;
use crate::sys::signal::Stop;

use super::sets::OpenSets;

/// The host, held for one run.
pub struct Context<'a> {
    /// The workspace, locked.
    pub store: &'a LockedStore,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Whether a person asked us to stop.
    pub stop: &'a Stop,
    /// Knows the secrets.
    pub redactor: &'a Redactor,
    /// How containers are driven here.
    pub runtime: &'a RuntimeFacts,
    /// The checkout.
    pub git: &'a Git,
    /// The checkout's top and the allow-listed environment every program starts with.
    pub surroundings: &'a Surroundings,
    /// Content of each environment file a command may name, read when the run began.
    pub env_files: BTreeMap<PathBuf, Vec<(String, String)>>,
    /// The attempt.
    pub attempt: AttemptId,
    /// Ends a step that has no limit of its own.
    pub timeout: Span,
    /// Warn about a step that printed nothing for this long.
    pub silence: Span,
    /// Backup sets that this run is filling.
    pub sets: OpenSets,
}

impl Context<'_> {
    /// The complete environment of a command: allow-list, then its environment files, then its own variables.
    pub fn environment_of(&self, command: &CommandSpec) -> BTreeMap<String, String> {
        let mut environment = self.surroundings.env.clone();
        for file in &command.env_files {
            if let Some(values) = self.env_files.get(file) {
                environment.extend(values.iter().cloned());
            }
        }
        environment.extend(command.env.iter().map(|(k, v)| (k.clone(), v.clone())));
        environment
    }
}
