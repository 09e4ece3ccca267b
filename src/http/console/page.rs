//! A page: what it is given, what it answers, and what all of them share.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use askama::Template;
use askama::filters::Escaper;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::http::asked::{Asked, Caller};
use crate::http::problem::Problem;
use crate::http::route::{Method, Need};
use crate::http::shared::Shared;
use crate::model::access::Role;
use crate::model::escape::is_unsafe;
use crate::model::gather::Gather;
use crate::model::id::AttemptId;
use crate::ops::Host;
use crate::sys::process;

/// A page of the console, and who may ask for it.
pub(in crate::http) struct Page {
    pub(in crate::http) method: Method,
    pub(in crate::http) path: &'static str,
    pub(in crate::http) need: Need,
    pub(super) work: fn(&Visit<'_>) -> Result<Reply, Problem>,
}

/// Somebody at the door, and what they came for.
pub(super) struct Visit<'a> {
    pub(super) host: &'a Host,
    pub(super) shared: &'a Shared,
    pub(super) asked: &'a Asked,
    /// What a form of theirs must bring along; empty without a session.
    pub(super) csrf: &'a str,
    /// What the browser said with it.
    pub(super) headers: &'a HeaderMap,
    /// What they came for: path and query; empty where a form was sent.
    pub(super) wanted: &'a str,
    /// From where.
    pub(super) remote: Option<SocketAddr>,
}

/// What is answered.
pub(super) enum Reply {
    /// A page.
    Html(StatusCode, String),
    /// Look there.
    See(String),
    /// Look at this attempt, which a change has begun or concerned.
    Begun(AttemptId),
    /// Somebody has signed in.
    Welcome {
        /// The header that sets their cookie.
        cookie: String,
        /// Where they wanted to go.
        to: String,
        /// Who.
        caller: Caller,
    },
    /// Somebody has signed out.
    Farewell {
        /// The header that takes their cookie back.
        cookie: String,
        /// Where they go.
        to: String,
    },
    /// A file that was built in: its type, and its bytes.
    Asset(&'static str, String),
}

impl Visit<'_> {
    /// Who it is; a page that needs somebody is not reached without.
    pub(super) fn caller(&self) -> Option<&Caller> {
        self.asked.caller.as_ref()
    }

    /// Whether they may change anything.
    pub(super) fn may_act(&self) -> bool {
        self.caller().is_some_and(|caller| caller.role >= Role::Operator)
    }

    /// What a form brought along.
    pub(super) fn form<F: DeserializeOwned>(&self) -> Result<F, Problem> {
        serde_urlencoded::from_bytes(&self.asked.body)
            .map_err(|error| Problem::malformed(format!("the form: {error}")))
    }

    /// What all pages share.
    pub(super) fn frame(&self, title: impl Into<String>, area: &'static str) -> Frame {
        Frame {
            title: title.into(),
            area,
            host: self.host.name.clone(),
            who: self.caller().map(|caller| Who {
                name: caller.name.to_string(),
                role: caller.role.word(),
                may_act: caller.role >= Role::Operator,
                is_admin: caller.role >= Role::Admin,
            }),
            csrf: self.csrf.to_owned(),
            stream: None,
            refresh: None,
        }
    }
}

/// A name of the form's own fields that may be left out.
pub(super) fn given(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What all pages share.
pub(super) struct Frame {
    pub(super) title: String,
    /// Which area is marked in the menu.
    pub(super) area: &'static str,
    pub(super) host: String,
    pub(super) who: Option<Who>,
    pub(super) csrf: String,
    /// The stream that tells when this page is old.
    pub(super) stream: Option<String>,
    /// Seconds after which it is looked at again.
    pub(super) refresh: Option<u32>,
}

impl Frame {
    /// Of a page that is made without a host and for nobody in particular.
    pub(super) fn of_nobody(title: String) -> Self {
        let host = process::host_name();
        Self { title, area: "", host, who: None, csrf: String::new(), stream: None, refresh: None }
    }

    /// Whether whoever is signed in may change anything.
    pub(super) fn may_act(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.may_act)
    }

    /// Whether they may see what everybody asked.
    pub(super) fn is_admin(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.is_admin)
    }
}

/// Who is signed in.
pub(super) struct Who {
    pub(super) name: String,
    pub(super) role: &'static str,
    pub(super) may_act: bool,
    pub(super) is_admin: bool,
}

/// The page as text.
pub(super) fn html(page: &impl Template) -> Result<Reply, Problem> {
    html_as(StatusCode::OK, page)
}

/// The page as text, with another status.
pub(super) fn html_as(status: StatusCode, page: &impl Template) -> Result<Reply, Problem> {
    let text = page.render().map_err(|error| Problem::internal(format!("the page: {error}")))?;
    Ok(Reply::Html(status, text))
}

/// A problem as a page.
#[derive(Template)]
#[template(path = "problem.html")]
pub(super) struct ProblemPage<'a> {
    pub(super) frame: Frame,
    pub(super) problem: &'a Problem,
    /// Where to go from here: address and words.
    pub(super) back: (String, &'static str),
}

/// Text of others in a page: escaped for HTML, and what could hide or reorder is shown as what it is.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Clean;

impl Escaper for Clean {
    fn write_escaped_str<W: fmt::Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_escaped_char(&mut dest, c))
    }

    fn write_escaped_char<W: fmt::Write>(&self, mut dest: W, c: char) -> fmt::Result {
        match c {
            '&' => dest.write_str("&amp;"),
            '<' => dest.write_str("&lt;"),
            '>' => dest.write_str("&gt;"),
            '"' => dest.write_str("&quot;"),
            '\'' => dest.write_str("&#39;"),
            '\n' | '\t' => dest.write_char(c),
            c if is_unsafe(c) => c.escape_unicode().try_for_each(|c| dest.write_char(c)),
            c => dest.write_char(c),
        }
    }
}

/// A query from these pairs, without those that say nothing.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let said: BTreeMap<&str, &str> = pairs.iter().filter(|(_, value)| !value.is_empty()).copied().gather();
    serde_urlencoded::to_string(said).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "<p title=\"{{ text }}\">{{ text }}</p>", ext = "html")]
    struct Told<'a> {
        text: &'a str,
    }

    #[test]
    fn text_of_others_is_escaped_and_cannot_hide() {
        let text = "<b>\"x\"&'\u{202e}\u{1b}[2J\u{200b}";
        let shown = "&lt;b&gt;&quot;x&quot;&amp;&#39;\\u{202e}\\u{1b}[2J\\u{200b}";
        assert_eq!(Told { text }.render().unwrap(), format!("<p title=\"{shown}\">{shown}</p>"));
    }
}
