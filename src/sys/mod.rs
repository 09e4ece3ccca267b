//! The world: the only clock, files, processes, sockets and signals. Everything above asks here, so that everything can be asked
//! in one way, every error says the verb and the path, and only clock and processes are ever faked.

mod beside;
pub mod clock;
pub mod fake;
pub mod files;
pub mod folder;
pub mod net;
pub mod plant;
pub mod process;
pub mod random;
pub mod screen;
pub mod signal;
pub mod supervise;
pub(crate) mod sync;
pub mod syslog;

pub use beside::{Beside, Work, beside, hand_over};
pub use files::FileError;
