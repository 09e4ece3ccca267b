//! Facts about the safety of this host and of ourselves: who may write where, who may ask, what is signed, what lies open.

use chrono::TimeDelta;

use crate::model::settings::SignaturePolicy;
use crate::model::view::DoctorRow;
use crate::ops::doctor::{bad, warn, well, workspace_rows};
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::sys::files;

/// A token that is older than this should be replaced.
const OLD: TimeDelta = TimeDelta::days(180);

/// Where the engine's socket lies.
const SOCKET: &str = "/var/run/docker.sock";

/// Everything that was looked at.
///
/// # Errors
/// When the tokens cannot be read.
pub fn security(host: &Host) -> Result<Vec<DoctorRow>, OpsError> {
    let mut rows = workspace_rows(host);
    rows.extend(secrets(host));
    rows.push(signatures(host));
    rows.push(socket());
    rows.extend(tokens(host)?);
    Ok(rows)
}

/// Files with secrets in them that others can read.
fn secrets(host: &Host) -> Vec<DoctorRow> {
    let row = |file: &std::path::PathBuf| {
        let path = host.root().join(file);
        let check = format!("secrets in {}", file.display());
        let mode = files::mode(&path).ok()?;
        Some(if mode & 0o044 == 0 {
            well(check, format!("{:04o}", mode & 0o7777))
        } else if mode & 0o004 == 0 {
            well(check, format!("{:04o}: its group can read it", mode & 0o7777))
        } else {
            bad(check, "everybody can read it", &[&format!("chmod o-rwx {}", file.display())])
        })
    };
    host.settings.secrets.env_files.iter().filter_map(row).collect()
}

fn signatures(host: &Host) -> DoctorRow {
    match host.settings.git.verify_signatures {
        SignaturePolicy::Require => well("signatures", "only signed commits are released"),
        SignaturePolicy::Warn => warn(
            "signatures",
            "unsigned commits are released with a warning",
            &["`[git] verify_signatures = \"require\"`"],
        ),
        SignaturePolicy::Off => {
            warn("signatures", "nobody looks who made a commit", &["`[git] verify_signatures = \"require\"`"])
        }
    }
}

/// Whoever can write to the engine's socket is root.
fn socket() -> DoctorRow {
    match files::mode(std::path::Path::new(SOCKET)) {
        Ok(mode) if mode & 0o002 != 0 => bad(
            "container engine",
            "everybody can write to its socket, and so be root",
            &[&format!("chmod o-rw {SOCKET}")],
        ),
        Ok(_) => well("container engine", "its socket is its owner's and its group's"),
        Err(_) => well("container engine", "there is no socket"),
    }
}

fn tokens(host: &Host) -> Result<Vec<DoctorRow>, OpsError> {
    let now = host.clock.now();
    let tokens = host.store.tokens()?;
    let good: Vec<_> = tokens.iter().filter(|token| token.is_good(now)).collect();
    let mut rows = vec![well("tokens", format!("{} good, {} made", good.len(), tokens.len()))];
    for token in good.iter().filter(|token| now - token.created_at > OLD) {
        let days = (now - token.created_at).num_days();
        rows.push(warn(
            format!("token of {}", token.name),
            format!("it is {days} days old"),
            &[&format!("holdpoint token revoke {}", token.name)],
        ));
    }
    Ok(rows)
}
