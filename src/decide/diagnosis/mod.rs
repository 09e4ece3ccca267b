//! What a failure comes to: kind, likely cause, first action, who takes over, and the narrowest way out (design/05).

mod advice;
mod brought;
mod cause;
mod judge;
mod kind;
mod owner;
mod seen;

pub use judge::judge;
pub use seen::DiagnosisSeen;
