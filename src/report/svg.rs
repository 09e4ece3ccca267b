//! The picture of a timeline: phases on top, a lane for the host and for each service, waits folded to a fixed width.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::html::escape;
use super::text::{Add, clock, duration};
use super::timeline::{Band, Bar, Outcome, Timeline};

/// Width of the picture in its own units; the page scales it.
const WIDTH: f64 = 1_120.0;
/// Left edge of the time axis: lane names stand before it.
const LEFT: f64 = 116.0;
/// Width of a folded wait.
const FOLD: f64 = 74.0;
/// Height of a row of bars, and of the gap between lanes.
const ROW: f64 = 26.0;
const GAP: f64 = 12.0;
/// Height of the axis and of the phases.
const AXIS: f64 = 34.0;
const PHASES: f64 = 30.0;
/// Width of a character of a label, roughly.
const GLYPH: f64 = 6.4;

/// A stretch of time and where it lies.
struct Segment {
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    left: f64,
    right: f64,
    wait: Option<String>,
}

/// The whole picture as SVG; empty where nothing ran.
pub(super) fn render(timeline: &Timeline) -> String {
    let Some(span) = timeline.span() else { return String::new() };
    let axis = Axis::new(timeline, span);
    let rows: usize = timeline.lanes.iter().map(|lane| lane.rows.len()).sum();
    let top = AXIS + PHASES + GAP;
    let height = top + as_f64(rows) * ROW + as_f64(timeline.lanes.len()) * GAP + 4.0;
    let mut out = format!(
        "<svg class=\"timeline\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"timeline of the release\">\n\
         <defs><pattern id=\"open\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect width=\"6\" height=\"6\" class=\"open-back\"/><rect width=\"2.4\" height=\"6\" class=\"open-line\"/></pattern></defs>\n"
    );
    out.push_str(&axis.grid(height));
    for band in &timeline.bands {
        out.push_str(&axis.band(band));
    }
    let mut y = top;
    for lane in &timeline.lanes {
        let middle = y + as_f64(lane.rows.len()) * ROW / 2.0 + 4.0;
        out.add(format_args!(
            "<line x1=\"0\" x2=\"{WIDTH}\" y1=\"{0:.1}\" y2=\"{0:.1}\" class=\"rule\"/>\
             <text x=\"{1:.1}\" y=\"{middle:.1}\" class=\"lane\">{2}</text>\n",
            y - GAP / 2.0,
            LEFT - 14.0,
            escape(&shortened(&lane.name, 15))
        ));
        for row in &lane.rows {
            for (i, bar) in row.iter().enumerate() {
                out.push_str(&axis.bar(bar, row.get(i + 1), &lane.name, y));
            }
            y += ROW;
        }
        y += GAP;
    }
    out + "</svg>\n"
}

struct Axis {
    segments: Vec<Segment>,
}

impl Axis {
    /// Work shares the width in proportion to its time; each wait gets the same, however long it was.
    fn new(timeline: &Timeline, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> Self {
        let waits = &timeline.waits;
        let waited: i64 = waits.iter().map(|wait| (wait.to - wait.from).num_milliseconds()).sum();
        let worked = ((to - from).num_milliseconds() - waited).max(1);
        let fold = FOLD.min((WIDTH - LEFT) * 0.5 / as_f64(waits.len().max(1)));
        let room = WIDTH - LEFT - 12.0 - fold * as_f64(waits.len());
        // Every stretch of work keeps enough room to be seen beside a much longer one.
        let stretches = as_f64(waits.len() + 1);
        let least = (room * 0.4 / stretches).min(90.0);
        let spare = room - least * stretches;
        let mut segments = Vec::new();
        let (mut x, mut at) = (LEFT, from);
        let work = |segments: &mut Vec<Segment>, x: &mut f64, from: DateTime<Utc>, to: DateTime<Utc>| {
            let part = millis(to - from) / millis(TimeDelta::milliseconds(worked));
            let right = *x + least + spare * part;
            segments.push(Segment { from, to, left: *x, right, wait: None });
            *x = right;
        };
        for wait in waits {
            work(&mut segments, &mut x, at, wait.from);
            let ms = u64::try_from((wait.to - wait.from).num_milliseconds()).unwrap_or(0);
            let label = format!("{} {}", wait.stood, duration(ms));
            segments.push(Segment {
                from: wait.from,
                to: wait.to,
                left: x,
                right: x + fold,
                wait: Some(label),
            });
            x += fold;
            at = wait.to;
        }
        work(&mut segments, &mut x, at, to);
        Self { segments }
    }

    fn segment(&self, at: DateTime<Utc>) -> Option<&Segment> {
        self.segments.iter().find(|segment| at <= segment.to).or(self.segments.last())
    }

    fn x(&self, at: DateTime<Utc>) -> f64 {
        self.segment(at).map_or(LEFT, |segment| {
            let whole = millis(segment.to - segment.from).max(1.0);
            let part = (millis(at - segment.from) / whole).clamp(0.0, 1.0);
            segment.left + part * (segment.right - segment.left)
        })
    }

    /// Ticks over work, folds over waits, and the time of day at which each stretch of work began.
    fn grid(&self, height: f64) -> String {
        let mut out = String::new();
        let day = self.segments.first().map_or_else(NaiveDate::default, |first| first.from.date_naive());
        for segment in &self.segments {
            match &segment.wait {
                Some(label) => {
                    let middle = f64::midpoint(segment.left, segment.right);
                    let (word, time) = label.split_once(' ').unwrap_or((label, ""));
                    out.add(format_args!(
                        "<rect x=\"{:.1}\" y=\"0\" width=\"{:.1}\" height=\"{height}\" class=\"wait\"/>\
                         <text x=\"{middle:.1}\" y=\"13\" class=\"fold\">{}</text>\
                         <text x=\"{middle:.1}\" y=\"27\" class=\"fold\">{}</text>\n",
                        segment.left + 4.0,
                        segment.right - segment.left - 8.0,
                        escape(word),
                        escape(time)
                    ));
                }
                None => out.push_str(&ticks(segment, day, height)),
            }
        }
        out
    }

    fn band(&self, band: &Band) -> String {
        let (left, right) = (self.x(band.from), self.x(band.to));
        let width = (right - left).max(3.0);
        let title = format!("{} {}", band.phase, duration_of(band.to - band.from));
        let sign = sign(band.outcome);
        let label = format!("{} {sign}", band.phase);
        let mut out = format!(
            "<g class=\"band {0} {1}\"><title>{2}</title><rect x=\"{left:.1}\" y=\"{3:.1}\" width=\"{width:.1}\" height=\"20\" rx=\"5\"/>",
            band.phase,
            class(band.outcome),
            escape(&title),
            AXIS
        );
        let label = if fits(&label, width) { label } else { sign.to_owned() };
        if fits(&label, width + 8.0) {
            out.add(format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left + width / 2.0,
                AXIS + 14.0,
                escape(&label)
            ));
        }
        out + "</g>\n"
    }

