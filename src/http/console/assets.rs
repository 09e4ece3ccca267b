//! The files that every page uses: built in, so that nothing is asked of anywhere else.

use crate::http::problem::Problem;
use crate::report::html::TIMELINE_STYLE;

use super::page::{Reply, Visit};

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/live.js");
const ICON: &str = include_str!("assets/icon.svg");

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
pub(super) fn style(_: &Visit<'_>) -> Result<Reply, Problem> {
    Ok(Reply::Asset("text/css; charset=utf-8", [STYLE, TIMELINE_STYLE].concat()))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
pub(super) fn script(_: &Visit<'_>) -> Result<Reply, Problem> {
    Ok(Reply::Asset("text/javascript; charset=utf-8", SCRIPT.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of every page")]
pub(super) fn icon(_: &Visit<'_>) -> Result<Reply, Problem> {
    Ok(Reply::Asset("image/svg+xml", ICON.to_owned()))
}
