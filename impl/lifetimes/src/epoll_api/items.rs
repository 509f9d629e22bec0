//! What the rules do to items, and what a poll finds.

use super::{Answer, Fd, File, Got, Item, Items, Kind, Name, Proc, Rule, State};
use std::collections::BTreeSet;

/// How many epolls may be below another.
const EP_MAX_NESTS: usize = 4;

/// What a call answers, and the items after it.
pub(super) struct Effect {
    pub(super) answer: Answer,
    pub(super) items: Items,
}

/// Whether the item goes because the process closes this number, which is this file.
pub(super) fn taken(rule: Rule, item: &Item, proc: Proc, fd: Fd, file: Option<File>) -> bool {
    let of_file = Some(item.file) == file;
    match rule {
        Rule::File => of_file,
        Rule::Number => of_file && item.fd == fd,
        Rule::Table => of_file && item.fd == fd && item.by == Some(proc),
        _ => false,
    }
}

impl Effect {
    /// What a call does to items; `None` if it does nothing.
    pub(super) fn of(
        rule: Rule,
        items: &Items,
        state: &State,
        proc: Proc,
        name: Name,
        args: &[Fd],
    ) -> Option<Effect> {
        let (items, at) =
            (items.clone(), |n: usize| args.get(n).and_then(|&fd| state.at(proc, fd)));
        let mut world = World { rule, items, state, proc };
        let mut got = BTreeSet::new();
        let is = match name {
            Name::CtlAdd | Name::CtlAddEt | Name::CtlMod | Name::CtlModEt | Name::CtlDel => {
                match refused(at(0), at(1)) {
                    Ok((ep, file)) => world.ctl(name, ep, file, *args.get(1)?),
                    Err(errno) => errno,
                }
            }
            Name::EpollWait => match at(0) {
                None => "EBADF",
                Some(ep) if Kind::of(ep) != Kind::Epoll => "EINVAL",
                Some(ep) => {
                    got = world.wait(ep);
                    "ok"
                }
            },
            Name::Write => match at(0) {
                None => "EBADF",
                Some(file) => {
                    world.wake(BTreeSet::from([file]));
                    "ok"
                }
            },
            Name::Read => match at(0) {
                None => "EBADF",
                Some(file) if world.ready(file) => "ok",
                Some(_) => "EAGAIN",
            },
            // One that is pending already is lost, and wakes nobody.
            Name::Kill if state.pend.contains(proc) => "ok",
            Name::Kill => {
                let heard = |item: &Item| item.by == Some(proc) || rule == Rule::Reader;
                world.signalfds(heard, |item| Item { on: true, ..item });
                "ok"
            }
            Name::Exit => {
                let deaf = |item: &Item| item.by == Some(proc);
                world.signalfds(deaf, |item| Item { on: true, by: None, ..item });
                "ok"
            }
            Name::Close | Name::Dup | Name::Dup2 | Name::Fork => return None,
        };
        Some(Effect { answer: Answer { is, got }, items: world.items })
    }
}

/// The errors that epoll_ctl looks for first, in their order.
fn refused(ep: Option<File>, file: Option<File>) -> Result<(File, File), &'static str> {
    let (Some(ep), Some(file)) = (ep, file) else { return Err("EBADF") };
    if Kind::of(file) == Kind::Plain {
        Err("EPERM")
    } else if ep == file || Kind::of(ep) != Kind::Epoll {
        Err("EINVAL")
    } else {
        Ok((ep, file))
    }
}

/// The items as one call of one process finds them.
struct World<'a> {
    rule: Rule,
    items: Items,
    state: &'a State,
    proc: Proc,
}

