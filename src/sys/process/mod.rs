//! Processes: who we are, what programs may see, reading from other programs, and running one in our own place.

mod apart;
mod attached;
mod capture;
mod conversation;
mod environment;
mod identity;
mod stream;

pub use apart::Apart;
pub use attached::attached;
pub(super) use capture::expression;
pub use capture::{Capture, Captured, Ends, ProcessError, capture};
pub use conversation::{Conversation, Said};
pub use environment::{base_environment, env, find_program, whole_environment};
pub(super) use identity::not_found;
pub use identity::{
    Kin, Start, Starter, boot_id, current_folder, group_id, host_name, is_alive, kin, leave_session,
    most_open_files, operator, own_binary, own_pid, own_program, own_user, speak_for, spoken_by, start_time,
    user_name,
};
pub use stream::{GoOn, stream};
