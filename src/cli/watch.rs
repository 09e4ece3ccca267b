//! Who watches a run: a person at a terminal, a person reading a file later, or a program.
//!
//! A run only drops what happened into a channel; a thread of its own paints. A terminal stopped with Ctrl-S, or a
//! reader that does not read, so never holds a release up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::args::Format;
use super::terminal::{Terminal, To};
use crate::model::event::{EventKind, Progress, RunEvent, Watcher};
use crate::model::id::StepName;
use crate::report::human::events;
use crate::report::json;
use crate::report::text::{Ink, clean, duration, size};
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::hand_over;

/// How often running steps are drawn again.
const BEAT: Duration = Duration::from_millis(120);

/// Progress that waits to be painted beyond this is dropped: events never are.
const BACKLOG: usize = 1_000;

const SPINNER: [&str; 8] = ["⠋", "⠙", "⠸", "⠼", "⠴", "⠦", "⠇", "⠏"];

/// Runs `work` while somebody watches; returns when all that was seen is painted.
pub fn watched<T>(terminal: &Terminal, format: Format, work: impl FnOnce(&dyn Watcher) -> T) -> T {
    let (mut work, mut done) = (Some(work), None);
    painted(terminal, format, &mut |watcher| done = work.take().map(|work| work(watcher)));
    done.unwrap_or_else(|| unreachable!("it is done once"))
}

/// The part of that which is the same whatever is done, and in the program once.
fn painted(terminal: &Terminal, format: Format, work: &mut dyn FnMut(&dyn Watcher)) {
    let waiting = AtomicUsize::new(0);
    let (send, news) = mpsc::channel();
    std::thread::scope(|scope| {
        let painter =
            Painter { terminal, waiting: &waiting, clock: SystemClock::new(), board: Board::default() };
        let paint = move || match format {
            Format::Human => painter.paint(&news),
            Format::Json => painter.stream(&news),
        };
        // Where no thread can be started, everything is painted in the end.
        let late = hand_over(scope, Box::new(paint)).err().flatten();
        let relay = Relay { send, waiting: &waiting };
        work(&relay);
        drop(relay);
        if let Some(paint) = late {
            paint();
        }
    });
}

/// One thing that was seen.
enum News {
    Event(Box<RunEvent>),
    Progress(Progress),
}

/// The end of the channel that a run holds.
struct Relay<'a> {
    send: Sender<News>,
    waiting: &'a AtomicUsize,
}

impl Watcher for Relay<'_> {
    fn event(&self, event: &RunEvent) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // Nobody there to paint means nobody watches: the run goes on.
        let _ = self.send.send(News::Event(Box::new(event.clone())));
    }

    fn progress(&self, progress: &Progress) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < BACKLOG {
            let _ = self.send.send(News::Progress(progress.clone()));
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A step that is under way.
#[derive(Debug)]
struct Running {
    step: StepName,
    since: Duration,
    detail: String,
}

/// What stands below the finished lines on a terminal.
#[derive(Debug, Default)]
struct Board {
    running: Vec<Running>,
    drawn: usize,
    beat: usize,
}

/// The end of the channel that paints.
struct Painter<'a> {
    terminal: &'a Terminal,
    waiting: &'a AtomicUsize,
    clock: SystemClock,
    board: Board,
}

