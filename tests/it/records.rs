//! Our own records: durable, whole, ours alone, and honest about what became of them.

mod damage;
mod full;
mod golden;
mod index;
mod links;
mod modes;
mod syscalls;
mod twice;
