//! How an item goes: by EPOLL_CTL_DEL or an insert that fails, with its epoll, or with its file.
//!
//! Spec: `EpRemove`.

mod objects;

use crate::counts::FCount;
use crate::locked;
use graceref::sync::model::{violated, witness};
use graceref::sync::{MutexGuard, Ordering, Tracked, within};
use graceref::{at, local};
use objects::{Eventpoll, File, Gone, Item, USES};

/// What `f_count` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// The `atomic_long_t` of up to 6.12.
    AtomicLong,
    /// The `file_ref_t` of 6.13, whose last put is two steps.
    FileRef,
}

/// What `ep_remove` looks at before it touches `file->f_lock` and `f_ep`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// `epi->dying`, the flag of 2023.
    Dying,
    /// `epi_fget`, the pin of 2026.
    Pin,
    /// The pin, in `eventpoll_release_file` as well.
    Always,
}

/// Which version of the code: each switch by itself.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools)] // each is a switch of its own, as in the spec
pub struct Variant {
    /// The watched file's count.
    pub count: Count,
    /// What `ep_remove` looks at.
    pub guard: Guard,
    /// `epi_fget` before `->poll`, as since 2024.
    pub pin_poll: bool,
    /// The epoll's reference is dropped under `ep->mtx`, as in 2023.
    pub put_inside: bool,
    /// struct eventpoll is freed after a grace period, as in 2026.
    pub rcu_free: bool,
    /// An fput that was the last runs `__fput` at once.
    pub inline: bool,
    /// Of two `__fput` that are left to one task the later runs first, as task work does today.
    pub lifo: bool,
}

/// A system call: what a task does, and by which path it comes to the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `close` of the watched file.
    File,
    /// `close` of the epoll.
    Epfd,
    /// `EPOLL_CTL_DEL`.
    Del,
    /// `EPOLL_CTL_ADD`.
    Add,
    /// `EPOLL_CTL_ADD` whose last steps fail.
    Fail,
    /// `epoll_wait`.
    Wait,
}

impl Call {
    /// The spec's name of the task, and of its path.
    pub const fn name(self) -> &'static str {
        match self {
            Call::File => "file",
            Call::Epfd => "epfd",
            Call::Del => "del",
            Call::Add => "add",
            Call::Fail => "fail",
            Call::Wait => "wait",
        }
    }

    fn on_item(self) -> bool {
        matches!(self, Call::Del | Call::Add | Call::Fail)
    }

    fn adds(self) -> bool {
        matches!(self, Call::Add | Call::Fail)
    }

    fn polls(self) -> bool {
        matches!(self, Call::Wait | Call::Add)
    }
}

/// An epoll, an item, and the file that it watches.
#[derive(Debug)]
pub struct Watch {
    variant: Variant,
    file: File,
    ep: Eventpoll,
    item: Item,
    gone: Gone,
    descriptor: Tracked<()>,
}

impl Watch {
    /// What these calls find: they have their references already, and the item is there unless one of them adds it.
    pub fn new(variant: Variant, calls: &[Call]) -> Self {
        let there = !calls.iter().any(|call| call.adds());
        let references = |is: fn(&Call) -> bool| 1 + calls.iter().filter(|&call| is(call)).count();
        Self {
            variant,
            file: File::new(variant.count, references(|call| call.on_item()), there),
            ep: Eventpoll::new(
                references(|call| !matches!(call, Call::File | Call::Epfd)),
                there.into(),
            ),
            item: Item::new(there),
            gone: Gone::default(),
            descriptor: Tracked::new(()),
        }
    }

    /// Does the call, and what it leaves for the way back to user mode.
    pub fn call(&self, call: Call, waits: u32) {
        at!("fd");
        self.descriptor.with(|_| ());
        local!(path = call.name());
        match call {
            Call::File => {
                if self.file_put("file") {
                    self.__fput();
                }
            }
            Call::Epfd => self.done_with(false),
            Call::Wait => self.epoll_wait(waits),
            Call::Del | Call::Add | Call::Fail => self.epoll_ctl(call),
        }
    }

