//! The workspace: whose it is, who may write there, what it lies on, and how much room there is.

use std::path::{Path, PathBuf};

use crate::decide::floor;
use crate::model::quantity::ByteSize;
use crate::model::view::DoctorRow;
use crate::ops::host::Host;
use crate::ops::inspect::relative;
use crate::sys::{files, process};

use super::row::{bad, warn, well};

/// Free inodes below which a release may fail in the middle of a backup.
const FEW_INODES: u64 = 10_000;

/// Everything about the workspace and the folder of backups.
pub(in crate::ops) fn rows(host: &Host) -> Vec<DoctorRow> {
    let layout = host.store.layout();
    let workspace = layout.workspace();
    let mut rows = vec![permissions(host, workspace)];
    if layout.backups() != workspace.join("backups") && files::exists(layout.backups()) {
        rows.push(permissions(host, layout.backups()));
    }
    rows.extend(filesystem(host));
    rows.push(space(host, "disk", workspace));
    rows.push(space(host, "disk of backups", layout.backups()));
    rows
}

fn permissions(host: &Host, folder: &Path) -> DoctorRow {
    let name = relative(host, folder);
    let check = format!("folder {name}");
    if !files::exists(folder) {
        return well(check, "not there yet: the first release makes it");
    }
    let Ok(mode) = files::mode(folder) else {
        return bad(check, "it cannot be looked at", &[&format!("ls -ld {name}")]);
    };
    if mode & 0o002 != 0 {
        return bad(check, "anybody may write there", &[&format!("chmod o-w {name}")]);
    }
    match &host.settings.workspace.group {
        Some(group) => shared(check, &name, folder, mode, group),
        None => well(check, format!("{:04o}, of {}", mode & 0o7777, owner(folder))),
    }
}

/// `[workspace] group`: every operator of the group must be able to go on where another stopped.
fn shared(check: String, name: &str, folder: &Path, mode: u32, group: &str) -> DoctorRow {
    let Some(wanted) = process::group_id(group) else {
        return bad(
            check,
            format!("`[workspace] group` is `{group}`, and there is no such group"),
            &[&format!("groupadd {group}")],
        );
    };
    if files::group(folder).ok() != Some(wanted) {
        let ways = [format!("chgrp --recursive {group} {name}")];
        return bad(check, format!("it does not belong to the group `{group}`"), &[&ways[0]]);
    }
    if mode & 0o2070 != 0o2070 {
        let way = format!("chmod --recursive g+rwX {name} && find {name} -type d -exec chmod g+s {{}} +");
        return bad(
            check,
            format!("{:04o}: the group may not write, or its files would not be the group's", mode & 0o7777),
            &[&way],
        );
    }
    well(check, format!("{:04o}, of the group {group}", mode & 0o7777))
}

fn owner(folder: &Path) -> String {
    files::owner_name(folder).unwrap_or_else(|| "nobody known".to_owned())
}

fn filesystem(host: &Host) -> Option<DoctorRow> {
    let kind = host.network_fs()?;
    let fact = format!("the workspace lies on {kind}, a network filesystem, whose locks may lie");
    Some(if host.settings.workspace.allow_network_fs {
        warn("filesystem", fact, &[])
    } else {
        bad(
            "filesystem",
            fact,
            &[
                "keep the checkout on a local disk",
                "or `[workspace] allow_network_fs = true`, if only one host uses it",
            ],
        )
    })
}

fn space(host: &Host, check: &str, folder: &Path) -> DoctorRow {
    let space = match files::disk_space(&nearest(folder)) {
        Ok(space) => space,
        Err(error) => return bad(check, error.to_string(), &[]),
    };
    let floor = floor(host.settings.disk, space.total);
    let size = |bytes: u64| ByteSize(bytes).to_string();
    let fact =
        format!("{} of {} are free, {} must stay free", size(space.free), size(space.total), size(floor));
    let prune = ["holdpoint backup prune --dry-run", "holdpoint backup list"];
    if space.free < floor {
        return bad(check, fact, &prune);
    }
    if space.inodes < FEW_INODES {
        return bad(check, format!("{} inodes are free", space.inodes), &prune);
    }
    if space.free < floor.saturating_mul(2) {
        return warn(check, fact, &prune);
    }
    well(check, fact)
}

/// The folder itself, or the nearest one above it that is there.
fn nearest(folder: &Path) -> PathBuf {
    folder.ancestors().find(|path| files::exists(path)).unwrap_or(folder).to_path_buf()
}