impl Painter<'_> {
    /// Each event as one line of JSON. Progress is not kept and not printed.
    fn stream(self, news: &Receiver<News>) {
        while let Ok(news) = news.recv() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            if let News::Event(event) = news
                && let Ok(line) = json::line(&event)
            {
                self.terminal.write(To::Out, &line);
            }
        }
    }

    /// One line a finished step, and below them, on a terminal, one line a running step.
    fn paint(mut self, news: &Receiver<News>) {
        let redraws = self.terminal.can_redraw();
        loop {
            let next = if redraws {
                news.recv_timeout(BEAT)
            } else {
                news.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(news) => {
                    self.waiting.fetch_sub(1, Ordering::Relaxed);
                    let lines = self.take(news);
                    self.draw(&lines);
                }
                Err(RecvTimeoutError::Timeout) => self.draw(""),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.board.running.clear();
        self.draw("");
    }

    /// Notes what runs and returns the finished lines.
    fn take(&mut self, news: News) -> String {
        match news {
            News::Event(event) => {
                self.note(&event);
                events::live(&event).map(|line| line + "\n").unwrap_or_default()
            }
            News::Progress(Progress::Waiting { step, detail }) => self.detail(&step, clean(&detail)),
            News::Progress(Progress::Bytes { step, written }) => self.detail(&step, size(written)),
            News::Progress(Progress::Silent { step, seconds }) => {
                let quiet = duration(seconds.saturating_mul(1_000));
                format!("{} {step} has printed nothing for {quiet}\n", Ink::Warn.paint("!"))
            }
            News::Progress(Progress::Note(note)) => format!("{} {}\n", Ink::Warn.paint("!"), clean(&note)),
        }
    }

    fn note(&mut self, event: &RunEvent) {
        let Some(step) = &event.step else { return };
        match event.event {
            EventKind::StepStart => {
                let since = self.clock.monotonic();
                self.board.running.push(Running { step: step.clone(), since, detail: String::new() });
            }
            EventKind::StepDone
            | EventKind::StepFailed
            | EventKind::StepSkipped
            | EventKind::StepUndecided
            | EventKind::StepVerified => self.board.running.retain(|running| running.step != *step),
            _ => {}
        }
    }

    fn detail(&mut self, step: &StepName, detail: String) -> String {
        if let Some(running) = self.board.running.iter_mut().find(|running| running.step == *step) {
            running.detail = detail;
        }
        String::new()
    }

    /// Prints finished lines above the running ones.
    fn draw(&mut self, lines: &str) {
        if !self.terminal.can_redraw() {
            if !lines.is_empty() {
                self.terminal.write(To::Out, lines);
            }
            return;
        }
        let board = &mut self.board;
        if lines.is_empty() && board.running.is_empty() && board.drawn == 0 {
            return;
        }
        board.beat += 1;
        let mut text = erase(board.drawn) + lines;
        let width = self.terminal.width();
        let now = self.clock.monotonic();
        let sign = SPINNER[board.beat % SPINNER.len()];
        for running in &board.running {
            text.push_str(&running_line(running, sign, now, width));
        }
        board.drawn = board.running.len();
        self.terminal.write(To::Out, &text);
    }
}

/// Moves up over the lines drawn last and clears what is below.
fn erase(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\u{1b}[{lines}A\r\u{1b}[J") }
}

/// One running step, never longer than the terminal is wide: a wrapped line could not be erased.
fn running_line(running: &Running, sign: &str, now: Duration, width: usize) -> String {
    let ms = u64::try_from(now.saturating_sub(running.since).as_millis()).unwrap_or(u64::MAX);
    let name = format!("{:<width$}", running.step.as_str(), width = events::NAME_WIDTH);
    let rest = format!("{name} {:>7}  {}", duration(ms), running.detail);
    let room = width.saturating_sub(5);
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    let cut: String = rest.chars().take_while(fits).collect();
    format!("  {} {}\n", Ink::Warn.paint(sign), cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::ColorWhen;

    #[test]
    fn a_running_line_never_wraps() {
        let running = Running {
            step: StepName::new(["wikijs", "health"]),
            since: Duration::ZERO,
            detail: "waits for http://127.0.0.1:3000/healthz: HTTP 503".to_owned(),
        };
        let line = running_line(&running, "⠋", Duration::from_millis(61_500), 40);
        let plain = anstream::adapter::strip_str(&line).to_string();
        assert!(plain.trim_end().chars().count() < 40, "{plain}");
        assert!(plain.contains("wikijs.health"), "{plain}");
    }

    #[test]
    fn a_painter_that_is_stuck_does_not_hold_the_run_up() {
        let waiting = AtomicUsize::new(0);
        let (send, stuck) = mpsc::channel();
        let relay = Relay { send, waiting: &waiting };
        for written in 0..100_000 {
            relay.progress(&Progress::Bytes { step: StepName::new(["backup", "a", "1"]), written });
        }
        assert_eq!(stuck.try_iter().count(), BACKLOG);
        drop(stuck);
        relay.progress(&Progress::Note("nobody there".to_owned()));
    }

    #[test]
    fn a_watched_run_gives_its_result_back() {
        let terminal = Terminal::with_color(ColorWhen::Never);
        assert_eq!(watched(&terminal, Format::Json, |_| 17), 17);
    }
}
