//! Our own records: durable, whole, ours alone, and honest about what became of them.

mod damage;
mod full;
mod index;
mod links;
mod modes;
mod twice;