    fn bar(&self, bar: &Bar, next: Option<&Bar>, lane: &str, y: f64) -> String {
        let (left, right) = (self.x(bar.from), self.x(bar.to));
        let width = (right - left).max(3.5);
        let end = self.segment(bar.to).map_or(WIDTH, |segment| segment.right);
        let free = next.map_or(end, |next| self.x(next.from).min(end)) - left - width;
        let took = duration_of(bar.to - bar.from);
        let began = clock(bar.from);
        let mut title = format!("{} · {took} · began {began} · attempt {}", bar.step, bar.attempt);
        if !bar.told.is_empty() {
            title.add(format_args!(" · {}", bar.told));
        }
        let own = short_name(bar.step.as_str(), lane);
        let label = if bar.outcome == Outcome::Done { own } else { format!("{} {own}", sign(bar.outcome)) };
        let place = if fits(&label, width) {
            Some((left + 6.0, "on", label))
        } else if fits(&label, free) {
            Some((left + width + 5.0, "off", label))
        } else {
            // What did not go well is never told by its colour alone.
            let alone = bar.outcome != Outcome::Done && width > 14.0;
            alone.then(|| (left + width / 2.0 - 4.0, "on", sign(bar.outcome).to_owned()))
        };
        let text = place.map_or(String::new(), |(x, class, label)| {
            format!("<text x=\"{x:.1}\" y=\"{:.1}\" class=\"{class}\">{}</text>", y + 15.0, escape(&label))
        });
        format!(
            "<g class=\"bar {} {}\"><title>{}</title><rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"4\"/>{text}</g>\n",
            bar.phase,
            class(bar.outcome),
            escape(&title),
            y + 1.0,
            ROW - 6.0
        )
    }
}

fn ticks(segment: &Segment, day: NaiveDate, height: f64) -> String {
    let whole = millis(segment.to - segment.from);
    let room = segment.right - segment.left;
    // A day is named where it is not the first one's.
    let began =
        segment.from.format(if segment.from.date_naive() == day { "%H:%M:%S" } else { "%-d %b %H:%M:%S" });
    let mut out = format!("<text x=\"{:.1}\" y=\"12\" class=\"began\">{began}</text>", segment.left);
    let wanted = whole / (room / 76.0).max(1.0);
    let steps = [
        1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5,
        6e5, 12e5, 18e5, 36e5, 72e5, 144e5, 432e5,
    ];
    let step = steps.into_iter().find(|step| *step >= wanted).unwrap_or(864e5);
    let mut at = 0.0;
    while at <= whole && out.len() < 20_000 {
        let x = segment.left + at / whole.max(1.0) * room;
        if segment.right - x > 26.0 || at == 0.0 {
            out.add(format_args!(
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{height}\" class=\"tick\"/>\
                 <text x=\"{x:.1}\" y=\"26\" class=\"axis\">{}</text>",
                AXIS - 4.0,
                elapsed(at)
            ));
        }
        at += step;
    }
    out + "\n"
}

fn elapsed(ms: f64) -> String {
    if ms == 0.0 {
        return "0".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a tick of a day at most, never negative"
    )]
    let whole = ms as u64;
    let text = duration(whole);
    text.strip_suffix(".0s").map_or(text.clone(), |seconds| format!("{seconds}s"))
}

/// The part of a step's name that its lane does not say already: `wikijs.health` and `backup.wikijs.1` of `wikijs`
/// are `health` and `backup`.
fn short_name(step: &str, lane: &str) -> String {
    let parts: Vec<&str> = step.split('.').collect();
    if !parts.contains(&lane) {
        return step.to_owned();
    }
    let own: Vec<&str> = parts.into_iter().filter(|part| *part != lane && *part != "1").collect();
    if own.is_empty() { step.to_owned() } else { own.join(".") }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

fn fits(label: &str, width: f64) -> bool {
    as_f64(label.chars().count()) * GLYPH + 12.0 <= width
}

fn duration_of(delta: TimeDelta) -> String {
    duration(u64::try_from(delta.num_milliseconds()).unwrap_or(0))
}

const fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::Open => "open",
    }
}

/// The sign beside the colour, for whoever does not see the colour.
pub(super) const fn sign(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "✓",
        Outcome::Failed => "✗",
        Outcome::Open => "?",
    }
}

fn millis(delta: TimeDelta) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a picture: milliseconds of centuries fit in 52 bits")]
    let ms = delta.num_milliseconds() as f64;
    ms
}

fn as_f64(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}
