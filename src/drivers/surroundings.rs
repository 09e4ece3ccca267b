//! Where other programs are asked.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where other programs are asked: the folder they start in and the whole environment they see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// Project root: the checkout's top, absolute.
    pub root: PathBuf,
    /// The allow-listed environment (design/08), complete: nothing is inherited.
    pub env: BTreeMap<String, String>,
}
