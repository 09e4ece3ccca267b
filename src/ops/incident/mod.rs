//! `incident open|capture|verify|resolve|show|list`: from a symptom in words to the proof that it is over (seed 002).

mod look;
mod recovery;
mod verbs;

pub use verbs::{Ending, Opening, capture, list, open, resolve, show, verify};
