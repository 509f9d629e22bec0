//! Waiting: spin, then yield, then sleep.

use core::time::Duration;

const SPINS: u32 = 6;
const YIELDS: u32 = 16;
const SHORTEST: Duration = Duration::from_micros(50);
const LONGEST: Duration = Duration::from_millis(1);

/// Somebody who waits for a thing that has no bell.
pub(super) struct Wait {
    round: u32,
    sleep: Duration,
}

impl Wait {
    pub(super) fn new() -> Self {
        Self { round: 0, sleep: SHORTEST }
    }

    /// A little longer than the last time.
    pub(super) fn pause(&mut self) {
        if cfg!(any(graceref_loom, graceref_shuttle)) {
            // The engines decide who goes on.
        } else if self.round < SPINS {
            for _ in 0..1 << self.round {
                core::hint::spin_loop();
            }
        } else if self.round < SPINS + YIELDS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(self.sleep);
            self.sleep = (self.sleep * 2).min(LONGEST);
        }
        self.round = self.round.saturating_add(1);
    }
}
