//! Rows of (what, value, bar, aim), as a table and as JSON.

use std::{fs, process::Command};

use serde::Serialize;

/// Which side of the bar is good.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Good {
    /// At most the bar.
    AtMost,
    /// At least the bar.
    AtLeast,
}

#[derive(Debug, Serialize)]
struct Row {
    group: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    good: Good,
    bar: f64,
    aim: f64,
    met: bool,
    detail: String,
}

/// The results of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    commit: String,
    cpu: String,
    cores: usize,
    quick: bool,
    rows: Vec<Row>,
}

impl Report {
    /// An empty report of this checkout on this machine.
    pub(crate) fn new(quick: bool) -> Self {
        let commit = Command::new("git")
            .args(["rev-parse", "--short", "HEAD"])
            .output()
            .ok()
            .and_then(|o| String::from_utf8(o.stdout).ok())
            .unwrap_or_default();
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo
            .lines()
            .find_map(|l| l.strip_prefix("model name"))
            .map(|l| l.trim_start_matches([' ', '\t', ':']).to_owned())
            .unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            commit: commit.trim().to_owned(),
            cpu,
            cores,
            quick,
            rows: Vec::new(),
        }
    }

    /// Adds a result and prints it.
    #[allow(clippy::too_many_arguments)]
    pub(crate) fn add(
        &mut self,
        group: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        good: Good,
        (bar, aim): (f64, f64),
        detail: impl Into<String>,
    ) {
        let met = match good {
            Good::AtMost => value <= bar,
            Good::AtLeast => value >= bar,
        };
        let row = Row {
            group,
            what: what.into(),
            value,
            unit,
            good,
            bar,
            aim,
            met,
            detail: detail.into(),
        };
        eprintln!("{}", line(&row));
        self.rows.push(row);
    }

    /// Bars that were missed.
    pub(crate) fn missed(&self) -> usize {
        self.rows.iter().filter(|r| !r.met).count()
    }

    /// The table, on standard output.
    pub(crate) fn print(&self) {
        println!(
            "\nbars of {} on {} × {}{}",
            self.commit,
            self.cores,
            self.cpu,
            if self.quick { ", quick run" } else { "" }
        );
        for row in &self.rows {
            println!("{}", line(row));
        }
        println!(
            "{} of {} met",
            self.rows.len() - self.missed(),
            self.rows.len()
        );
    }

    /// Writes the JSON form.
    pub(crate) fn write(&self, path: &str) {
        let text = serde_json::to_string_pretty(self).expect("plain data serialises");
        fs::write(path, text + "\n").unwrap_or_else(|e| panic!("cannot write {path}: {e}"));
    }
}

fn line(row: &Row) -> String {
    let sign = match row.good {
        Good::AtMost => "≤",
        Good::AtLeast => "≥",
    };
    format!(
        "{} {:<8} {:<46} {:>12} {:<9} bar {sign} {:<8} aim {:<8} {}",
        if row.met { "ok  " } else { "MISS" },
        row.group,
        row.what,
        number(row.value),
        row.unit,
        number(row.bar),
        number(row.aim),
        row.detail
    )
}

fn number(x: f64) -> String {
    if x >= 1000.0 {
        format!("{x:.0}")
    } else {
        format!("{x:.2}")
    }
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `min..max` of `values`, for the detail column.
pub(crate) fn spread(values: &[f64]) -> String {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(0.0, f64::max);
    format!("[{}..{}]", number(min), number(max))
}
