//! The texts of the files that `init` writes beside the configuration.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::model::gather::Gather;

/// The operators' recipes, the very file that this repository uses itself.
const RECIPES: &str = include_str!("../../../release.just");

/// The line in `.git/info/exclude`.
pub(super) const EXCLUDED: &str = "/.asd/workspace/";

/// `release.just`, with a recipe for each service's configuration hooks.
pub(super) fn recipes(services: &[String]) -> String {
    let mut text = RECIPES.to_owned();
    let names: BTreeSet<&str> = services.iter().map(String::as_str).filter(|name| is_recipe(name)).gather();
    for name in names {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n# Run the configuration hooks of {name} again\n[group('release')]\n[no-exit-message]\n\
             [positional-arguments]\n@{name}-configure *flags:\n    {{{{ holdpoint }}}} configure {name} \"$@\"\n"
        );
    }
    text
}

/// Whether a service's name can begin a recipe's.
fn is_recipe(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

/// A unit that runs once after a boot.
pub(super) fn boot_unit(root: &Path) -> String {
    let root = root.display();
    format!(
        "# Tells whoever the configuration notifies that a release was interrupted by the crash or the reboot.\n\
         # It is optional: cp {root}/.asd/workspace/holdpoint-interrupted.service /etc/systemd/system/\n\
         #                 systemctl enable holdpoint-interrupted.service\n\
         [Unit]\n\
         Description=Tell that a release was interrupted\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         ConditionPathExists={root}/.asd/release.toml\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         WorkingDirectory={root}\n\
         ExecStart=/usr/bin/env holdpoint -C {root} doctor --notify-interrupted\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_has_its_recipe_once_and_odd_names_have_none() {
        let names = ["wikijs", "wikijs", "9lives", "a b", "redmine"].map(str::to_owned);
        let text = recipes(&names);
        assert!(text.starts_with(RECIPES));
        assert_eq!(text.matches("@wikijs-configure *flags:").count(), 1);
        assert!(text.contains("    {{ holdpoint }} configure redmine \"$@\"\n"));
        assert!(!text.contains("9lives") && !text.contains("a b"));
    }
}
