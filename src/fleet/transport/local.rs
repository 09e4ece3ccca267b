//! A project folder on this machine: this very program is started for it.

use super::hands::{FLEET, start, understood};
use crate::model::rollout::{Heard, Offer};
use crate::sys::process::own_program;

/// Tells the project folder of this machine, and hears its answer.
pub fn tell(folder: &str, offer: &Offer) -> Heard {
    let nothing = |why: String| Heard::Nothing { why };
    let binary = match own_program() {
        Ok(binary) => binary.display().to_string(),
        Err(error) => return nothing(error.to_string()),
    };
    match start(vec![binary, FLEET.to_owned(), folder.to_owned()], offer) {
        Ok(said) => understood(&said, offer),
        Err(error) => nothing(error.to_string()),
    }
}
