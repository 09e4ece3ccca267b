//! Which containers belong to which of our services.

use std::path::{Path, PathBuf};

use super::resolve::project_name;
use crate::drivers::Surroundings;
use crate::model::id::ServiceName;
use crate::model::spec::ComposeSpec;

/// Labels that compose puts on a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Labels {
    pub(super) project: String,
    pub(super) part: String,
    pub(super) files: String,
    pub(super) folder: String,
    pub(super) is_one_off: bool,
}

/// What distinguishes the containers of one of our services.
#[derive(Debug)]
pub(super) struct Membership<'a> {
    pub(super) service: &'a ServiceName,
    pub(super) project: String,
    spec: &'a ComposeSpec,
    root: PathBuf,
}

impl<'a> Membership<'a> {
    pub(super) fn new(service: &'a ServiceName, spec: &'a ComposeSpec, surroundings: &Surroundings) -> Self {
        let project = project_name(spec, surroundings);
        Self { service, project, spec, root: surroundings.root.clone() }
    }

    /// Compose services that must be there, where the configuration names them.
    pub(super) fn parts(&self) -> Vec<&str> {
        match self.spec.services.as_slice() {
            [] => vec![self.service.as_str()],
            parts if parts.iter().any(|part| part == "*") => Vec::new(),
            parts => parts.iter().map(String::as_str).collect(),
        }
    }

    /// Containers that must run, where a manifest names them.
    pub(super) fn containers(&self) -> &[String] {
        &self.spec.containers
    }

    /// Whether a container is ours: by its labels, also when the same file was started under another project name (a
    /// second stack); or by the name that a manifest gives it.
    pub(super) fn has(&self, name: &str, labels: &Labels) -> bool {
        if self.spec.containers.iter().any(|wanted| wanted == without_hex(name).unwrap_or(name)) {
            return true;
        }
        let is_whole_file = self.spec.services.iter().any(|part| part == "*");
        let is_same_file = self.is_same_file(labels);
        let is_part = if is_whole_file {
            is_same_file || labels.files.is_empty()
        } else {
            self.parts().contains(&labels.part.as_str())
        };
        is_part && (labels.project == self.project || is_same_file)
    }

    /// Whether a container was started from this service's compose file in this checkout. Compose writes the file as it
    /// was given on its command line: absolute, or relative to a folder inside the checkout.
    fn is_same_file(&self, labels: &Labels) -> bool {
        let file = self.root.join(&self.spec.file);
        labels.files.split(',').map(Path::new).any(|given| {
            if given.is_absolute() {
                return given == file;
            }
            !labels.files.is_empty()
                && Path::new(&labels.folder).starts_with(&self.root)
                && file.ends_with(given)
        })
    }
}

/// The name behind `<hex>_name`, what an interrupted recreate leaves behind.
pub(super) fn without_hex(name: &str) -> Option<&str> {
    let (hex, rest) = name.split_once('_')?;
    let is_hex = hex.len() == 12 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (is_hex && !rest.is_empty()).then_some(rest)
}
