//! Progress on stderr: a line that moves on a terminal, a line per finished piece elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Progress over a known number of pieces, of which several are in work at a time.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    total: usize,
    done: usize,
    in_work: Vec<String>,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            // The template is a constant; were it wrong, the default style would do.
            if let Ok(style) =
                ProgressStyle::with_template("{spinner} [{pos}/{len}] {elapsed} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { bar, state: Mutex::new(State { total, done: 0, in_work: Vec::new() }) }
    }

    /// A piece of work begins.
    pub(crate) fn start(&self, name: &str) {
        self.change(|state| state.in_work.push(name.to_owned()));
    }

    /// It has ended; `said` puts its result into a few words.
    pub(crate) fn finish(&self, name: &str, said: &str) {
        self.change(|state| {
            state.done += 1;
            if let Some(at) = state.in_work.iter().position(|other| other == name) {
                state.in_work.remove(at);
            }
            if self.bar.is_none() {
                eprintln!("[{}/{}] {name}: {said}", state.done, state.total);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        // A piece that panicked has changed nothing half-way that matters to a progress line.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if let Some(bar) = &self.bar {
            bar.set_position(state.done as u64);
            bar.set_message(state.in_work.join(", "));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
