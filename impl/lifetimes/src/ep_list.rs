//! The list of paths that an `EPOLL_CTL_ADD` has to check, and a file that is closed while its head is on it.
//!
//! Spec: `EpList`.

use crate::counts::{AtomicLong, FCount};
use crate::locked;
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{AtomicU32, Mutex, MutexGuard, Ordering, Tracked, within};
use graceref::{at, local};

/// How a head is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// As it is.
    Unpinned,
    /// With a reference to its file.
    Pinned,
}

/// A file in a nested epoll, the head of its items, and the check list.
#[derive(Debug)]
pub struct PathCheck {
    fix: Fix,
    file_rcu: bool,
    f_count: AtomicLong,
    f_ep: AtomicU32,
    f_lock: Mutex<()>,
    /// The item is on the head's list; under `f_lock`.
    link: AtomicU32,
    /// `head->next`.
    listed: AtomicU32,
    /// In the nested epoll's tree; under its mtx.
    rbr: AtomicU32,
    mtx: Mutex<()>,
    /// The adder's: held while it reads under RCU. A grace period takes it once.
    rcu: Mutex<()>,
    /// Whose the slot of the struct file is: 1 the item's, 2 another's.
    slot: AtomicU32,
    head: Tracked<()>,
    descriptor: Tracked<()>,
    released: Ghost<u32>,
    heads: Ghost<u32>,
    uaf: Ghost<bool>,
    strange: Ghost<bool>,
}

impl PathCheck {
    /// An open file with one item, not listed.
    pub fn new(fix: Fix, file_rcu: bool) -> Self {
        Self {
            fix,
            file_rcu,
            f_count: AtomicLong::new(),
            f_ep: AtomicU32::new(1),
            f_lock: Mutex::new(()),
            link: AtomicU32::new(1),
            listed: AtomicU32::new(0),
            rbr: AtomicU32::new(1),
            mtx: Mutex::new(()),
            rcu: Mutex::new(()),
            slot: AtomicU32::new(1),
            head: Tracked::new(()),
            descriptor: Tracked::new(()),
            released: Ghost::default(),
            heads: Ghost::default(),
            uaf: Ghost::default(),
            strange: Ghost::default(),
        }
    }

    fn touch_file(&self) {
        if self.slot.raw_load() != 1 {
            self.strange("f_lock of a slot that is another file's");
        }
    }

    fn strange(&self, what: &str) {
        self.strange.set(true);
        violated("SameFile", format_args!("{what}"));
    }

    fn touch_head(&self) {
        if self.heads.get() > 0 {
            self.uaf.set(true);
            violated("NoUseAfterFree", format_args!("the head was used after it was freed"));
        }
    }

    fn fd(&self) {
        at!("fd");
        self.descriptor.with(|_| ());
    }

    /// `close` of the file.
    pub fn close(&self) {
        self.fd();
        self.put();
    }

    /// `EPOLL_CTL_ADD`: lists the file, checks the paths, and takes the file off again.
    pub fn add(&self) {
        self.fd();
        at!("add_mtx");
        let guard = self.mtx.lock();
        let there = locked::is(&self.rbr);
        let listed = there && self.list();
        at!("add_mtx_unlock");
        drop(guard);
        if listed {
            self.unlist();
            if self.fix == Fix::Pinned {
                self.put();
            }
        }
    }

    /// `list_file`. Returns whether it did.
    fn list(&self) -> bool {
        let _scope = within("list");
        if self.fix == Fix::Pinned && !self.f_count.get_active() {
            return false;
        }
        self.put_on_list();
        true
    }

    fn put_on_list(&self) {
        at!("link");
        // ORDERING: Relaxed; the nested epoll's mtx orders it before the removal.
        around(|| self.listed.store(1, Ordering::Relaxed), || self.touch_head());
        local!(mine = true);
    }

