//! The properties and witnesses, each a function of a state, under the spec's names.

use super::{Fd, File, Got, Item, Key, Kind, Name, Proc, Run, State, keys};
use std::collections::BTreeSet;

/// What a program must never see, or must be able to.
#[derive(Debug, Clone, Copy)]
pub struct Law {
    /// Its name; of a witness, without the spec's `Never`.
    pub name: &'static str,
    /// Whether it is a witness: then it is to be true somewhere, else everywhere.
    pub witness: bool,
    /// Whether it is true in a state.
    pub holds: fn(&State) -> bool,
}

const fn always(name: &'static str, holds: fn(&State) -> bool) -> Law {
    Law { name, witness: false, holds }
}

const fn somewhere(name: &'static str, holds: fn(&State) -> bool) -> Law {
    Law { name, witness: true, holds }
}

/// All of them.
pub const LAWS: &[Law] = &[
    always("SameAnswers", |state| state.call.other.is_none()),
    always("NoItemOfClosed", |state| {
        let open = |item: &Item| state.open(item.file) && state.open(item.ep);
        state.items.iter().chain(&state.others).all(open)
    }),
    always("EventsOutliveClose", |state| waited(state).is_none_or(|wait| wait.tells_all(state))),
    always("NoEventAfterDel", |state| {
        waited(state).is_none_or(|wait| {
            wait.events().all(|(file, fd)| state.added.contains(&(wait.ep, file, fd)))
        })
    }),
    always("KeptUntilLast", |state| {
        waited(state).is_none_or(|wait| {
            let of: Vec<&Key> = state.added.iter().filter(|key| key.0 == wait.ep).collect();
            let all = of.iter().all(|key| state.ready.contains(key.1));
            !all || state.items.iter().any(|item| item.et) || wait.got.len() == of.len()
        })
    }),
    always("ExitKeeps", |state| {
        let gone = state.run.values().any(|run| *run == Run::Gone);
        !gone || waited(state).is_none_or(|wait| wait.tells_all(state))
    }),
    always("LevelTold", |state| {
        waited(state).is_none_or(|wait| {
            let level =
                |item: &&Item| item.ep == wait.ep && !item.et && Kind::of(item.file) == Kind::Event;
            state.items.iter().filter(level).all(|item| {
                wait.got.contains(&Got::Event(item.file, item.fd))
                    == state.ready.contains(item.file)
            })
        })
    }),
    always("EdgeOnce", |state| {
        waited(state).is_none_or(|wait| {
            state.items.iter().all(|item| item.ep != wait.ep || !item.et || !item.on)
        })
    }),
    always("DelNeedsNumber", |state| {
        let gone = |by, &(_, file, fd): &Key| state.at(by, fd) == Some(file);
        by(state, Name::CtlDel).is_none_or(|by| state.call.gone.iter().all(|key| gone(by, key)))
    }),
    always("RefusedKeeps", |state| {
        let ctl = state.call.made.is_some_and(|(_, name)| name.is_ctl());
        !ctl || state.call.answer.is == "ok" || keys(&state.items) == state.added
    }),
    always("DelIsShared", |state| {
        by(state, Name::CtlDel).is_none_or(|by| match (state.call.answer.is, argument(state, by)) {
            ("ok", Some(key)) => !keys(&state.items).contains(&key),
            ("ENOENT", Some(key)) => !state.added.contains(&key),
            _ => true,
        })
    }),
    always("TakeoverWorks", |state| taken_over(state).is_none_or(|wait| wait.tells_all(state))),
    always("EexistMeansSame", |state| match state.call.answer.is {
        "ok" | "EEXIST" if called(state, Name::CtlAdd) => {
            (state.call.answer.is == "EEXIST") == state.call.had
        }
        _ => true,
    }),
    always("SignalfdWokenByAdder", |state| {
        signals(state).all(|item| item.by.is_none_or(|by| state.signalled.contains(by)))
    }),
    always("Acyclic", |state| {
        files(state).into_iter().all(|file| deepest(state, file, &[]).is_some())
    }),
    always("DepthBounded", |state| {
        files(state).into_iter().all(|file| deepest(state, file, &[]).is_some_and(|deep| deep <= 4))
    }),
    somewhere("ClosedDel", |state| {
        called(state, Name::CtlDel)
            && state.call.answer.is == "EBADF"
            && stranded(state).any(|item| item.fd == state.call.args[1])
    }),
    somewhere("Stranded", |state| {
        by(state, Name::CtlDel).is_some_and(|by| {
            state.call.answer.is == "ENOENT"
                && stranded(state).any(|item| state.at(by, state.call.args[1]) == Some(item.file))
        })
    }),
    somewhere("PiledUp", |state| {
        let left = state.fds["P1"].values().filter(|file| **file == Some("a")).count();
        waited(state).is_some_and(|wait| left == 1 && wait.events().count() == 3)
    }),
    somewhere("ChildDel", |state| {
        by(state, Name::CtlDel) == Some("P2")
            && state.call.answer.is == "ok"
            && state.run["P1"] == Run::Run
    }),
    somewhere("TakenOver", |state| taken_over(state).is_some_and(|wait| wait.events().count() > 0)),
    somewhere("Stolen", |state| {
        waited(state).is_some_and(|wait| {
            let own = |item: &Item| Kind::of(item.file) == Kind::Signal && item.by == Some(wait.by);
            wait.events().count() == 0
                && state.pend.contains(wait.by)
                && state.items.iter().any(own)
        })
    }),
    somewhere("OwnSignal", |state| {
        signals(state).any(|item| item.by.is_some_and(|by| !state.pend.contains(by)))
    }),
    somewhere("Orphan", |state| signals(state).any(|item| item.by.is_none())),
    somewhere("Self", |state| {
        called(state, Name::CtlAdd)
            && state.call.answer.is == "EINVAL"
            && state.call.args[0] != state.call.args[1]
    }),
    somewhere("Loop", |state| state.call.answer.is == "ELOOP"),
    somewhere("Through", |state| {
        waited(state)
            .is_some_and(|wait| wait.events().any(|(file, _)| Kind::of(file) == Kind::Epoll))
    }),
    somewhere("Told", |state| waited(state).is_some_and(|wait| wait.events().count() > 0)),
];

