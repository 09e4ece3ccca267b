//! The face in a terminal: parse, dispatch, print. It alone prints errors.

pub mod args;
pub mod console;
pub mod dispatch;
pub mod error;
pub mod exit_code;
pub mod manual;
pub mod terminal;
pub mod watch;

mod entry;

pub use entry::main;
