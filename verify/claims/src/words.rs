//! The fixed words of the register: engines, expected findings and verdicts.

use std::fmt;

/// Declares an enum whose variants have one spelling each, the same in the register, on the command
/// line and in the JSON report.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$about])* $variant,)+ }

        impl $name {
            /// Every value, in the order in which tables show them.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// How each of [`Self::ALL`] is written.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// How it is written.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The value that is written `word`, or `None`.
            pub fn from_word(word: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(self.word())
            }
        }
    };
}

words! {
    /// What decides a case.
    Engine {
        /// TLC on the spec alone: every state of the model.
        Tlc = "tlc",
        /// The compiled code's graph against the spec's, state by state and edge by edge.
        Lockstep = "lockstep",
        /// Every interleaving with a state cache, then random and PCT schedules.
        Shuttle = "shuttle",
        /// The RMW pass (complete for interleavings) and the native pass (weak memory).
        Loom = "loom",
        /// Real threads on this machine.
        Threads = "threads",
        /// The running kernel, as far as user space sees it.
        Kernel = "kernel",
    }
}

impl Engine {
    /// Whether the engine runs a scenario; TLC runs a model instead.
    pub const fn runs_scenarios(self) -> bool {
        !matches!(self, Engine::Tlc)
    }
}

words! {
    /// What an engine must find about the property of a case.
    Expect {
        /// Nothing violates it.
        Holds = "holds",
        /// Something does: an engine that finds nothing has failed.
        Violated = "violated",
        /// The property is a witness: a behaviour that must be possible.
        Reachable = "reachable",
    }
}

words! {
    /// What is said of the statement as a whole.
    Verdict {
        /// The statement holds.
        Holds = "holds",
        /// A counterexample exists.
        Violated = "violated",
        /// The behaviour is possible.
        Reachable = "reachable",
        /// The statement is wrong: a trace or an exhausted model shows it.
        Refuted = "refuted",
        /// Broken without the measure that it speaks of, right with it.
        ViolatedWithoutHoldsWith = "violated without, holds with",
    }
}

impl Verdict {
    /// What the cases must expect, at least one of each, for the verdict to rest on something. A
    /// refuted statement names none: what refutes it may be a trace or an exhausted model.
    pub const fn rests_on(self) -> &'static [Expect] {
        match self {
            Verdict::Holds => &[Expect::Holds],
            Verdict::Violated => &[Expect::Violated],
            Verdict::Reachable => &[Expect::Reachable],
            Verdict::Refuted => &[],
            Verdict::ViolatedWithoutHoldsWith => &[Expect::Violated, Expect::Holds],
        }
    }
}
