//! What each kind of action does.

mod backup;
mod commands;
mod effects;
mod health;
mod restore;
mod snapshot;
mod verify;

pub(super) use effects::perform;
