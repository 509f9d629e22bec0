//! Programs: what calls answer, one after the other.
//!
//! A [`Program`] set is a cast of `lifetimes::epoll_api` under a rule. It has no threads, for a call is atomic in it:
//! the mirror is explored breadth-first, its graph is held against the spec's, and the same calls are made on the
//! running kernel.
//!
//! | file | what lives there |
//! |---|---|
//! | `search` | every state, every call, and the shortest way to each |
//! | `show` | states as the spec shows them, and the graph |
//! | `text` | a program as a list of calls |
//! | `kernel` | the calls made for real |

mod kernel;
mod search;
mod show;
mod text;

use crate::record::{Budget, Listing, Pass, Record, Violation};
use lifetimes::epoll_api::laws::LAWS;
use lifetimes::epoll_api::{Cast, Rule, System};
use search::Search;
use std::path::Path;

/// All programs of a cast under a rule, with another rule beside it where two are compared.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name; also that of the graph in `spec/graphs`.
    pub name: String,
    /// What it is about, in one line.
    pub about: String,
    /// The cast and the rules.
    pub system: System,
}

const RULES: [(&str, Rule); 9] = [
    ("number", Rule::Number),
    ("file", Rule::File),
    ("table", Rule::Table),
    ("keyfile", Rule::KeyFile),
    ("keyfd", Rule::KeyFd),
    ("keytable", Rule::KeyTable),
    ("reader", Rule::Reader),
    ("noloop", Rule::NoLoop),
    ("once", Rule::Once),
];

/// Where each proposal is compared with today's rule.
const COMPARED: [&str; 4] = ["dup", "fork", "takeover", "trick"];

/// What breaks the properties: a rule that is tried alone, and the cast in which it shows.
const BROKEN: [(&str, &str); 12] = [
    ("dup", "number"),
    ("dup", "keyfile"),
    ("fork", "number"),
    ("fork", "keytable"),
    ("takeover", "number"),
    ("takeover", "table"),
    ("trick", "number"),
    ("trick", "keyfd"),
    ("pile", "number"),
    ("edge", "once"),
    ("signalfd", "reader"),
    ("chain", "noloop"),
];

/// Every set of programs.
pub fn all() -> Vec<Program> {
    let program = |cast: &str, rule: Option<&str>, other: Option<&str>| {
        let named =
            |word: &str| RULES.iter().find(|(known, _)| *known == word).map(|(_, rule)| *rule);
        let system = System {
            cast: Cast::named(cast)?,
            rule: rule.map_or(Some(Rule::Today), named)?,
            other: match other {
                Some(other) => Some(named(other)?),
                None => None,
            },
        };
        let (name, about) = match (rule, other) {
            (Some(rule), _) => {
                (format!("api-{cast}-if-{rule}"), format!("{cast}, if the rule were {rule}"))
            }
            (None, Some(other)) => {
                (format!("api-{cast}-{other}"), format!("{cast}, today's rule beside {other}"))
            }
            (None, None) => (format!("api-{cast}"), format!("{cast}, today's rule")),
        };
        Some(Program { name, about, system })
    };
    let today = Cast::NAMES.into_iter().map(|cast| program(cast, None, None));
    let proposals = ["number", "file", "table"];
    let pairs = COMPARED.into_iter().flat_map(|cast| proposals.map(|other| (cast, other)));
    let compared = pairs.map(|(cast, other)| program(cast, None, Some(other)));
    let broken = BROKEN.into_iter().map(|(cast, rule)| program(cast, Some(rule), None));
    today.chain(compared).chain(broken).flatten().collect()
}

/// The set of this name.
pub fn find(name: &str) -> Option<Program> {
    all().into_iter().find(|program| program.name == name)
}

impl Program {
    /// The engines that it runs under: the kernel has today's rule and no other.
    pub fn engines(&self) -> Vec<&'static str> {
        match self.system.rule {
            Rule::Today => vec!["lockstep", "kernel"],
            _ => vec!["lockstep"],
        }
    }

    /// Runs a pass.
    ///
    /// # Errors
    /// A text for people when the pass is none of this, or the graph is missing.
    pub fn run(&self, pass: Pass, budget: Budget, graphs: &Path) -> Result<Record, String> {
        if !self.engines().contains(&pass.engine()) {
            return Err(format!("{} does not run under {}", self.name, pass.engine()));
        }
        if pass == Pass::Kernel {
            return Ok(self.play(budget));
        }
        let search = Search::of(&self.system);
        let mut record = Record::new(&self.name, pass);
        record.executions = 1;
        self.enter_laws(&search, &mut record, |_| true);
        self.lockstep(&search, &mut record, graphs)?;
        Ok(record)
    }

    /// Plays the programs on the kernel, whatever the rule: a rule that is not the kernel's is found out.
    pub fn play(&self, budget: Budget) -> Record {
        let mut record = Record::new(&self.name, Pass::Kernel);
        kernel::run(self, &Search::of(&self.system), budget, &mut record);
        record
    }

    /// Enters what the laws say of every state, each with a shortest program that `shows` it.
    fn enter_laws(
        &self,
        search: &Search,
        record: &mut Record,
        mut shows: impl FnMut(&[usize]) -> bool,
    ) {
        for law in LAWS {
            let Some(node) =
                search.states.iter().position(|state| (law.holds)(state) == law.witness)
            else {
                continue;
            };
            let way = search.way_to(node);
            if !shows(&way) {
                continue;
            }
            let lines = text::program(&self.system, way.iter().map(|&n| &search.states[n]));
            record.programs.push(Listing { property: law.name.to_owned(), lines });
            if law.witness {
                record.witnesses.push(law.name.to_owned());
            } else {
                let detail = format!("after {} calls", way.len() - 1);
                record.violations.push(Violation { property: law.name.to_owned(), detail });
            }
        }
    }

    /// Holds the mirror's graph against the spec's: the same states, the same steps.
    fn lockstep(&self, search: &Search, record: &mut Record, graphs: &Path) -> Result<(), String> {
        let file = graphs.join(format!("{}.graph", self.name));
        let spec = std::fs::read_to_string(&file).map_err(|error| {
            let make = format!("make it with `cargo verify spec {} --update`", self.name);
            format!("{}: {error}; {make}", file.display())
        })?;
        let spec = lockstep::compact::read(&spec)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let code = show::graph(&self.name, search).map_err(|error| error.to_string())?;
        record.divergence = spec.diff(&code).map(|difference| {
            format!("the spec's graph (here) and the code's (there) differ: {difference}")
        });
        let same = show::compare(&spec, &code);
        record.states = Some(spec.states().len() as u64);
        record.edges = Some(spec.edges().len() as u64);
        record.states_covered = Some(same.states);
        record.edges_covered = Some(same.edges);
        record.extra_edges = Some(same.extra);
        "every state and every call".clone_into(&mut record.bound);
        Ok(())
    }
}
