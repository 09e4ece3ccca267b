//! One evidence bundle, as it was kept.

use askama::Template;

use crate::http::api::desk::{self, BundleQuery};
use crate::http::problem::Problem;
use crate::ops::evidence;
use crate::report::human::evidence::{Held, held};

use super::page::{Frame, Reply, Visit, html};

#[derive(Template)]
#[template(path = "evidence.html")]
struct Bundle {
    frame: Frame,
    name: String,
    path: String,
    /// The release it was captured of; none: the host as a whole.
    of: Option<String>,
    held: Held,
}

/// What is in an evidence bundle.
pub(super) fn show(visit: &Visit<'_>) -> Result<Reply, Problem> {
    let asked: BundleQuery = visit.asked.query()?;
    let which = desk::bundle(&asked.bundle)?;
    let view = evidence::show(visit.host, &which)?;
    let of = view.name.split_once('/').map(|(of, _)| of.to_owned()).filter(|of| of != "host");
    let held = held(&view.bundle);
    let frame = visit.frame(format!("Evidence {}", view.name), "releases");
    html(&Bundle { frame, name: view.name, path: view.path, of, held })
}
