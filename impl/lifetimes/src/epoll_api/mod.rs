//! What programs see of epoll: calls, and what they answer.
//!
//! Processes, descriptor tables, open files and epolls as one state, and one function that makes a call: a second
//! text of `spec/EpollApi.tla` under the same names. Two rules for the life of an item answer side by side, and the
//! program ends where they first differ.
//!
//! | file | what lives there |
//! |---|---|
//! | `cast` | who is there with what, and may call what |
//! | `items` | what the rules do to items, and what a poll finds |
//! | `laws` | the properties and witnesses, as functions of a state |

pub mod cast;
pub mod laws;

mod items;

pub use cast::{Cast, Kind};

use items::Effect;
use std::collections::{BTreeMap, BTreeSet};

/// An open file, by its name in the spec.
pub type File = &'static str;
/// A process: `P1`, or the `P2` that it forks.
pub type Proc = &'static str;
/// A descriptor number.
pub type Fd = u32;
/// The items of all epolls.
pub type Items = BTreeSet<Item>;
/// An item as a program knows it: the epoll, the file, the number that it was added by.
pub type Key = (File, File, Fd);

/// What becomes of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It lives until the last descriptor of its file is gone.
    Today,
    /// It also goes when its own number is closed.
    Number,
    /// Every item of a file goes when any of its numbers is closed.
    File,
    /// It goes when its own number is closed by the process that has added it.
    Table,
    /// As today, but items are told apart by the file alone.
    KeyFile,
    /// By the number alone.
    KeyFd,
    /// By the process that has added them as well.
    KeyTable,
    /// As today, but a signalfd is woken by the signals of whoever waits.
    Reader,
    /// As today, but nothing is asked when one epoll is added to another.
    NoLoop,
    /// As today, but a level is told once, as an edge is.
    Once,
}

/// One registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// The epoll that it is in.
    pub ep: File,
    /// The file that is watched.
    pub file: File,
    /// The number that it was added by.
    pub fd: Fd,
    /// Edge-triggered.
    pub et: bool,
    /// On the ready list.
    pub on: bool,
    /// Who has added it; nobody once the wait queue of a signalfd's adder is gone.
    pub by: Option<Proc>,
}

/// The life of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Run {
    /// It has not been forked yet.
    No,
    /// It runs.
    Run,
    /// It has exited and was waited for.
    Gone,
}

/// A system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// `epoll_wait` that does not wait.
    EpollWait,
    /// `close`.
    Close,
    /// `dup`, which takes the lowest number that is free.
    Dup,
    /// `dup2`.
    Dup2,
    /// `fork`.
    Fork,
    /// `exit`; and whoever is the parent waits for it.
    Exit,
    /// `EPOLL_CTL_ADD`, level-triggered.
    CtlAdd,
    /// `EPOLL_CTL_ADD` with `EPOLLET`.
    CtlAddEt,
    /// `EPOLL_CTL_MOD`, level-triggered.
    CtlMod,
    /// `EPOLL_CTL_MOD` with `EPOLLET`.
    CtlModEt,
    /// `EPOLL_CTL_DEL`.
    CtlDel,
    /// `write` to an eventfd.
    Write,
    /// `read` of everything that is there.
    Read,
    /// `kill`, to itself.
    Kill,
}

impl Name {
    /// All, in the order of the spec's next-state relation.
    pub const ALL: [Name; 14] = [
        Name::EpollWait,
        Name::Close,
        Name::CtlAdd,
        Name::CtlAddEt,
        Name::CtlMod,
        Name::CtlModEt,
        Name::CtlDel,
        Name::Dup,
        Name::Dup2,
        Name::Fork,
        Name::Exit,
        Name::Write,
        Name::Read,
        Name::Kill,
    ];

