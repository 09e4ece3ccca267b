//! The one test binary: what is promised, exercised on the built program. Its folders mirror the promises.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene should say so at once")]
#![expect(clippy::disallowed_methods, reason = "tests make real files and start real programs")]
#![expect(clippy::print_stdout, reason = "what a test prints is shown when it fails")]

mod asking;
mod attempts;
mod cli;
mod docker;
mod faults;
mod fleet;
mod http;
mod input;
mod justfile;
mod mysql;
mod playbooks;
mod postgres;
mod previews;
mod readme;
mod records;
mod recover;
mod runbooks;
mod scenarios;
mod sources;
mod support;
mod tidy;
mod watching;
