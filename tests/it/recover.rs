//! After a failure: what differs, what was seen, what it was, what to do, and whether it helped.

mod diagnose;
mod drift;
mod evidence;
mod incident;
