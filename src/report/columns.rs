//! Rows under each other: one pass to measure, one to write, so that a hundred thousand rows cost nothing to speak of.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::text::Ink;

/// A cell: text that is already clean, and its colour.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cell<'a> {
    text: Cow<'a, str>,
    width: usize,
    ink: Option<Ink>,
}

impl<'a> Cell<'a> {
    /// A plain cell.
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        let width = if text.is_ascii() { text.len() } else { text.width() };
        Self { text, width, ink: None }
    }

    /// In a colour.
    #[must_use]
    pub fn ink(mut self, ink: Ink) -> Self {
        self.ink = Some(ink);
        self
    }
}

/// Where a cell's text ends in the table's text, and how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Placed {
    end: usize,
    width: usize,
    ink: Option<Ink>,
}

/// A table without lines. All its text lies behind each other: a string a cell would be most of what a long table costs.
#[derive(Debug, Clone, Default)]
pub struct Columns<'a> {
    head: Vec<Cell<'a>>,
    text: String,
    cells: Vec<Placed>,
    /// Where each row ends among the cells.
    rows: Vec<usize>,
    indent: usize,
}

impl<'a> Columns<'a> {
    /// With a heading over each column.
    pub fn headed<const N: usize>(head: [&'a str; N]) -> Self {
        let head = head.into_iter().map(|word| Cell::new(word).ink(Ink::Faint)).collect();
        Self { head, ..Self::default() }
    }

    /// Without headings.
    pub fn bare() -> Self {
        Self::default()
    }

    /// Begins each row after so many spaces.
    #[must_use]
    pub fn indent(mut self, spaces: usize) -> Self {
        self.indent = spaces;
        self
    }

    /// One more row.
    pub fn row<'c>(&mut self, cells: impl IntoIterator<Item = Cell<'c>>) {
        for Cell { text, width, ink } in cells {
            self.text.push_str(&text);
            self.cells.push(Placed { end: self.text.len(), width, ink });
        }
        self.rows.push(self.cells.len());
    }

    /// The rows as text, each ended by a newline; the last column is as long as it is and nothing is cut.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = self.head.iter().map(|cell| cell.width).collect();
        for row in self.each() {
            for (at, cell) in row.iter().enumerate() {
                match widths.get_mut(at) {
                    Some(widest) => *widest = cell.width.max(*widest),
                    None => widths.push(cell.width),
                }
            }
        }
        let across: usize = widths.iter().map(|width| width + 2).sum();
        let mut out = String::with_capacity((self.rows.len() + 1) * (self.indent + across));
        if !self.head.is_empty() {
            self.write_row(
                &mut out,
                self.head.iter().map(|cell| (&*cell.text, cell.width, cell.ink)),
                &widths,
            );
        }
        let mut from = 0;
        for row in self.each() {
            let cells = row.iter().map(|cell| {
                let text = &self.text[from..cell.end];
                from = cell.end;
                (text, cell.width, cell.ink)
            });
            self.write_row(&mut out, cells, &widths);
        }
        out
    }

    fn each(&self) -> impl Iterator<Item = &[Placed]> {
        let begins = std::iter::once(0).chain(self.rows.iter().copied());
        begins.zip(&self.rows).map(|(from, to)| &self.cells[from..*to])
    }

    fn write_row<'t>(
        &self,
        out: &mut String,
        row: impl Iterator<Item = (&'t str, usize, Option<Ink>)>,
        widths: &[usize],
    ) {
        let blanks = |out: &mut String, count: usize| out.extend(std::iter::repeat_n(' ', count));
        // Nothing follows the last text of a row: what is due before the next one is written with it.
        let mut due = self.indent;
        for ((text, own, ink), width) in row.zip(widths) {
            if !text.is_empty() {
                blanks(out, due);
                due = 0;
                match ink {
                    Some(ink) => ink.paint_onto(out, text),
                    None => out.push_str(text),
                }
            }
            due += width - own + 2;
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_wide_characters_do_not_shift_columns() {
        let mut table = Columns::headed(["a", "b", "c"]).indent(2);
        table.row([Cell::new("日本").ink(Ink::Good), Cell::new("x"), Cell::new("")]);
        table.row([Cell::new("z"), Cell::new("yy"), Cell::new("end")]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        assert_eq!(plain, "  a     b   c\n  日本  x\n  z     yy  end\n");
    }
}
