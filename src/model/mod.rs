//! The words: every value that crosses a layer. Imports nothing of ours and cannot touch the world.

pub mod backup;
pub mod candidate;
pub mod diagnosis;
pub mod drift;
pub mod escape;
pub mod event;
pub mod evidence;
pub mod facts;
pub mod id;
pub mod lint;
pub mod logfmt;
pub mod matching;
pub mod outcome;
pub mod phase;
pub mod plan;
pub mod playbook;
pub mod projection;
pub mod quantity;
pub mod readiness;
pub mod reason;
pub mod redact;
pub mod release;
pub mod request;
pub mod settings;
pub mod spec;
pub mod view;
