//! A host as every verb finds it: project root, configuration, workspace, and who is asking.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::drivers::Surroundings;
use crate::drivers::git::Git;
use crate::model::redact::Redactor;
use crate::model::settings::Settings;
use crate::model::source::{Overlay, SourceLinks};
use crate::store::{Layout, Sharing, Store};
use crate::sys::clock::{self, Clock, SystemClock};
use crate::sys::{files, process};

use super::error::OpsError;
use super::relinked;
use super::sources;

/// A host and its project.
pub struct Host {
    /// Project root and the environment programs start with.
    pub surroundings: Surroundings,
    /// The configuration as it stands in the working tree, with the remote and branch of now and each service as it was
    /// deployed last: a relinked one counts once a release has read it.
    pub settings: Settings,
    /// What was relinked on this host.
    pub links: SourceLinks,
    /// The workspace, for reading.
    pub store: Store,
    /// Knows the secrets of this host.
    pub redactor: Redactor,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The checkout.
    pub git: Git,
    /// Content of each environment file, by absolute path.
    pub env_files: BTreeMap<PathBuf, Vec<(String, String)>>,
    /// Host name.
    pub name: String,
    /// Who is asking: the login behind sudo, else the user.
    pub operator: String,
    /// Whether the recipes `just release-run …` exist here, so that messages can name them.
    pub just_recipes: bool,
}

/// Names that are never taken from an environment file (design/08): they change how every program loads and runs.
const NEVER_FROM_FILES: [&str; 7] = ["LD_", "BASH_ENV", "IFS", "GIT_", "PYTHONPATH", "ENV", "PATH"];

/// How often a host that cannot be opened is looked at again while somebody is at work on it, and after how long each time.
const LOOKS: usize = 60;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

impl Host {
    /// Finds the project from a folder upwards and reads its configuration. A release replaces files of the checkout, its
    /// own configuration too: while somebody is at work there, what is missing or half there is looked at again.
    ///
    /// # Errors
    /// [`OpsError::NoProject`], [`OpsError::Manifest`] with line and column, or what could not be read.
    pub fn open(start: &Path) -> Result<Self, OpsError> {
        let mut opened = Self::as_it_stands(start);
        for _ in 0..LOOKS {
            if opened.is_ok() {
                break;
            }
            // Asked first: whoever ends while we look has left everything in its place.
            let at_work = is_at_work(start);
            opened = Self::as_it_stands(start);
            if opened.is_ok() || !at_work {
                break;
            }
            clock::pause(BETWEEN_LOOKS);
        }
        opened
    }

    fn as_it_stands(start: &Path) -> Result<Self, OpsError> {
        let root = find_root(start)?;
        let mut settings = sources::of_working_tree(&root, &Overlay::default())?.settings;
        let mut env_files = BTreeMap::new();
        for file in &settings.secrets.env_files {
            if let Some(values) = sources::env_file(&root, file)? {
                env_files.insert(root.join(file), values);
            }
        }
        let redactor = redactor(&settings, &env_files);
        for values in env_files.values_mut() {
            values.retain(|(name, _)| !is_dangerous(name));
        }
        let env = environment(&settings);
        let backups = root.join(&settings.workspace.backups);
        let layout = Layout::new(&root, &backups);
        let sharing = settings.workspace.group.clone().map_or(Sharing::Alone, Sharing::Group);
        let surroundings = Surroundings { root: root.clone(), env };
        let store = Store::open(layout.clone(), sharing);
        let links = store.source_links()?;
        if !links.links.is_empty() {
            let overlay = relinked::as_deployed(&store, &links)?;
            settings = sources::of_working_tree(&root, &overlay)?.settings;
        }
        let ours = [layout.workspace().to_path_buf(), backups];
        Ok(Self {
            git: Git::new(surroundings.clone(), &ours),
            store,
            links,
            redactor,
            clock: Arc::new(SystemClock::default()),
            env_files,
            name: process::host_name(),
            operator: process::operator(),
            just_recipes: has_recipe(&root, "release-run"),
            surroundings,
            settings,
        })
    }

    /// The checkout's top.
    pub fn root(&self) -> &Path {
        &self.surroundings.root
    }

