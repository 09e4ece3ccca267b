//! A server of a host, and whoever asks it.

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fleet::Fleet;
use crate::support::{Host, Output, Running, wait_until};

/// A running server.
pub(super) struct Server<'a> {
    pub(super) host: &'a Host,
    pub(super) running: Running,
    pub(super) url: String,
    folder: PathBuf,
}

/// What it answered.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) kind: String,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A problem of this status and code.
    #[track_caller]
    pub(super) fn refuses(self, status: u16, code: &str) -> Value {
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        let problem = self.is(status).json();
        assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem:#}");
        problem
    }
}

/// Somebody with a token, or with none.
pub(super) struct Asker {
    url: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
}

impl<'a> Server<'a> {
    /// Serves a host on a free port.
    pub(super) fn of(host: &'a Host) -> Self {
        Self::with(host, &[])
    }

    pub(super) fn with(host: &'a Host, options: &[&str]) -> Self {
        Self::of_folder(host, host.prod(), options)
    }

    /// Serves the desk of a fleet, whose project releases nothing itself.
    pub(super) fn of_desk(fleet: &'a Fleet) -> Self {
        fleet.write("desk/.asd/release.toml", "");
        Self::by(&fleet.ground, fleet.ground.program(), fleet.root().join("desk"), &[])
    }

    /// Serves a host by a process that may have few files open.
    pub(super) fn of_few_files(host: &'a Host, files: u32) -> Self {
        let mut command = host.command("sh", &host.prod());
        let limited = format!("ulimit -n {files}; exec \"$0\" serve --listen 127.0.0.1:0");
        command.args(["-c", &limited, host.program()]);
        Self::listening(host, host.prod(), command)
    }

    fn of_folder(host: &'a Host, folder: PathBuf, options: &[&str]) -> Self {
        Self::by(host, host.program(), folder, options)
    }

    pub(super) fn by(host: &'a Host, program: &str, folder: PathBuf, options: &[&str]) -> Self {
        let mut command = host.command(program, &folder);
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(options);
        Self::listening(host, folder, command)
    }

    fn listening(host: &'a Host, folder: PathBuf, command: Command) -> Self {
        let running = host.starts(command);
        wait_until("the server listens", || running.so_far().contains("listening on"));
        let said = running.so_far();
        let url = said.split_whitespace().find(|word| word.starts_with("http")).unwrap().to_owned();
        Self { host, running, url, folder }
    }

    /// Makes a token and asks with it.
    pub(super) fn token(&self, name: &str, role: &str) -> Asker {
        let mut command = self.host.command(self.host.program(), &self.folder);
        command.args(["token", "create", name, "--role", role, "--json"]);
        let made = Output::of(command).exits(0).json();
        Asker { token: Some(made["token"].as_str().unwrap().to_owned()), ..self.stranger() }
    }

    /// Somebody without one.
    pub(super) fn stranger(&self) -> Asker {
        Asker { url: self.url.clone(), token: None, headers: Vec::new() }
    }
}

impl Asker {
    pub(super) fn header(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { url: self.url.clone(), token: self.token.clone(), headers }
    }

    /// The same, at another server of the host.
    pub(super) fn at(&self, server: &Server<'_>) -> Self {
        Self { url: server.url.clone(), token: self.token.clone(), headers: self.headers.clone() }
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match &self.token {
            Some(token) => request.header("authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    pub(super) fn get(&self, path: &str) -> Reply {
        read(agent().run(self.request("GET", path).body(()).unwrap()).unwrap())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Reply {
        let request = self.request("POST", path).header("content-type", "application/json");
        read(agent().run(request.body(body.to_string()).unwrap()).unwrap())
    }

    pub(super) fn delete(&self, path: &str, body: &Value) -> Reply {
        let mut request = agent().delete(format!("{}{path}", self.url)).force_send_body();
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        read(request.send(body.to_string()).unwrap())
    }

    /// Sends a page's form, these fields of it; where that leads is not followed.
    pub(super) fn form(&self, path: &str, fields: &str) -> Reply {
        let request = self.request("POST", path).header("content-type", "application/x-www-form-urlencoded");
        let agent = agent();
        let request = agent.configure_request(request.body(fields.to_owned()).unwrap());
        let reply = agent.run(request.max_redirects(0).max_redirects_will_error(false).build());
        read(reply.unwrap())
    }

    /// Trades a token for the cookie of a session.
    pub(super) fn signs_in(&self, token: &str) -> String {
        self.signs_in_with(token).split(';').next().unwrap().to_owned()
    }

    /// The same, with all that the server said of the cookie.
    pub(super) fn signs_in_with(&self, token: &str) -> String {
        let config = ureq::Agent::config_builder().max_redirects(0).proxy(None).build();
        let request =
            self.request("POST", "/sign-in").header("content-type", "application/x-www-form-urlencoded");
        let reply = ureq::Agent::new_with_config(config).run(request.body(format!("token={token}")).unwrap());
        let reply = reply.unwrap();
        assert_eq!(reply.status(), 303);
        let cookie = reply.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        cookie
    }

    /// The token's value.
    pub(super) fn value(&self) -> &str {
        self.token.as_deref().unwrap()
    }

    pub(super) fn ask(&self, method: &str, path: &str, body: &Value) -> Reply {
        match method {
            "GET" => self.get(path),
            "DELETE" => self.delete(path, body),
            _ => self.post(path, body),
        }
    }

    /// The events of a stream until it ends: kind, number, data.
    pub(super) fn stream(&self, path: &str) -> Vec<(String, Option<u64>, Value)> {
        let reply = agent().run(self.request("GET", path).body(()).unwrap()).unwrap();
        assert_eq!(reply.status(), 200);
        let mut events = Vec::new();
        let (mut kind, mut id) = (String::new(), None);
        for line in BufReader::new(reply.into_body().into_reader()).lines() {
            let Ok(line) = line else { break };
            if let Some(word) = line.strip_prefix("event: ") {
                word.clone_into(&mut kind);
            } else if let Some(number) = line.strip_prefix("id: ") {
                id = number.parse().ok();
            } else if let Some(data) = line.strip_prefix("data: ") {
                events.push((kind.clone(), id.take(), serde_json::from_str(data).unwrap()));
            }
        }
        events
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_mins(2)))
        .proxy(None)
        .build();
    ureq::Agent::new_with_config(config)
}

fn read(reply: ureq::http::Response<ureq::Body>) -> Reply {
    let status = reply.status().as_u16();
    let kind = reply.headers().get("content-type").and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_owned();
    let mut text = String::new();
    reply.into_body().into_reader().read_to_string(&mut text).unwrap();
    Reply { status, kind, text }
}
