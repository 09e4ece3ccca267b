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

/// A table without lines.
#[derive(Debug, Clone, Default)]
pub struct Columns<'a> {
    head: Vec<Cell<'a>>,
    rows: Vec<Vec<Cell<'a>>>,
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
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The rows as text, each ended by a newline; the last column is as long as it is and nothing is cut.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = Vec::new();
        let all = || std::iter::once(&self.head).filter(|h| !h.is_empty()).chain(&self.rows);
        for row in all() {
            for (i, cell) in row.iter().enumerate() {
                match widths.get_mut(i) {
                    Some(widest) => *widest = cell.width.max(*widest),
                    None => widths.push(cell.width),
                }
            }
        }
        let mut out = String::new();
        for row in all() {
            self.write_row(&mut out, row, &widths);
        }
        out
    }

    fn write_row(&self, out: &mut String, row: &[Cell<'a>], widths: &[usize]) {
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        out.extend(std::iter::repeat_n(' ', self.indent));
        for (i, (cell, width)) in row.iter().zip(widths).enumerate().take(last + 1) {
            match cell.ink {
                Some(ink) => ink.paint_onto(out, &cell.text),
                None => out.push_str(&cell.text),
            }
            if i < last {
                out.extend(std::iter::repeat_n(' ', width - cell.width + 2));
            }
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