    /// The name in the spec's state.
    pub const fn word(self) -> &'static str {
        match self {
            Name::EpollWait => "epoll_wait",
            Name::Close => "close",
            Name::Dup => "dup",
            Name::Dup2 => "dup2",
            Name::Fork => "fork",
            Name::Exit => "exit",
            Name::CtlAdd => "ctl_add",
            Name::CtlAddEt => "ctl_add_et",
            Name::CtlMod => "ctl_mod",
            Name::CtlModEt => "ctl_mod_et",
            Name::CtlDel => "ctl_del",
            Name::Write => "write",
            Name::Read => "read",
            Name::Kill => "kill",
        }
    }

    /// The spec's action.
    pub const fn action(self) -> &'static str {
        match self {
            Name::EpollWait => "EpollWait",
            Name::Close => "Close",
            Name::Dup => "Dup",
            Name::Dup2 => "Dup2",
            Name::Fork => "Fork",
            Name::Exit => "Exit",
            Name::CtlAdd | Name::CtlAddEt => "CtlAdd",
            Name::CtlMod | Name::CtlModEt => "CtlMod",
            Name::CtlDel => "CtlDel",
            Name::Write => "Write",
            Name::Read => "Read",
            Name::Kill => "Kill",
        }
    }

    const fn is_ctl(self) -> bool {
        matches!(self, Name::CtlAdd | Name::CtlAddEt | Name::CtlMod | Name::CtlModEt | Name::CtlDel)
    }

    const fn adds(self) -> bool {
        matches!(self, Name::CtlAdd | Name::CtlAddEt)
    }
}

/// Something that a call answers with, beside its success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Got {
    /// A number: what `dup` returns.
    Fd(Fd),
    /// A process: what `fork` returns.
    Proc(Proc),
    /// An event, by the file and the number that it was added by.
    Event(File, Fd),
}

/// What a call answers: `ok` or the name of the error, and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Answer {
    /// `ok` or an errno; empty before the first call.
    pub is: &'static str,
    /// What comes with it.
    pub got: BTreeSet<Got>,
}

/// The last call of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Call {
    /// Who made it, and which; nobody and none before the first.
    pub made: Option<(Proc, Name)>,
    /// Its numbers.
    pub args: Vec<Fd>,
    /// What the rule answers.
    pub answer: Answer,
    /// What the other rule answers, where it differs.
    pub other: Option<Answer>,
    /// The items that it took away.
    pub gone: BTreeSet<Key>,
    /// An ADD of what was added before.
    pub had: bool,
}

/// The whole system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// Of each process, whether it runs.
    pub run: BTreeMap<Proc, Run>,
    /// The descriptor tables.
    pub fds: BTreeMap<Proc, BTreeMap<Fd, Option<File>>>,
    /// The eventfds whose counter is not zero.
    pub ready: BTreeSet<File>,
    /// The processes with a signal pending.
    pub pend: BTreeSet<Proc>,
    /// The items by the rule.
    pub items: Items,
    /// The items by the other rule.
    pub others: Items,
    /// The last call.
    pub call: Call,
    /// What was added and not deleted, of files that are open.
    pub added: BTreeSet<Key>,
    /// The processes that ever had a signal.
    pub signalled: BTreeSet<Proc>,
}

impl State {
    /// Whether any process has a number for the file.
    pub fn open(&self, file: File) -> bool {
        self.fds.values().flat_map(BTreeMap::values).any(|&f| f == Some(file))
    }

    /// The file under a number.
    pub fn at(&self, proc: Proc, fd: Fd) -> Option<File> {
        self.fds.get(proc)?.get(&fd).copied().flatten()
    }
}

/// A cast under a rule, with another rule beside it.
#[derive(Debug, Clone)]
pub struct System {
    /// Who is there.
    pub cast: Cast,
    /// The rule that the properties are about.
    pub rule: Rule,
    /// The rule beside it.
    pub other: Option<Rule>,
}

impl System {
    /// The state before the first call.
    pub fn first(&self) -> State {
        let cast = &self.cast;
        let table = |proc: &Proc| {
            let file =
                |&(fd, file): &(Fd, Option<File>)| (fd, if *proc == "P1" { file } else { None });
            (*proc, cast.first.iter().map(file).collect())
        };
        let run = |proc: &Proc| (*proc, if *proc == "P1" { Run::Run } else { Run::No });
        let events = cast.first.iter().filter_map(|&(_, file)| file);
        let ready = if cast.calls.contains(&Name::Write) {
            BTreeSet::new()
        } else {
            events.filter(|file| Kind::of(file) == Kind::Event).collect()
        };
        State {
            run: cast.procs.iter().map(run).collect(),
            fds: cast.procs.iter().map(table).collect(),
            ready,
            pend: BTreeSet::new(),
            items: Items::new(),
            others: Items::new(),
            call: Call::default(),
            added: BTreeSet::new(),
            signalled: BTreeSet::new(),
        }
    }

    /// Every call that can be made, and the state after it; none where the program is over.
    pub fn next(&self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        for &proc in &self.cast.procs {
            for name in Name::ALL {
                if self.cast.may(proc, name) {
                    let calls = self.cast.args(name);
                    next.extend(calls.iter().filter_map(|args| self.call(state, proc, name, args)));
                }
            }
        }
        next
    }

