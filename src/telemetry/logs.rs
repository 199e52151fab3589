//! Log lines on standard error: text for people, one JSON object per line for machines.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

/// What is asked of the log.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// One JSON object per line.
    pub json: bool,
    /// The configured level or filter; empty means the default of the command.
    pub level: String,
    /// How often `-v` was given.
    pub verbosity: u8,
    /// Level when nobody asks for one.
    pub quiet: bool,
}

/// The filter cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("`{filter}` is not a log filter: {reason}")]
pub struct LogError {
    /// What was written.
    pub filter: String,
    /// What the parser said.
    pub reason: String,
}

/// Installs the subscriber of the process. A second call changes nothing.
///
/// `RUST_LOG` beats `-v`, which beats the configured level. Text is coloured only on a terminal
/// and only without `NO_COLOR`; the formatter escapes what peers wrote.
///
/// # Errors
/// [`LogError`] for a filter that cannot be read.
pub fn init(options: &LogOptions) -> Result<(), LogError> {
    let text = filter_text(options, std::env::var("RUST_LOG").ok());
    let filter = EnvFilter::try_new(&text).map_err(|e| LogError {
        filter: text,
        reason: e.to_string(),
    })?;
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(options.verbosity > 0 || options.json);
    let done = if options.json {
        builder.json().flatten_event(true).try_init()
    } else {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        builder
            .with_ansi(colour && std::io::stderr().is_terminal())
            .try_init()
    };
    // Only fails when a subscriber is installed already, which then goes on serving.
    drop(done);
    Ok(())
}

fn filter_text(options: &LogOptions, rust_log: Option<String>) -> String {
    if let Some(filter) = rust_log.filter(|f| !f.trim().is_empty()) {
        return filter;
    }
    match options.verbosity {
        0 if !options.level.trim().is_empty() => options.level.trim().to_owned(),
        // yamux warns without the peer whenever the other side is gone first; our own lines of
        // the same connection name peer and reason.
        0 if options.quiet => "warn,yamux=off".to_owned(),
        0 => "info,libp2p=warn,yamux=off".to_owned(),
        1 => "info,animica_p2p=debug".to_owned(),
        2 => "debug,animica_p2p=trace".to_owned(),
        _ => "trace".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_beats_v_beats_the_configured_level() {
        let mut o = LogOptions {
            level: "error".to_owned(),
            ..LogOptions::default()
        };
        assert_eq!(filter_text(&o, None), "error");
        o.verbosity = 1;
        assert!(filter_text(&o, None).contains("debug"));
        assert_eq!(filter_text(&o, Some("warn".to_owned())), "warn");
        let bad = LogOptions {
            level: "animica_p2p=loud=louder".to_owned(),
            ..LogOptions::default()
        };
        assert!(init(&bad).is_err());
    }
}
