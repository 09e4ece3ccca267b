//! The console: pages for people, made here and complete without a script. It calls what the API calls, and a change goes
//! the same way: shown as a plan, confirmed, run as a command line of this program.

mod acting;
mod assets;
mod audit;
mod beginning;
mod diagnosis;
mod door;
mod evidence;
mod incidents;
mod marks;
mod now;
mod page;
mod planned;
mod playbooks;
mod release;
mod releases;
mod remedy;
mod rollout;
mod rollout_acts;
mod rollouts;
mod sign;
mod table;
mod wishes;

pub(super) use door::{answer, is_asked_by_a_browser, tell};
pub(super) use page::Clean;
pub(super) use table::all;