fn by(state: &State, name: Name) -> Option<Proc> {
    state.call.made.filter(|(_, made)| *made == name).map(|(by, _)| by)
}

fn called(state: &State, name: Name) -> bool {
    by(state, name).is_some()
}

/// The items that no number reaches any more.
fn stranded(state: &State) -> impl Iterator<Item = &Item> {
    let reached = |item: &Item| state.fds.keys().any(|by| state.at(by, item.fd) == Some(item.file));
    state.items.iter().filter(move |item| !reached(item))
}

fn argument(state: &State, by: Proc) -> Option<Key> {
    match state.call.args[..] {
        [ep, fd] => Some((state.at(by, ep)?, state.at(by, fd)?, fd)),
        _ => None,
    }
}

/// An epoll_wait that has found an epoll.
struct Wait<'a> {
    by: Proc,
    ep: File,
    got: &'a BTreeSet<Got>,
}

fn waited(state: &State) -> Option<Wait<'_>> {
    let by = by(state, Name::EpollWait).filter(|_| state.call.answer.is == "ok")?;
    Some(Wait { by, ep: state.at(by, *state.call.args.first()?)?, got: &state.call.answer.got })
}

/// One by the child, the parent being gone.
fn taken_over(state: &State) -> Option<Wait<'_>> {
    waited(state).filter(|wait| wait.by == "P2" && state.run["P1"] == Run::Gone)
}

impl Wait<'_> {
    fn events(&self) -> impl Iterator<Item = (File, Fd)> + '_ {
        self.got.iter().filter_map(|got| match *got {
            Got::Event(file, fd) => Some((file, fd)),
            _ => None,
        })
    }

    /// What was added and is ready is told. (Of level-triggered items.)
    fn tells_all(&self, state: &State) -> bool {
        if state.items.iter().any(|item| item.et) {
            return true;
        }
        let due = |&&(ep, file, _): &&Key| ep == self.ep && state.ready.contains(file);
        state
            .added
            .iter()
            .filter(due)
            .all(|&(_, file, fd)| self.got.contains(&Got::Event(file, fd)))
    }
}

/// The items of signalfds that the last call has told of.
fn signals(state: &State) -> impl Iterator<Item = &Item> {
    let told = waited(state);
    state.items.iter().filter(move |item| {
        Kind::of(item.file) == Kind::Signal
            && told.as_ref().is_some_and(|wait| {
                item.ep == wait.ep && wait.got.contains(&Got::Event(item.file, item.fd))
            })
    })
}

fn files(state: &State) -> BTreeSet<File> {
    state.items.iter().map(|item| item.ep).collect()
}

/// How many epolls are below this one; `None` if it is below itself.
fn deepest(state: &State, ep: File, seen: &[File]) -> Option<usize> {
    if seen.contains(&ep) {
        return None;
    }
    let seen = [seen, &[ep]].concat();
    let inner = state.items.iter().filter(|item| item.ep == ep);
    let inner: BTreeSet<File> =
        inner.map(|item| item.file).filter(|file| Kind::of(file) == Kind::Epoll).collect();
    inner.into_iter().try_fold(0, |deep, file| Some(deep.max(1 + deepest(state, file, &seen)?)))
}
