//! What the examples share: options, random numbers, and a list of what was proved.

use std::process::ExitCode;

/// The number after this option, as in `--rounds 1000`; anything else on the command line is refused.
pub(crate) fn option(name: &str, default: u64) -> u64 {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut value = default;
    for pair in words.chunks(2) {
        let number = pair.get(1).and_then(|word| word.parse().ok());
        let known = ["--rounds", "--seed"].contains(&pair[0].as_str());
        let Some(number) = number.filter(|_| known) else {
            eprintln!("{}: not understood; there are --rounds N and --seed N", pair.join(" "));
            std::process::exit(2);
        };
        if pair[0] == name {
            value = number;
        }
    }
    value
}

/// Marsaglia's xorshift: the same numbers for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64, thread: u64) -> Self {
        Self((seed ^ (thread + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).max(1))
    }

    /// A number below the bound.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 16) % bound as u64).unwrap()
    }
}

/// What was to be proved; the example fails if something was not.
#[derive(Default)]
pub(crate) struct Proof {
    failed: bool,
}

impl Proof {
    pub(crate) fn that(&mut self, holds: bool, what: &str) {
        println!("{}: {what}", if holds { "proved" } else { "NOT SO" });
        self.failed |= !holds;
    }

    pub(crate) fn end(&self) -> ExitCode {
        if self.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}
