//! All that is looked at, in the order in which a person would mend it.

use crate::model::view::DoctorRow;
use crate::ops::error::OpsError;
use crate::ops::host::Host;
use crate::ops::inspect::{Posture, Present};

use super::{images, records, release, tools, workspace};

/// Examines the host. Nothing is changed.
///
/// # Errors
/// When not even the records of this host can be listed.
pub fn doctor(host: &Host) -> Result<Vec<DoctorRow>, OpsError> {
    let present = Present::look(host)?;
    let mut rows = tools::git(host);
    rows.push(tools::configuration(host));
    rows.extend(tools::relinked(host));
    rows.extend(workspace::rows(host));
    rows.push(records::clock(host)?);
    rows.push(records::lock(host, &present));
    rows.extend(records::files(host)?);
    match Posture::observe(host) {
        Ok(seen) => {
            rows.extend(tools::runtime(&seen));
            rows.extend(tools::services(host, &seen));
            rows.extend(records::backups(host, &seen)?);
            rows.extend(images::rows(host, &seen));
            rows.push(records::last_release(host, &seen));
            rows.extend(release::rows(host, &seen));
        }
        Err(error) => rows.push(super::row::bad("records", error.to_string(), &["holdpoint list --reindex"])),
    }
    rows.extend(tools::sessions());
    Ok(rows)
}