    /// The kind of network filesystem that the workspace lies on, or will once it is made; none: a local one.
    pub fn network_fs(&self) -> Option<String> {
        let workspace = self.store.layout().workspace();
        files::is_network_fs(workspace.ancestors().find(|folder| files::exists(folder))?)
    }

    /// How a verb is typed on this host: `just release-run 1234`, else `holdpoint run 1234`.
    pub fn typed(&self, verb: &str, rest: &str) -> String {
        let verb = match (self.just_recipes, verb) {
            (true, "run") => "just release-run",
            (true, "revert") => "just release-revert",
            (true, "state") => "just release-state",
            (true, "return-to-main") => "just release-return-to-main",
            (true, "status") => "just status",
            (true, "logs") => "just logs",
            (_, "configure") if has_recipe(&self.surroundings.root, &format!("@{rest}-configure ")) => {
                return format!("just {rest}-configure");
            }
            (_, verb) => return format!("holdpoint {verb} {rest}").trim_end().to_owned(),
        };
        format!("{verb} {rest}").trim_end().to_owned()
    }
}

/// The allow-listed environment; scripts find this very binary behind everything else that the host has on its path.
fn environment(settings: &Settings) -> BTreeMap<String, String> {
    let mut env = process::base_environment(&settings.run.env);
    let own = process::own_binary().ok().and_then(|binary| Some(binary.parent()?.display().to_string()));
    if let (Some(path), Some(own)) = (env.get_mut("PATH"), own)
        && !path.split(':').any(|folder| folder == own)
    {
        path.push(':');
        path.push_str(&own);
    }
    env
}

/// Whether somebody is at work on the host that this folder belongs to. Its configuration is not asked.
fn is_at_work(start: &Path) -> bool {
    let Ok(start) = files::absolute(start) else { return false };
    let layouts = start.ancestors().map(|root| Layout::new(root, root));
    let mut there = layouts.filter(|layout| files::exists(layout.workspace()));
    let store = there.next().map(|layout| Store::open(layout, Sharing::Alone));
    store.is_some_and(|store| store.runner_alive().unwrap_or(false))
}

fn find_root(start: &Path) -> Result<PathBuf, OpsError> {
    let start = files::absolute(start).map_err(|_| OpsError::Usage {
        what: format!("`{}` is no folder that can be read", start.display()),
        hint: "name the project's folder: `holdpoint -C DIR …`".to_owned(),
    })?;
    // A host with records stays the one that is meant while its configuration is gone: never a project around it.
    let marked = |folder: &&Path| {
        let records = Layout::new(folder, folder).releases();
        files::exists(&folder.join(sources::RELEASE_TOML)) || files::exists(&records)
    };
    let root = start.ancestors().find(marked).ok_or(OpsError::NoProject { start: start.clone() })?;
    if is_preview(root) {
        return Err(OpsError::Usage {
            what: format!(
                "`{}` is the work tree of a preview: nothing is released from there",
                root.display()
            ),
            hint: "go to the checkout of production; `holdpoint preview list` there shows previews"
                .to_owned(),
        });
    }
    Ok(root.to_path_buf())
}

/// Whether a folder lies where a host keeps its previews: its configuration names production's containers.
fn is_preview(root: &Path) -> bool {
    let parts: Vec<_> = root.components().map(std::path::Component::as_os_str).collect();
    parts.windows(3).any(|part| part == [".asd", "workspace", "previews"])
}

fn redactor(settings: &Settings, env_files: &BTreeMap<PathBuf, Vec<(String, String)>>) -> Redactor {
    let values = env_files.values().flatten().cloned();
    let own = settings.run.env.iter().filter_map(|name| Some((name.clone(), process::env(name)?)));
    Redactor::new(values.chain(own), &settings.secrets.names)
}

fn is_dangerous(name: &str) -> bool {
    NEVER_FROM_FILES.iter().any(|bad| name == *bad || (bad.ends_with('_') && name.starts_with(bad)))
}

/// Whether a file of recipes on this host has these words in it.
fn has_recipe(root: &Path, words: &str) -> bool {
    let names = ["justfile", "Justfile", ".justfile", "release.just"];
    let holds =
        |name: &str| files::read_text(&root.join(name), 1 << 20).is_ok_and(|text| text.contains(words));
    names.iter().any(|name| holds(name))
}
