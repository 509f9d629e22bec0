//! The casts: who is there with what, and may call what. Each is small enough to be explored to its end.

use super::{Fd, File, Name, Proc};

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An eventfd: `a`, `b`.
    Event,
    /// A signalfd: `s`.
    Signal,
    /// A regular file, which cannot be polled: `r`.
    Plain,
    /// An epoll.
    Epoll,
}

impl Kind {
    /// The kind of a file.
    pub fn of(file: &str) -> Kind {
        match file {
            "a" | "b" => Kind::Event,
            "s" => Kind::Signal,
            "r" => Kind::Plain,
            _ => Kind::Epoll,
        }
    }
}

/// Who is there with what, and may call what.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Its name.
    pub name: &'static str,
    /// The processes. The second is there when the first has forked.
    pub procs: Vec<Proc>,
    /// The first process's table.
    pub first: Vec<(Fd, Option<File>)>,
    /// The calls.
    pub calls: Vec<Name>,
    /// The numbers that epoll calls are made on.
    pub at: Vec<Fd>,
    /// The numbers that are acted on.
    pub on: Vec<Fd>,
    /// Who may not do what.
    pub not: Vec<(Proc, Name)>,
}

const ONE: &[Proc] = &["P1"];
const TWO: &[Proc] = &["P1", "P2"];

impl Cast {
    /// The names of all.
    pub const NAMES: [&'static str; 11] = [
        "dup", "fork", "takeover", "trick", "pile", "edge", "signalfd", "modified", "errors",
        "nested", "chain",
    ];

    /// The cast of this name.
    pub fn named(name: &str) -> Option<Cast> {
        use Name::{
            Close, CtlAdd, CtlAddEt, CtlDel, CtlMod, CtlModEt, Dup, Dup2, EpollWait, Exit, Fork,
            Kill, Read, Write,
        };
        let cast = |procs: &[Proc], files: &[File], calls: &[Name], at: &[Fd], on: &[Fd]| Cast {
            name: Cast::NAMES.into_iter().find(|known| *known == name).unwrap_or_default(),
            procs: procs.to_vec(),
            first: (3..).zip(files.iter().map(|&f| (f != "-").then_some(f))).collect(),
            calls: calls.to_vec(),
            at: at.to_vec(),
            on: on.to_vec(),
            not: Vec::new(),
        };
        let without = |not: &[(Proc, Name)], cast: Cast| Cast { not: not.to_vec(), ..cast };
        Some(match name {
            "dup" => {
                let calls = [CtlAdd, CtlDel, Close, Dup, EpollWait];
                cast(ONE, &["e", "a", "-"], &calls, &[3], &[4, 5])
            }
            "fork" => without(
                &[("P1", Exit), ("P2", CtlAdd)],
                cast(TWO, &["e", "a"], &[CtlAdd, CtlDel, Fork, Exit, EpollWait], &[3], &[4]),
            ),
            "takeover" => without(
                &[("P2", Exit), ("P2", CtlAdd)],
                cast(TWO, &["e", "a"], &[CtlAdd, Fork, Exit, EpollWait], &[3], &[4]),
            ),
            "trick" => cast(ONE, &["e", "a", "b", "a"], &[CtlAdd, Dup2], &[3], &[4, 5, 6]),
            "pile" => {
                let calls = [CtlAdd, Close, Dup, EpollWait];
                cast(ONE, &["e", "a", "-", "-"], &calls, &[3], &[4, 5, 6])
            }
            "edge" => {
                let calls = [CtlAdd, CtlAddEt, CtlMod, CtlModEt, CtlDel, Write, Read, EpollWait];
                cast(ONE, &["e", "a"], &calls, &[3], &[4])
            }
            "signalfd" => {
                let calls = [CtlAdd, Fork, Kill, Read, Exit, EpollWait];
                cast(TWO, &["e", "s"], &calls, &[3], &[4])
            }
            "modified" => {
                let calls = [CtlAdd, CtlMod, Fork, Kill, Read, EpollWait];
                cast(TWO, &["e", "s"], &calls, &[3], &[4])
            }
            "errors" => {
                let calls = [CtlAdd, CtlMod, CtlDel, EpollWait];
                cast(ONE, &["e", "a", "r", "-"], &calls, &[3, 4, 6], &[3, 4, 5, 6])
            }
            "nested" => {
                let calls = [CtlAdd, CtlDel, EpollWait];
                cast(ONE, &["e", "d", "a", "e"], &calls, &[3, 4], &[4, 5, 6])
            }
            "chain" => {
                let (files, all) = (["e1", "e2", "e3", "e4", "e5", "e6"], [3, 4, 5, 6, 7, 8]);
                cast(ONE, &files, &[CtlAdd], &all, &all)
            }
            _ => return None,
        })
    }

    /// Whether the process may make this call.
    pub fn may(&self, proc: Proc, name: Name) -> bool {
        self.calls.contains(&name) && !self.not.contains(&(proc, name))
    }

    /// The numbers that a call may be made with.
    pub fn args(&self, name: Name) -> Vec<Vec<Fd>> {
        let one = |numbers: &[Fd]| numbers.iter().map(|&fd| vec![fd]).collect();
        let two = |first: &[Fd], second: &[Fd]| {
            let pairs = first.iter().flat_map(|&n| second.iter().map(move |&m| (n, m)));
            pairs.filter(|&pair| self.fits(pair)).map(|(n, m)| vec![n, m]).collect()
        };
        match name {
            Name::Fork | Name::Exit | Name::Kill => vec![Vec::new()],
            Name::EpollWait => one(&self.at),
            Name::Close | Name::Dup | Name::Write | Name::Read => one(&self.on),
            Name::Dup2 => two(&self.on, &self.on),
            _ => two(&self.at, &self.on),
        }
    }

    /// In the chain each epoll may be added to the one before it, the first to the last; the trick is done with one
    /// number.
    fn fits(&self, (n, m): (Fd, Fd)) -> bool {
        match self.name {
            "chain" => m == n + 1 || (n, m) == (8, 3),
            "trick" => m == 4,
            _ => true,
        }
    }
}