    fn epoll_ctl(&self, call: Call) {
        at!("mtx_lock");
        let guard = self.gone.touch("mutex", || self.ep.mtx.lock());
        let had = locked::is(&self.item.rbr);
        local!(had = had);
        if call.adds() {
            self.insert();
        }
        if call == Call::Add {
            self.item_poll(call);
        } else if had || call == Call::Fail {
            self.ep_remove(call);
        }
        self.ep.unlock(guard, &self.gone);
        let last = self.file_put("ctl");
        local!(last = last);
        self.done_with(last);
    }

    fn epoll_wait(&self, waits: u32) {
        let mut last = false;
        for waited in 1..=waits {
            at!("mtx_lock");
            let guard = self.gone.touch("mutex", || self.ep.mtx.lock());
            let had = locked::is(&self.item.rbr);
            local!(had = had);
            if had {
                last = self.item_poll(Call::Wait);
            }
            self.ep.unlock(guard, &self.gone);
            local!(waits = waited);
            if last {
                break;
            }
        }
        self.done_with(last);
    }

    /// `ep_item_poll`. Returns whether its fput was the last.
    fn item_poll(&self, path: Call) -> bool {
        let pins = self.asks(path);
        if pins && !self.pin() {
            return false;
        }
        at!("poll");
        self.file.access("->poll", || self.gone.touch("head", || self.file.head.with(|_| ())));
        if self.item.dying.raw_load() != 0 {
            witness("PolledDying", format_args!("->poll is called through an item that is dying"));
        }
        pins && self.unpin()
    }

