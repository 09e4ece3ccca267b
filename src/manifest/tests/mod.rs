//! What configuration means, and what a person sees when it is wrong.

mod read;
mod services;
mod settings;