    /// Makes a call; `None` where it cannot be made here.
    pub fn call(&self, state: &State, proc: Proc, name: Name, args: &[Fd]) -> Option<State> {
        if state.run.get(proc) != Some(&Run::Run) || state.call.other.is_some() {
            return None;
        }
        let mut after = state.clone();
        let mut closed: Vec<(Fd, Option<File>)> = Vec::new();
        let table = after.fds.get_mut(proc)?;
        let mut plain = Answer { is: "ok", got: BTreeSet::new() };
        match (name, args) {
            (Name::Close, &[fd]) => match table.insert(fd, None).flatten() {
                Some(file) => closed.push((fd, Some(file))),
                None => plain.is = "EBADF",
            },
            (Name::Dup, &[fd]) => {
                let file = table.get(&fd).copied().flatten()?;
                let free = table.iter().find(|(_, file)| file.is_none()).map(|(&free, _)| free)?;
                table.insert(free, Some(file));
                plain.got.insert(Got::Fd(free));
            }
            (Name::Dup2, &[from, to]) if from != to => {
                let file = table.get(&from).copied().flatten()?;
                closed.push((to, table.insert(to, Some(file)).flatten()));
                plain.got.insert(Got::Fd(to));
            }
            (Name::Dup2, _) => return None,
            (Name::Fork, _) => {
                let copy = table.clone();
                let (&child, _) = after.run.iter().find(|(_, run)| **run == Run::No)?;
                after.fds.insert(child, copy);
                after.run.insert(child, Run::Run);
                plain.got.insert(Got::Proc(child));
            }
            (Name::Exit, _) => {
                closed = table.iter_mut().map(|(&fd, file)| (fd, file.take())).collect();
                after.run.insert(proc, Run::Gone);
            }
            _ => {}
        }
        closed.retain(|(_, file)| file.is_some());
        let effect = |rule, items: &Items| {
            let mut effect = Effect::of(rule, items, state, proc, name, args)
                .unwrap_or_else(|| Effect { answer: plain.clone(), items: items.clone() });
            effect.items.retain(|item| {
                let taken =
                    closed.iter().any(|&(fd, file)| items::taken(rule, item, proc, fd, file));
                after.open(item.file) && after.open(item.ep) && !taken
            });
            effect
        };
        let one = effect(self.rule, &state.items);
        let two = self.other.map(|other| effect(other, &state.others));
        let argument = || match args {
            &[ep, fd] => Some((state.at(proc, ep)?, state.at(proc, fd)?, fd)),
            _ => None,
        };
        let gone: BTreeSet<Key> =
            keys(&state.items).difference(&keys(&one.items)).copied().collect();
        after.call = Call {
            made: Some((proc, name)),
            args: args.to_vec(),
            other: two.as_ref().map(|two| &two.answer).filter(|two| **two != one.answer).cloned(),
            gone,
            had: name.adds() && argument().is_some_and(|key| state.added.contains(&key)),
            answer: one.answer,
        };
        after.items = one.items;
        after.others = two.map(|two| two.items).unwrap_or_default();
        Self::effects_on_files(state, &mut after, proc, name, args);
        let ok = after.call.answer.is == "ok";
        match argument() {
            Some(key) if ok && name.adds() => {
                after.added.insert(key);
            }
            Some(key) if ok && name == Name::CtlDel => {
                after.added.remove(&key);
            }
            _ => {}
        }
        let added = std::mem::take(&mut after.added);
        after.added =
            added.into_iter().filter(|&(ep, file, _)| after.open(ep) && after.open(file)).collect();
        Some(after)
    }

    /// What reading, writing and signals change.
    fn effects_on_files(state: &State, after: &mut State, proc: Proc, name: Name, args: &[Fd]) {
        let file = args.first().and_then(|&fd| state.at(proc, fd));
        match (name, file) {
            (Name::Write, Some(file)) => {
                after.ready.insert(file);
            }
            (Name::Read, Some(file)) => {
                after.ready.remove(file);
                if Kind::of(file) == Kind::Signal {
                    after.pend.remove(proc);
                }
            }
            (Name::Kill, _) => {
                after.pend.insert(proc);
                after.signalled.insert(proc);
            }
            (Name::Exit, _) => {
                after.pend.remove(proc);
            }
            _ => {}
        }
    }
}

/// The items as a program knows them.
pub fn keys(items: &Items) -> BTreeSet<Key> {
    items.iter().map(|item| (item.ep, item.file, item.fd)).collect()
}
