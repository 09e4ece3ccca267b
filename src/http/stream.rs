//! The records of an attempt as they come: server-sent events. One feed a ticket reads the log, however many watch.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, header};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, interval, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::model::event::RunEvent;
use crate::model::id::TicketId;
use crate::model::release::Status;
use crate::ops::inspect::{self, News};

use super::asked::Caller;
use super::problem::Problem;
use super::router::{at_the_store, blocking};
use super::shared::Shared;

/// How often a log is looked at, and how often the lock.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LOOKS_A_SECOND: u32 = 10;

/// How often a reader's token is looked at: one that was taken back ends the stream within a second.
const KNOCK_EVERY: Duration = Duration::from_secs(1);

/// How often a silent stream says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a reader may leave what was sent unread.
const PATIENCE: Duration = Duration::from_secs(30);

/// Records that a slow reader may be behind before it is told of a gap and catches up from the log.
const BEHIND: usize = 1_024;

/// The feeds of this server.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    known: Mutex<BTreeMap<TicketId, broadcast::Sender<Arc<News>>>>,
}

impl Feeds {
    /// Joins the feed of a ticket; the first one to join starts it.
    fn join(shared: &Arc<Shared>, ticket: &TicketId) -> broadcast::Receiver<Arc<News>> {
        let mut known = shared.feeds.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = known.get(ticket) {
            return feed.subscribe();
        }
        let (feed, reader) = broadcast::channel(BEHIND);
        known.insert(ticket.clone(), feed.clone());
        tokio::spawn(feed_on(Arc::clone(shared), ticket.clone(), feed));
        reader
    }

    /// Ends a feed that nobody reads any more. Nobody can join meanwhile.
    fn leave(&self, ticket: &TicketId, feed: &broadcast::Sender<Arc<News>>) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let over = feed.receiver_count() == 0;
        if over {
            known.remove(ticket);
        }
        over
    }
}

/// Reads a ticket's log whenever it grows, and looks once a second whether its run lives. It begins with the whole log: where
/// its readers have got to is theirs to know.
async fn feed_on(shared: Arc<Shared>, ticket: TicketId, feed: broadcast::Sender<Arc<News>>) {
    let (mut since, mut size, mut looks) = (0, None, 0_u32);
    while !shared.feeds.leave(&ticket, &feed) {
        let (of, seen, cursor) = (ticket.clone(), size, since);
        let due = looks % LOOKS_A_SECOND == 0;
        let looked = blocking(&shared, move |host| {
            let now = inspect::log_size(host, &of);
            let news = if now != seen || due { Some(inspect::news(host, &of, cursor)?) } else { None };
            Ok((now, news))
        });
        if let Ok((now, Some(news))) = looked.await {
            size = now;
            since = news.events.last().map_or(since, |event| event.seq);
            // Nobody listening is no error: they left since.
            let _ = feed.send(Arc::new(news));
        }
        looks = looks.wrapping_add(1);
        sleep(LOOK_EVERY).await;
    }
}

/// Which records of which attempt, and after which one.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    pub(super) ticket: TicketId,
    pub(super) attempt: u32,
    /// `Last-Event-ID`
    pub(super) since: u64,
}

/// Answers with the records after a cursor and then each new one, until the attempt is over.
///
/// # Errors
/// As `log`.
pub(super) async fn stream(
    shared: &Arc<Shared>,
    caller: Caller,
    watch: Watch,
) -> Result<Response<Body>, Problem> {
    let (ticket, since) = (watch.ticket.clone(), watch.since);
    // Joined first: what comes while the log is read is heard twice rather than never.
    let feed = Feeds::join(shared, &watch.ticket);
    let first = blocking(shared, move |host| Ok(inspect::news(host, &ticket, since)?)).await?;
    let (send, receive) = mpsc::channel(16);
    tokio::spawn(tell(Arc::clone(shared), caller, watch, first, feed, send));
    let mut response = Response::new(Body::from_stream(ReceiverStream::new(receive)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // A proxy that gathers what it passes on would keep it from whoever watches.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

type Out = mpsc::Sender<Result<Bytes, Infallible>>;

/// One reader.
async fn tell(
    shared: Arc<Shared>,
    caller: Caller,
    watch: Watch,
    first: News,
    mut feed: broadcast::Receiver<Arc<News>>,
    out: Out,
) {
    shared.readers.fetch_add(1, Ordering::Relaxed);
    let mut reader = Reader { watch, out, heard: Instant::now() };
    let mut knock = interval(KNOCK_EVERY);
    let mut news = Ok(Arc::new(first));
    loop {
        let going = match news {
            Ok(news) => reader.pass_on(&news).await,
            Err(RecvError::Lagged(_)) => reader.catch_up(&shared).await,
            Err(RecvError::Closed) => false,
        };
        if !going {
            break;
        }
        news = loop {
            tokio::select! {
                news = feed.recv() => break news,
                _ = knock.tick() => {
                    let token = caller.token.clone();
                    let of = Arc::clone(&shared);
                    let good = at_the_store(&shared, move |host| {
                        Ok(of.keeper.still(&host.store, &token, host.clock.now())?)
                    });
                    if !good.await.unwrap_or(false) || !reader.is_there().await {
                        break Err(RecvError::Closed);
                    }
                }
            }
        };
    }
    shared.readers.fetch_sub(1, Ordering::Relaxed);
}

struct Reader {
    watch: Watch,
    out: Out,
    heard: Instant,
}

impl Reader {
    /// Passes on what is new of this attempt; false: it is over, or nobody reads any more.
    async fn pass_on(&mut self, news: &News) -> bool {
        let since = self.watch.since;
        for event in news.events.iter().filter(|event| event.seq > since) {
            if event.attempt == self.watch.attempt && !self.say(&record(event)).await {
                return false;
            }
        }
        self.watch.since =
            news.events.last().map_or(self.watch.since, |event| event.seq.max(self.watch.since));
        if news.lives && news.attempt == self.watch.attempt {
            return true;
        }
        let status = (news.attempt == self.watch.attempt).then_some(news.status);
        self.say(&end(status)).await;
        false
    }

    /// It was too slow: what it missed is read from the log.
    async fn catch_up(&mut self, shared: &Arc<Shared>) -> bool {
        let gap = json!({ "after": self.watch.since });
        if !self.say(&format!("event: gap\ndata: {gap}\n\n")).await {
            return false;
        }
        let (ticket, since) = (self.watch.ticket.clone(), self.watch.since);
        match blocking(shared, move |host| Ok(inspect::news(host, &ticket, since)?)).await {
            Ok(news) => self.pass_on(&news).await,
            Err(_) => false,
        }
    }

    /// Whether somebody still reads; a stream that was silent for long says that it lives.
    async fn is_there(&mut self) -> bool {
        if self.heard.elapsed() < HEARTBEAT {
            return !self.out.is_closed();
        }
        self.say(": still here\n\n").await
    }

    async fn say(&mut self, text: &str) -> bool {
        self.heard = Instant::now();
        let sent = timeout(PATIENCE, self.out.send(Ok(Bytes::copy_from_slice(text.as_bytes()))));
        matches!(sent.await, Ok(Ok(())))
    }
}

fn record(event: &RunEvent) -> String {
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("id: {}\nevent: record\ndata: {data}\n\n", event.seq)
}

fn end(status: Option<Status>) -> String {
    let data = json!({ "status": status.map(Status::word) });
    format!("event: end\ndata: {data}\n\n")
}
