//! What is printed, and where: results on standard output as text or JSON, notes and errors on
//! standard error.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::Outcome;
use crate::api::code::{ErrorCode, Failure};

/// How this process prints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Screen {
    json: bool,
    terminal: bool,
    colour: bool,
}

impl Screen {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            terminal: io::stdout().is_terminal(),
            colour: std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
                && io::stderr().is_terminal(),
        }
    }

    /// Whether `--json` was asked for.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether somebody watches standard output.
    pub(super) fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether progress bars make sense.
    pub(super) fn shows_progress(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Prints a result: `value` with `--json`, else `text`.
    pub(super) fn show<T: Serialize>(&self, value: &T, text: impl FnOnce() -> String) -> Outcome {
        if !self.json {
            return self.print(&text());
        }
        let json = if self.terminal {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        let json = json.map_err(|e| Failure::new(ErrorCode::Failed, e.to_string()))?;
        self.print(&json)
    }

    /// Prints one of many results, a line each, also on a terminal. False when the reader has gone
    /// away.
    pub(super) fn show_line<T: Serialize>(
        &self,
        value: &T,
        text: impl FnOnce() -> String,
    ) -> Result<bool, Failure> {
        if !self.json {
            return write_out(&text());
        }
        let json = serde_json::to_string(value);
        write_out(&json.map_err(|e| Failure::new(ErrorCode::Failed, e.to_string()))?)
    }

    /// Prints text as it is, with a line end. A reader that has gone away is no error: `… | head`.
    pub(super) fn print(&self, text: &str) -> Outcome {
        write_out(text).map(drop)
    }

    /// Says something beside the result; silent with `--json`.
    pub(super) fn note(&self, text: &str) {
        if !self.json {
            self.complain("note", "36", text);
        }
    }

    /// Warns; as a JSON object with `--json`.
    pub(super) fn warn(&self, text: &str) {
        if self.json {
            self.write_error(&serde_json::json!({ "warning": text }).to_string());
        } else {
            self.complain("warning", "33", text);
        }
    }

    /// Says why the command failed.
    pub(super) fn failure(&self, failure: &Failure) {
        if self.json {
            self.write_error(&serde_json::json!({ "error": failure }).to_string());
            return;
        }
        let code = format!("error [{}]", failure.code);
        self.complain(&code, "31", &failure.message);
        if let Some(hint) = &failure.hint {
            self.complain("hint", "36", hint);
        }
    }

    fn complain(&self, kind: &str, colour: &str, text: &str) {
        if self.colour {
            self.write_error(&format!("\u{1b}[{colour}m{kind}\u{1b}[0m: {text}"));
        } else {
            self.write_error(&format!("{kind}: {text}"));
        }
    }

    fn write_error(&self, text: &str) {
        // Where standard error is gone, nobody is left to tell.
        drop(writeln!(io::stderr().lock(), "{text}"));
    }

    /// A table: fitted to a terminal, one unwrapped line per row elsewhere.
    pub(super) fn table(&self, header: &[&str], rows: Vec<Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_content_arrangement(if self.terminal {
            ContentArrangement::Dynamic
        } else {
            ContentArrangement::Disabled
        });
        table.set_header(header.to_vec());
        table.add_rows(rows);
        table.trim_fmt()
    }
}

/// Writes to standard output. False when nobody reads it any more.
fn write_out(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{text}{end}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(Failure::new(
            ErrorCode::FileFailed,
            format!("cannot write to standard output: {e}"),
        )),
    }
}

/// Lines of `name  value`, aligned.
pub(super) fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, value) in rows {
        let pad = width - name.len();
        out.push_str(&format!("{name}{:pad$}  {value}\n", ""));
    }
    out
}

/// Seconds as people read them.
pub(super) fn duration(secs: u64) -> String {
    let (d, h, m, s) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60, secs % 60);
    match (d, h, m) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, _) => format!("{m} min {s} s"),
        (0, _, _) => format!("{h} h {m} min"),
        _ => format!("{d} d {h} h"),
    }
}

/// Bytes as people read them.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit < UNITS.len() - 1 {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{n} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_like_sentences() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_500_000), "1.5 MB");
        assert_eq!(duration(59), "59 s");
        assert_eq!(duration(3_700), "1 h 1 min");
        assert_eq!(
            facts(&[("a", "1".into()), ("long", "2".into())]),
            "a     1\nlong  2\n"
        );
    }

    #[test]
    fn a_table_off_a_terminal_has_one_line_per_row() {
        let screen = Screen {
            json: false,
            terminal: false,
            colour: false,
        };
        let long = "x".repeat(300);
        let text = screen.table(&["a", "b"], vec![vec![long.clone(), "1".to_owned()]]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains(&long));
    }
}