impl World<'_> {
    fn ctl(&mut self, name: Name, ep: File, file: File, fd: Fd) -> &'static str {
        let et = matches!(name, Name::CtlAddEt | Name::CtlModEt);
        let found = self.find(ep, file, fd);
        if name.adds() {
            if self.loops(ep, file) {
                return "ELOOP";
            }
            if !found.is_empty() {
                return "EEXIST";
            }
            self.polled(Item { ep, file, fd, et, on: false, by: Some(self.proc) });
            return "ok";
        }
        let Some(&first) = found.first() else { return "ENOENT" };
        if name == Name::CtlDel {
            self.items.retain(|item| !found.contains(item));
        } else {
            self.items.remove(&first);
            self.polled(Item { et, ..first });
        }
        "ok"
    }

    /// Every item on the list is polled; a level-triggered one that is ready stays there.
    fn wait(&mut self, ep: File) -> BTreeSet<Got> {
        let listed: Vec<Item> =
            self.items.iter().filter(|item| item.ep == ep && item.on).copied().collect();
        let (told, quiet): (Vec<Item>, Vec<Item>) =
            listed.into_iter().partition(|item| self.ready(item.file));
        let rule = self.rule;
        let once = |item: &&Item| item.et || rule == Rule::Once;
        for item in quiet.iter().chain(told.iter().filter(once)) {
            self.items.remove(item);
            self.items.insert(Item { on: false, ..*item });
        }
        told.iter().map(|item| Got::Event(item.file, item.fd)).collect()
    }

    fn find(&self, ep: File, file: File, fd: Fd) -> Vec<Item> {
        let fits = |item: &&Item| {
            item.ep == ep
                && (self.rule == Rule::KeyFd || item.file == file)
                && (self.rule == Rule::KeyFile || item.fd == fd)
                && (self.rule != Rule::KeyTable || item.by == Some(self.proc))
        };
        self.items.iter().filter(fits).copied().collect()
    }

    /// What a poll answers. A signalfd asks for the signals of its caller.
    fn ready(&self, file: File) -> bool {
        match Kind::of(file) {
            Kind::Event => self.state.ready.contains(file),
            Kind::Signal => self.state.pend.contains(self.proc),
            Kind::Epoll => {
                self.items.iter().any(|item| item.ep == file && item.on && self.ready(item.file))
            }
            Kind::Plain => false,
        }
    }

    /// The item is polled; if it is ready it goes on the list, and wakes what is above.
    fn polled(&mut self, item: Item) {
        let wakes = self.ready(item.file) && !item.on;
        if wakes {
            self.wake(BTreeSet::from([item.ep]));
        }
        self.items.insert(Item { on: item.on || wakes, ..item });
    }

    /// These files and the epolls that watch them, directly or through others.
    fn above(&self, mut files: BTreeSet<File>) -> BTreeSet<File> {
        loop {
            let watched = self.items.iter().filter(|item| files.contains(item.file));
            let more: BTreeSet<File> = watched.map(|item| item.ep).collect();
            if more.is_subset(&files) {
                return files;
            }
            files.extend(more);
        }
    }

    /// The items of these files, and what is above them, go on the ready lists.
    fn wake(&mut self, files: BTreeSet<File>) {
        let woken = self.above(files);
        let items = std::mem::take(&mut self.items);
        let wake = |item: Item| Item { on: item.on || woken.contains(item.file), ..item };
        self.items = items.into_iter().map(wake).collect();
    }

    /// Changes the items of signalfds that are picked, and wakes what is above them.
    fn signalfds(&mut self, picked: impl Fn(&Item) -> bool, change: impl Fn(Item) -> Item) {
        let mut eps = BTreeSet::new();
        let items = std::mem::take(&mut self.items);
        let changed = |item: Item| {
            if Kind::of(item.file) != Kind::Signal || !picked(&item) {
                return item;
            }
            eps.insert(item.ep);
            change(item)
        };
        self.items = items.into_iter().map(changed).collect();
        self.wake(eps);
    }

    /// Whether the epoll `file` in `ep` would close a circle, or lie too deep.
    fn loops(&self, ep: File, file: File) -> bool {
        let epoll = Kind::of(file) == Kind::Epoll && self.rule != Rule::NoLoop;
        epoll
            && (self.above(BTreeSet::from([ep])).contains(file)
                || self.down(file) + 1 + self.up(ep) > EP_MAX_NESTS)
    }

    fn down(&self, ep: File) -> usize {
        let inner = self.items.iter().filter(|item| item.ep == ep);
        let inner = inner.filter(|item| Kind::of(item.file) == Kind::Epoll);
        inner.map(|item| 1 + self.down(item.file)).max().unwrap_or(0)
    }

    fn up(&self, ep: File) -> usize {
        let outer = self.items.iter().filter(|item| item.file == ep);
        outer.map(|item| 1 + self.up(item.ep)).max().unwrap_or(0)
    }
}
