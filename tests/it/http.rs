//! The face over HTTP: a real server, asked over real sockets, that begins real releases.

mod console;
mod curl;
mod doors;
mod matrix;
mod moments;
mod outlives;
mod proxy;
mod rollouts;
mod runs;
mod schemathesis;
mod server;
mod surfaces;
mod watching;
