//! The face over HTTP: an API for programs and a console for people, on the same verbs as the command line.
//!
//! A route is one value (`route`): its method, its path, who may ask, what is asked and answered. The router, the `OpenAPI`
//! document and the matrix of routes and roles are made from the same list (`routes`), so that none can lack one of them.
//! Looking calls `ops`; changing starts this very program with the command line that a person could have typed
//! (`ops::spawn`), so that what was begun goes on when the server is gone.

mod admission;
mod api;
mod asked;
mod auth;
mod authority;
mod connections;
mod console;
mod crowd;
mod metrics;
mod openapi;
mod problem;
mod route;
mod router;
mod routes;
mod running;
mod serve;
mod shared;
mod stream;

pub use route::{Method, Need};
pub use router::router;
pub use routes::matrix;
pub use serve::{Listen, ServeError, Tls, serve};
pub use shared::{Doors, Shared};