    /// `clear_tfile_check_list`, `unlist_file`.
    fn unlist(&self) {
        at!("rcu_lock");
        let reader = self.rcu.lock();
        at!("unlist_first");
        // ORDERING: Acquire pairs with the Release of `unlink`: a head without items is not the remover's any more.
        let empty = around(|| self.link.load(Ordering::Acquire) == 0, || self.touch_head());
        local!(mine = empty);
        if empty || self.unlist_locked() {
            if self.released.get() > 0 {
                witness("Left", format_args!("the head was left behind by its file"));
            }
            self.head_free();
        }
        at!("rcu_unlock");
        drop(reader);
    }

    /// Under the first item's file's lock. Returns whether the head is to be freed.
    fn unlist_locked(&self) -> bool {
        at!("unlist_lock");
        let guard = self.f_lock.lock();
        let empty = !locked::is(&self.link);
        locked::set(&self.listed, 0);
        self.touch_file();
        self.touch_head();
        local!(mine = empty);
        at!("unlist_unlock");
        self.unlock(guard);
        empty
    }

    fn unlock(&self, guard: MutexGuard<'_, ()>) {
        around(|| drop(guard), || self.touch_file());
    }

    /// `free_ephemeral`.
    fn head_free(&self) {
        at!("head_free");
        self.head.retire();
        self.heads.with(|n| *n += 1);
        if self.heads.get() > 1 {
            violated("FreedOnce", format_args!("the head was freed twice"));
        }
    }

    /// fput; and `__fput`, if it was the last.
    fn put(&self) {
        if !self.f_count.put() {
            return;
        }
        at!("fast_path");
        // ORDERING: Relaxed; the put that led here has acquired what the writers did.
        let watched = around(|| self.f_ep.load(Ordering::Relaxed) != 0, || self.touch_file());
        debug_assert!(watched, "nobody else removes the item");
        self.release_file();
        at!("release");
        self.descriptor.with(|_| ());
        self.released.with(|n| *n += 1);
        if self.file_rcu {
            at!("rcu_wait");
            let waited = self.rcu.lock();
            at!("rcu_over");
            drop(waited);
            at!("rcu_free");
        } else {
            at!("free");
        }
        // ORDERING: Relaxed; whoever still reads it has lost its file already.
        self.slot.store(2, Ordering::Relaxed);
        if self.f_lock.raw_is_locked() {
            self.strange("spin_lock_init of a lock that somebody has");
        }
    }

    /// `eventpoll_release_file`.
    fn release_file(&self) {
        at!("mtx_lock");
        let mtx = self.mtx.lock();
        at!("lock");
        let guard = self.f_lock.lock();
        self.touch_file();
        at!("clear");
        // ORDERING: Relaxed; f_lock orders it.
        self.f_ep.store(0, Ordering::Relaxed);
        let mine = !locked::is(&self.listed);
        self.touch_head();
        local!(mine = mine);
        // The list's last word is in the head; who finds it empty may free the head at once.
        self.head.with_mut(|_| ());
        at!("unlink");
        // ORDERING: Release pairs with the Acquire of `unlist`.
        around(|| self.link.store(0, Ordering::Release), || self.touch_head());
        at!("unlock");
        self.unlock(guard);
        if mine {
            self.head_free();
        }
        at!("erase");
        // ORDERING: Relaxed; mtx orders it.
        self.rbr.store(0, Ordering::Relaxed);
        at!("mtx_unlock");
        drop(mtx);
    }

    /// The truth values, for observers.
    pub fn raw(&self) -> [(&'static str, bool); 9] {
        let set = |word: &AtomicU32| word.raw_load() != 0;
        [
            ("f_ep", set(&self.f_ep)),
            ("f_lock", self.f_lock.raw_is_locked()),
            ("link", set(&self.link)),
            ("listed", set(&self.listed)),
            ("rbr", set(&self.rbr)),
            ("mtx", self.mtx.raw_is_locked()),
            ("rcu", self.rcu.raw_is_locked()),
            ("uaf", self.uaf.get()),
            ("strange", self.strange.get()),
        ]
    }

    /// The numbers, for observers.
    pub fn raw_numbers(&self) -> [(&'static str, i64); 4] {
        [
            ("f_count", self.f_count.raw()),
            ("file", self.slot.raw_load().into()),
            ("released", self.released.get().into()),
            ("heads", self.heads.get().into()),
        ]
    }
}
