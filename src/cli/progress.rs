//! A progress bar for a long command: on a terminal only, never in a log.

use indicatif::{ProgressBar, ProgressStyle};

use super::screen::Screen;
use crate::api::control::Step;

/// The bar, or nothing where it would be noise.
#[derive(Debug)]
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar that counts `what`.
    pub(super) fn new(screen: &Screen, what: &'static str) -> Self {
        Self(screen.shows_progress().then(|| {
            let bar = ProgressBar::no_length();
            let style = ProgressStyle::with_template(
                "{prefix} [{wide_bar}] {human_pos}/{human_len} {per_sec} {eta}",
            );
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(what);
            bar
        }))
    }

    /// Moves it.
    pub(super) fn step(&self, step: &Step) {
        if let Some(bar) = &self.0 {
            if let Some(total) = step.total {
                bar.set_length(total);
            }
            bar.set_position(step.done);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
