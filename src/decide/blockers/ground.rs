//! What the workspace lies on: locks that may lie hold nobody off.

use std::path::Path;

use crate::model::facts::Facts;
use crate::model::reason::{Blocker, ReasonCode};

/// A workspace on a network filesystem, unless the configuration allows it (design/03). `kind` is what it lies on, where
/// that is one.
pub fn network_filesystem(kind: Option<&str>, allowed: bool, workspace: &Path) -> Option<Blocker> {
    let kind = kind.filter(|_| !allowed)?;
    let fact = format!(
        "{} lies on {kind}, a network filesystem: its locks may lie, so two releases could run at once",
        workspace.display()
    );
    let blocker = Blocker::new(ReasonCode::NetworkFilesystem, fact)
        .way_out("keep the checkout on a local disk: see `df -hT`")
        .way_out("if this is the only host that uses it: `[workspace] allow_network_fs = true` in .asd/release.toml");
    Some(blocker)
}

pub(in crate::decide) fn of(facts: &Facts) -> Option<Blocker> {
    let host = &facts.host;
    network_filesystem(
        host.network_fs.as_deref(),
        facts.base_settings.workspace.allow_network_fs,
        &host.workspace,
    )
}

#[cfg(test)]
mod tests {
    use crate::decide::testing::*;
    use crate::decide::{plan_backup_take, plan_run};
    use crate::model::reason::ReasonCode as C;
    use crate::model::request::BackupTakeRequest;

    #[test]
    fn a_network_filesystem_is_refused_unless_it_is_allowed() {
        let mut facts = scene().with(plain("web")).changed("web/x");
        facts.host.network_fs = Some("nfs".into());
        insta::assert_snapshot!(said(&plan_run(&facts, &run("1234"))), @r#"
        network-filesystem: /srv/app/.asd/workspace lies on nfs, a network filesystem: its locks may lie, so two releases could run at once
          → keep the checkout on a local disk: see `df -hT`
          → if this is the only host that uses it: `[workspace] allow_network_fs = true` in .asd/release.toml
        "#);
        assert_eq!(codes(&plan_backup_take(&facts, &BackupTakeRequest::default())), [C::NetworkFilesystem]);
        facts.base_settings.workspace.allow_network_fs = true;
        assert!(plan_run(&facts, &run("1234")).is_ok());
        assert!(plan_backup_take(&facts, &BackupTakeRequest::default()).is_ok());
    }
}
