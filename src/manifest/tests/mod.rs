//! What configuration means, and what a person sees when it is wrong.

mod services;
mod settings;
