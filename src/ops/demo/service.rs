//! A service of the demo, run by this binary under a hidden name: it answers `/healthz`, shows its page and its notes,
//! and takes new notes. Its start-up may spoil its own data, as new versions of services sometimes do.

use std::path::PathBuf;

use crate::ops::error::OpsError;
use crate::sys::net::{self, Reply, Request};
use crate::sys::{files, process};

/// Bytes of notes that are read.
const LIMIT: u64 = 1 << 20;

/// What a service of the demo was told on its command line.
#[derive(Debug, Default)]
struct Service {
    name: String,
    image: String,
    port: u16,
    data: PathBuf,
    pid_file: PathBuf,
    page: PathBuf,
    well: bool,
    shortens: bool,
}

/// Runs a service of the demo until it is ended, or until its folder is gone.
///
/// # Errors
/// A usage error for anything that `service.sh` would not say; what could not be read, written or listened on.
pub fn serve(arguments: &[String]) -> Result<(), OpsError> {
    let service = parse(arguments)?;
    process::leave_session();
    if service.shortens {
        service.shorten_notes()?;
    }
    let pid = process::own_pid().to_string();
    files::save_atomic(&service.pid_file, pid.as_bytes(), 0o640)?;
    let mut answer = |request: &Request| service.answer(request);
    // The demo may be killed: without its folder nobody would ever stop this.
    let mut go_on = || files::exists(&service.pid_file);
    net::serve(service.port, &mut answer, &mut go_on).map_err(|error| OpsError::Failed {
        what: format!("{} {error}", service.name),
        hint: "stop what listens there, then start the demo again".to_owned(),
    })
}

fn parse(arguments: &[String]) -> Result<Service, OpsError> {
    let mut service = Service { well: true, ..Service::default() };
    let wrong = |word: &str| OpsError::Usage {
        what: format!("`{word}` means nothing to a service of the demo"),
        hint: "see it work with `holdpoint demo`".to_owned(),
    };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(wrong(&pair.join(" "))) };
        match name.as_str() {
            "--name" => service.name.clone_from(value),
            "--image" => service.image.clone_from(value),
            "--port" => service.port = value.parse().map_err(|_| wrong(value))?,
            "--data" => service.data = PathBuf::from(value),
            "--pid-file" => service.pid_file = PathBuf::from(value),
            "--page" => service.page = PathBuf::from(value),
            "--health" => service.well = value == "ok",
            "--rewrite" => service.shortens = value == "shorten",
            _ => return Err(wrong(name)),
        }
    }
    if service.port == 0 || service.pid_file.as_os_str().is_empty() {
        return Err(wrong(&arguments.join(" ")));
    }
    Ok(service)
}

impl Service {
    fn notes_file(&self) -> PathBuf {
        self.data.join("notes.txt")
    }

    fn notes(&self) -> Result<String, OpsError> {
        let file = self.notes_file();
        if !files::exists(&file) {
            return Ok(String::new());
        }
        Ok(files::read_text(&file, LIMIT)?)
    }

    /// A migration of its data with a defect: every note is cut short.
    fn shorten_notes(&self) -> Result<(), OpsError> {
        let short = |line: &str| line.chars().take(12).chain(['\n']).collect::<String>();
        let notes: String = self.notes()?.lines().map(short).collect();
        Ok(files::save_atomic(&self.notes_file(), notes.as_bytes(), 0o640)?)
    }

    fn answer(&self, request: &Request) -> Reply {
        let (status, body) = match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/healthz") if self.well => (200, format!("{} is well\n", self.image)),
            ("GET", "/healthz") => (503, format!("{} cannot read its configuration\n", self.image)),
            ("GET", "/") => (200, self.front_page()),
            ("POST", "/notes") => match self.take_note(&String::from_utf8_lossy(&request.body)) {
                Ok(()) => (201, "noted\n".to_owned()),
                Err(error) => (500, format!("{error}\n")),
            },
            _ => (404, "nothing here\n".to_owned()),
        };
        Reply { status, body }
    }

    fn front_page(&self) -> String {
        let page = files::read_text(&self.page, LIMIT).unwrap_or_default();
        let notes = self.notes().unwrap_or_default();
        format!("{}\n{page}{notes}", self.image)
    }

    fn take_note(&self, note: &str) -> Result<(), OpsError> {
        let note = note.lines().next().unwrap_or_default();
        let notes = format!("{}{note}\n", self.notes()?);
        Ok(files::save_atomic(&self.notes_file(), notes.as_bytes(), 0o640)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn request(method: &str, path: &str, body: &str) -> Request {
        Request { method: method.to_owned(), path: path.to_owned(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn what_the_start_script_never_says_is_refused() {
        for line in ["", "--port", "--port x", "--name a", "--port 1 --colour red", "--port 0 --pid-file /x"]
        {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
        assert!(parse(&words("--port 1 --pid-file /x --health failing")).is_ok_and(|service| !service.well));
    }

    #[test]
    fn notes_are_kept_and_a_bad_version_cuts_them_short() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service {
            data: folder.path().to_path_buf(),
            image: "tickets:1".into(),
            well: true,
            ..Service::default()
        };
        assert_eq!(service.answer(&request("POST", "/notes", "the printer is on fire\nx")).status, 201);
        assert_eq!(service.answer(&request("GET", "/", "")).body, "tickets:1\nthe printer is on fire\n");
        service.shorten_notes().unwrap();
        assert_eq!(service.notes().unwrap(), "the printer \n");
        assert_eq!(service.answer(&request("GET", "/healthz", "")).status, 200);
        assert_eq!(service.answer(&request("DELETE", "/", "")).status, 404);
    }
}
