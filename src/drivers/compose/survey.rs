//! Everything on this host that compose made, whether a service of ours answers for it or not.

use std::path::{Path, PathBuf};

use super::ComposeError;
use super::containers::composed_containers;
use super::membership::Labels;
use crate::drivers::Surroundings;
use crate::model::facts::ContainerState;

/// A container, and the compose call that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The container.
    pub container: ContainerState,
    /// Compose files it was made from, absolute, in their order; empty where compose did not say.
    pub files: Vec<PathBuf>,
    /// Folder that relative paths in the files start from.
    pub folder: PathBuf,
}

/// Every container on this host that compose made to stay. Two processes.
///
/// # Errors
/// [`ComposeError::Tools`] when the engine does not answer.
pub fn survey(engine: &str, surroundings: &Surroundings) -> Result<Vec<Composed>, ComposeError> {
    let containers = composed_containers(engine, surroundings)?;
    let to_stay = containers.into_iter().filter(|(_, labels)| !labels.is_one_off);
    Ok(to_stay.map(|(container, labels)| composed(container, &labels)).collect())
}

fn composed(container: ContainerState, labels: &Labels) -> Composed {
    let folder = Path::new(&labels.folder);
    let files = labels.files.split(',').map(str::trim).filter(|file| !file.is_empty());
    Composed { container, files: files.map(|file| folder.join(file)).collect(), folder: folder.to_path_buf() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_absolute_however_compose_was_given_them() {
        let labels = Labels {
            files: "packages/wiki/docker-compose.yml,/etc/app/extra.yml".into(),
            folder: "/srv/app".into(),
            ..Labels::default()
        };
        let seen = composed(ContainerState::default(), &labels);
        let wanted = ["/srv/app/packages/wiki/docker-compose.yml", "/etc/app/extra.yml"].map(PathBuf::from);
        assert_eq!(seen.files, wanted);
        assert!(composed(ContainerState::default(), &Labels::default()).files.is_empty());
    }
}
