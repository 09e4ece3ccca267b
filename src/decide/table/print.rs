//! Prints what verbs come to so that a person can read it: what each state says alone, what each other circumstance adds
//! to it, and what comes of circumstances only when they meet.

use std::collections::{BTreeMap, BTreeSet};

/// A name, and the names of its values.
pub(super) type Dimension = (&'static str, Vec<&'static str>);

/// Place of a cell: the number of its value in each dimension.
pub(super) type At = [usize; 5];

/// What a verb comes to: yes and how, or the codes against it.
pub(super) type Cell = Result<String, BTreeSet<&'static str>>;

fn shown(cell: &Cell) -> String {
    match cell {
        Ok(how) => format!("yes {how}").trim().to_owned(),
        Err(codes) => codes.iter().copied().collect::<Vec<_>>().join(" "),
    }
}

fn codes(cell: &Cell) -> BTreeSet<&'static str> {
    cell.as_ref().err().cloned().unwrap_or_default()
}

/// The cells over these dimensions; the first one is the state of the attempt.
pub(super) fn table(all: &[Dimension], over: &[usize], cells: &BTreeMap<At, Cell>) -> String {
    let mut groups: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for (state, name) in all[0].1.iter().enumerate() {
        let lines = of_state(all, &over[1..], state, cells);
        match groups.iter_mut().find(|(_, known)| *known == lines) {
            Some((names, _)) => names.push(name),
            None => groups.push((vec![name], lines)),
        }
    }
    let indented =
        |by: &str, lines: &[&str]| lines.iter().map(|line| [by, line, "\n"].concat()).collect::<String>();
    let block = |(names, lines): &(Vec<&str>, Vec<String>)| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        indented("  ", names) + &indented("      ", &lines)
    };
    groups.iter().map(block).collect()
}

fn of_state(all: &[Dimension], over: &[usize], state: usize, cells: &BTreeMap<At, Cell>) -> Vec<String> {
    let usual = [state, 0, 0, 0, 0];
    let alone = &cells[&usual];
    let mut lines = vec![shown(alone)];
    let mut adds: BTreeMap<(usize, usize), BTreeSet<&'static str>> = BTreeMap::new();
    for dimension in over {
        let mut merged: Vec<(Vec<&str>, String)> = Vec::new();
        for (value, name) in all[*dimension].1.iter().enumerate().skip(1) {
            let mut at = usual;
            at[*dimension] = value;
            let more: BTreeSet<_> = codes(&cells[&at]).difference(&codes(alone)).copied().collect();
            let less: Vec<_> = codes(alone).difference(&codes(&cells[&at])).copied().collect();
            adds.insert((*dimension, value), more.clone());
            let line = match (&cells[&at], more.is_empty(), less.is_empty()) {
                (Ok(_), ..) if cells[&at] != *alone => shown(&cells[&at]),
                (_, true, true) => continue,
                (_, _, true) => shown(&Err(more)),
                (_, _, false) => format!("{} without {}", shown(&Err(more)), less.join(" ")),
            };
            match merged.iter_mut().find(|(_, known)| *known == line) {
                Some((names, _)) => names.push(name),
                None => merged.push((vec![name], line)),
            }
        }
        lines.extend(merged.into_iter().map(|(names, line)| format!("{}: + {line}", names.join(", "))));
    }
    // Where several circumstances meet, each says what it says alone; what does not go by that has a line of its own.
    for (at, cell) in cells.iter().filter(|(at, _)| at[0] == state) {
        let apart: Vec<usize> = over.iter().copied().filter(|dimension| at[*dimension] != 0).collect();
        let mut sum = codes(alone);
        sum.extend(apart.iter().flat_map(|dimension| &adds[&(*dimension, at[*dimension])]));
        if apart.len() > 1 && codes(cell) != sum {
            let names: Vec<&str> = apart.iter().map(|dimension| all[*dimension].1[at[*dimension]]).collect();
            lines.push(format!("{} together: {}", names.join(" and "), shown(cell)));
        }
    }
    lines
}