    /// `ep_insert`.
    fn insert(&self) {
        at!("attach");
        let guard = self.file.access("f_lock", || self.file.f_lock.lock());
        // Under the lock, and the caller's reference keeps the unlocked look of eventpoll_release away.
        locked::set(&self.file.f_ep, 1);
        locked::set(&self.item.link, 1);
        at!("attach_unlock");
        drop(guard);
        at!("insert");
        // ORDERING: Relaxed; ep->mtx orders it.
        self.item.rbr.store(1, Ordering::Relaxed);
        at!("ep_get");
        // ORDERING: Relaxed; the caller holds a reference to the epoll's file.
        self.ep.refs.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether this path wants a pin.
    fn asks(&self, path: Call) -> bool {
        match self.variant.guard {
            _ if path.polls() => self.variant.pin_poll,
            Guard::None | Guard::Dying => false,
            Guard::Pin => path != Call::File,
            Guard::Always => true,
        }
    }

    /// `epi_fget`.
    fn pin(&self) -> bool {
        let _scope = within("pin");
        let pinned = self.file.access("f_count", || self.file.f_count.get_active());
        local!(pinned = pinned);
        if !pinned {
            local!(had = false);
        }
        pinned
    }

    /// fput of the pin, under ep->mtx. Returns whether it was the last, and `__fput` is still to come.
    fn unpin(&self) -> bool {
        let last = self.file_put("pin");
        local!(last = last, pinned = false);
        if last && self.variant.inline {
            self.__fput();
            return false;
        }
        last
    }

    /// `ep_remove`, under ep->mtx. Returns whether an fput in it was the last; `None` if the item is left.
    fn ep_remove(&self, path: Call) -> Option<bool> {
        let pins = self.asks(path);
        if pins && !self.pin() {
            if path == Call::Epfd {
                witness("Bailed", format_args!("no pin: the item is eventpoll_release_file's"));
            }
            return None;
        }
        if !self.remove_file(path) {
            return None;
        }
        at!("erase");
        // ORDERING: Relaxed; ep->mtx orders it.
        let erase = || self.item.rbr.store(0, Ordering::Relaxed);
        self.gone.touch("ep", || self.gone.touch("item", erase));
        self.item.memory.retire();
        self.gone.item.set(true);
        self.removed(path);
        if path != Call::File {
            at!("item_put");
            self.ep.put_ref(&self.gone);
        }
        Some(pins && self.unpin())
    }

    fn removed(&self, path: Call) {
        self.item.removed.with(|n| *n += 1);
        if self.item.removed.get() > 1 {
            violated("RemovedOnce", format_args!("the item was removed a second time"));
        }
        match path {
            Call::Epfd => witness("ByEpfd", format_args!("the item went with its epoll")),
            Call::File => witness("ByFile", format_args!("the item went with its file")),
            _ => witness("ByCall", format_args!("the item was taken out by a call")),
        }
    }

    /// `ep_remove_file`. Returns whether the item is off the file's list.
    fn remove_file(&self, path: Call) -> bool {
        let Self { file, item, .. } = self;
        at!("lock");
        let guard = file.access("f_lock", || file.f_lock.lock());
        let dying = locked::is(&item.dying);
        let had = !(dying && self.variant.guard == Guard::Dying && path != Call::File);
        local!(had = had);
        if had {
            at!("clear");
            // ORDERING: Relaxed; whoever comes to `eventpoll_release` after it has acquired this task's fput.
            file.access("f_ep", || file.f_ep.store(0, Ordering::Relaxed));
            at!("f_op");
            // ORDERING: Relaxed; it does not change while the file is the item's.
            let f_op = file.access("f_op", || file.slot.load(Ordering::Relaxed));
            if f_op != 1 {
                violated("SameFile", format_args!("the head is freed as another file's f_op says"));
            }
            at!("unlink");
            // ORDERING: Relaxed; f_lock orders it.
            let unlink = || item.link.store(0, Ordering::Relaxed);
            self.gone.touch("head", || self.gone.touch("item", unlink));
            file.head.with_mut(|_| ());
        } else {
            witness("LockedDying", format_args!("f_lock of a dying file, to see that it is dying"));
        }
        at!("unlock");
        file.access("f_lock", || drop(guard));
        had
    }

    /// The task is done with the epoll's file, and then runs each `__fput` that it was left with.
    fn done_with(&self, mut last: bool) {
        let elast = {
            let _scope = within("epfd");
            self.ep.e_count.put()
        };
        if last && !(elast && self.variant.lifo) {
            local!(elast = elast);
            self.__fput();
            last = false;
        }
        if elast {
            local!(elast = false, path = "epfd");
            last |= self.clear_and_put();
        }
        if last {
            self.__fput();
        }
    }

    /// `ep_clear_and_put`, the epoll's `->release`. Returns whether an fput in it was the last of the watched file.
    fn clear_and_put(&self) -> bool {
        at!("mtx_lock");
        let guard = self.gone.touch("mutex", || self.ep.mtx.lock());
        let had = locked::is(&self.item.rbr);
        local!(had = had);
        let last = had && self.ep_remove(Call::Epfd).unwrap_or(false);
        self.unlock_and_put(guard);
        last
    }

    /// Gives ep->mtx back, and a reference to the epoll before that or after it.
    fn unlock_and_put(&self, guard: MutexGuard<'_, ()>) {
        let Self { ep, gone, .. } = self;
        if self.variant.put_inside {
            at!("put_inside");
            let dead = ep.put_ref(gone);
            local!(dead = dead);
            ep.unlock(guard, gone);
            if dead {
                ep.free(gone);
            }
        } else {
            ep.unlock(guard, gone);
            at!("ep_put");
            if ep.put_ref(gone) {
                ep.free(gone);
            }
        }
    }

    /// `fput` of the file by this caller. Returns whether it was the last.
    fn file_put(&self, who: &'static str) -> bool {
        let _scope = within(who);
        self.file.f_count.put()
    }

    /// `__fput` of the watched file.
    fn __fput(&self) {
        let Self { file, .. } = self;
        at!("fast_path");
        // ORDERING: Relaxed; the put that led here has acquired what the writers did.
        let watched = file.access("f_ep", || file.f_ep.load(Ordering::Relaxed) != 0);
        local!(path = "file", last = false);
        if watched {
            self.release_file();
        } else if self.item.link.raw_load() != 0 {
            violated("FastPath", format_args!("f_ep is NULL, and the dead file has its item"));
        }
        file.release(self.variant, &self.gone);
        file.free();
        if self.variant.rcu_free {
            file.rcu_callback(&self.gone);
        }
    }

    /// `eventpoll_release_file`.
    fn release_file(&self) {
        let Self { file, item, ep, gone, .. } = self;
        loop {
            at!("first");
            let guard = file.f_lock.lock();
            let had = locked::is(&item.link);
            local!(had = had);
            if had && self.variant.guard == Guard::Dying {
                locked::set(&item.dying, 1);
            }
            at!("first_unlock");
            drop(guard);
            if !had {
                return;
            }
            at!("epi_ep");
            gone.touch("item", || item.memory.with(|_| ()));
            at!("mtx_lock");
            let guard = gone.touch("mutex", || ep.mtx.lock());
            local!(had = locked::is(&item.rbr));
            if self.ep_remove(Call::File).is_some() {
                self.unlock_and_put(guard);
                local!(dead = false);
            } else {
                ep.unlock(guard, gone);
            }
        }
    }
}

/// What observers see between steps, under the spec's names.
#[derive(Debug)]
#[allow(missing_docs, clippy::struct_excessive_bools)]
pub struct Raw {
    pub f_count: i64,
    pub e_count: i64,
    pub f_ep: bool,
    pub f_lock: bool,
    pub link: bool,
    pub rbr: bool,
    pub dying: bool,
    pub mtx: bool,
    pub refs: i64,
    pub file: u32,
    pub removed: u32,
    pub released: u32,
    pub freed: Vec<&'static str>,
    pub uaf: Vec<&'static str>,
    pub strange: bool,
}

impl Watch {
    /// The values as they are now.
    pub fn raw(&self) -> Raw {
        let Self { file, ep, item, gone, .. } = self;
        let freed = [("ep", gone.ep.get()), ("item", gone.item.get()), ("head", gone.head.get())];
        let used = USES.map(|(name, _)| name).into_iter().zip(gone.used.get());
        let names = |(name, is): (&'static str, bool)| is.then_some(name);
        Raw {
            f_count: file.f_count.raw(),
            e_count: ep.e_count.raw(),
            f_ep: file.f_ep.raw_load() != 0,
            f_lock: file.f_lock.raw_is_locked(),
            link: item.link.raw_load() != 0,
            rbr: item.rbr.raw_load() != 0,
            dying: item.dying.raw_load() != 0,
            mtx: ep.mtx.raw_is_locked(),
            refs: ep.refs.raw_load().cast_signed(),
            file: file.slot.raw_load(),
            removed: item.removed.get(),
            released: file.released.get(),
            freed: freed.into_iter().filter_map(names).collect(),
            uaf: used.filter_map(names).collect(),
            strange: file.strange.get(),
        }
    }

    /// Reports what is left when every task is done.
    pub fn nothing_left(&self) {
        let raw = self.raw();
        // What hangs on the file, and on the epoll, once the one and the other are closed.
        let file = self.file.f_count.raw_is_dead() && raw.released == 1 && raw.file == 2;
        let head = raw.freed.contains(&"head");
        let listed = raw.f_ep || raw.link || raw.rbr;
        let item = !listed && raw.removed == 1 && raw.freed.contains(&"item");
        let ep_refs = i64::from(raw.e_count != 0);
        let ep = raw.refs == ep_refs && raw.freed.contains(&"ep") == (raw.e_count == 0);
        if !(file && head && item && ep) || raw.mtx || raw.f_lock {
            violated("NothingLeft", format_args!("at the end there is {raw:?}"));
        }
    }
}
