//! Values to text, for people, programs and browsers. Sees only `model` and cannot touch the world.
//!
//! Text for people carries its colours as SGR sequences; `cli::terminal` takes them away where nobody wants them. Every
//! word that came from outside passes [`text::clean`] or [`text::clean_lines`] first, so the only escape sequences in a
//! rendered text are our own.

pub mod columns;
pub mod html;
pub mod human;
pub mod json;
pub mod text;
pub mod timeline;

#[cfg(test)]
mod sample;
mod svg;
