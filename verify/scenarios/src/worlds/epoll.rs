//! A file watched by an epoll, closed while epoll_wait polls it, and its filesystem unmounted after close(2).
//!
//! Spec: `spec/Epoll.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::CasCount;
use graceref::sync::model::{violated, witness};
use graceref::sync::within;
use lifetimes::counts::{AtomicLong, FCount};
use lifetimes::dmabuf::{self, DmaBuf};
use lifetimes::epoll::{Eventpoll, Fix};
use lifetimes::file::{File, FileOps, Poll};
use lifetimes::mount::Mount;
use lifetimes::plain::Plain;
use std::sync::Arc;

const CLOSER: usize = 0;
/// Where there is one; the signaller, where there is one, comes next.
const ADDER: usize = 2;

/// What is behind the file: what ->poll does, and whether the filesystem can be unmounted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Driver {
    DmaBuf,
    Other,
    Socket,
    Fifo,
    /// ->poll takes no reference, and ->release cancels the callback.
    Cancel,
}

impl Driver {
    /// Whether ->poll leaves a callback on a fence.
    fn has_fence(self) -> bool {
        matches!(self, Driver::DmaBuf | Driver::Other | Driver::Cancel)
    }

    fn mountable(self) -> bool {
        matches!(self, Driver::Other | Driver::Fifo)
    }

    /// What keeps the buffer for its callback.
    fn fix(self, fix: Fix) -> dmabuf::Fix {
        match (self, fix) {
            (Driver::DmaBuf, Fix::InDriver) => dmabuf::Fix::GetFileActive,
            (Driver::Cancel, _) => dmabuf::Fix::Cancel,
            _ => dmabuf::Fix::GetFile,
        }
    }
}

/// The driver's own object.
enum Private {
    Buffer(Box<DmaBuf>),
    Plain(Box<Plain>),
}

impl<C: FCount> FileOps<C> for Private {
    fn release(&self, file: &File<C>) {
        match self {
            Private::Buffer(dmabuf) => dmabuf.release(file),
            Private::Plain(plain) => plain.release(file),
        }
    }

    fn d_release(&self, file: &File<C>) {
        match self {
            Private::Buffer(dmabuf) => dmabuf.d_release(file),
            Private::Plain(plain) => plain.d_release(file),
        }
    }
}

impl<C: FCount> Poll<C> for Private {
    fn poll(&self, file: &File<C>) -> bool {
        match self {
            Private::Buffer(dmabuf) => dmabuf.poll(file),
            Private::Plain(plain) => plain.poll(file),
        }
    }
}

struct Epoll<C> {
    /// Whether the item is added by one who has its fdget when close(2) begins.
    adds: bool,
    file: File<C>,
    ep: Arc<Eventpoll>,
    mnt: Option<Arc<Mount>>,
    private: Private,
}

impl<C: FCount> Epoll<C> {
    fn new(fix: Fix, driver: Driver, adds: bool) -> Self {
        let ep = Arc::new(Eventpoll::new(fix));
        let mnt = driver.mountable().then(|| Arc::new(Mount::with_one_file()));
        let mut file = File::new(mnt.as_ref()).watched_by(&ep);
        if adds {
            file = file.unlisted();
            // The fdget. Not a step: the world is being made.
            file.get_file();
        }
        Self {
            adds,
            file,
            ep,
            mnt,
            private: if driver.has_fence() {
                Private::Buffer(Box::new(DmaBuf::new(driver.fix(fix), 1, 1)))
            } else {
                Private::Plain(Box::default())
            },
        }
    }

    fn fput_as(&self, prefix: &'static str) {
        let _scope = within(prefix);
        self.file.__fput(&self.private);
    }

    fn close(&self) {
        let early = self.ep.fix().at_close();
        if early {
            let _scope = within("early");
            self.file.eventpoll_release();
        }
        let _scope = within(if early { "late" } else { "close" });
        if self.file.fput() {
            self.file.__fput(&self.private);
        }
    }

    fn umount(&self, mnt: &Mount) {
        if mnt.umount() {
            let busy = format_args!("close(2) has returned, and umount(2) is refused");
            // A pin in epoll, or a reference that ->poll keeps.
            if self.ep.pins(&self.file) || matches!(self.private, Private::Buffer(_)) {
                witness("Ebusy", busy);
            } else {
                violated("NeverEbusy", busy);
            }
        }
    }

    fn add(&self) {
        if self.ep.add(&self.file) {
            self.fput_as("fdput");
        }
    }

    fn wait(&self) {
        if self.ep.wait(&self.file, &self.private) {
            self.fput_as("tw");
        }
    }
}

impl<C: FCount> World for Epoll<C> {
    fn run(&self, thread: usize) {
        match (thread, &self.private) {
            (CLOSER, _) => {
                self.close();
                if let Some(mnt) = &self.mnt {
                    self.umount(mnt);
                }
            }
            (ADDER, _) if self.adds => self.add(),
            (_, Private::Buffer(dmabuf)) if thread == ADDER + usize::from(self.adds) => {
                if dmabuf.signal(0, &self.file) {
                    self.fput_as("irq");
                }
            }
            _ => self.wait(),
        }
    }

    fn show(&self, show: &mut Show) {
        let ghosts = self.file.ghosts();
        show.is("f_count", self.file.raw_f_count());
        show.is("f_ep", self.file.raw_f_ep());
        show.is("mtx", self.ep.raw_mtx());
        show.is("mnt", self.mnt.as_ref().map_or(1, |mnt| mnt.raw_mnt_count()));
        let buffer = match &self.private {
            Private::Buffer(dmabuf) => Some(&**dmabuf),
            Private::Plain(_) => None,
        };
        let fence = buffer.map(|b| b.raw_fences()[0]);
        show.is("poll_lock", buffer.is_some_and(DmaBuf::raw_poll_lock));
        show.is("active", buffer.is_some_and(|b| b.raw_active()[0]));
        show.is("on", buffer.is_some_and(|b| b.raw_on()[0].is_some()));
        show.is("fence", fence.is_some_and(|f| f.locked));
        show.is("signalled", fence.is_some_and(|f| f.signalled));
        show.is("queued", fence.is_some_and(|f| f.queued[0]));
        show.is("died", ghosts.died);
        show.is("released", ghosts.released);
        show.is("gone", ghosts.gone);
        show.is("freed", ghosts.freed);
        show.is("uaf", ghosts.uaf);
        show.is("dead", ghosts.dead);
    }

    fn at_end(&self) {
        let count = self.file.raw_f_count();
        let ghosts = self.file.ghosts();
        let mnt = self.mnt.as_ref().map_or(1, |mnt| mnt.raw_mnt_count());
        let f_ep = self.file.raw_f_ep();
        if count != 0 || f_ep || mnt != 1 || ghosts.released != 1 || !ghosts.freed {
            violated(
                "NothingLeft",
                format_args!(
                    "at the end f_count is {count}, f_ep {f_ep}, mnt_count {mnt}, and {ghosts:?}"
                ),
            );
        }
    }
}

fn scenario<C: FCount>(
    name: &'static str,
    about: &'static str,
    fix: Fix,
    driver: Driver,
    sought: &'static [&'static str],
) -> Scenario {
    cast::<C>(name, about, fix, driver, false, sought)
}

/// The same, and the item is only being added.
fn add<C: FCount>(
    name: &'static str,
    about: &'static str,
    fix: Fix,
    driver: Driver,
    sought: &'static [&'static str],
) -> Scenario {
    cast::<C>(name, about, fix, driver, true, sought)
}

fn cast<C: FCount>(
    name: &'static str,
    about: &'static str,
    fix: Fix,
    driver: Driver,
    adds: bool,
    sought: &'static [&'static str],
) -> Scenario {
    const W: &[&str] = &["waiter"];
    let adders: &[&str] = if adds { &["adder"] } else { &[] };
    let signallers: &[&str] = if driver.has_fence() { &["signaller"] } else { &[] };
    let closers: &[&str] = if fix.at_close() { &[] } else { &["closer"] };
    let make = move || Epoll::<C>::new(fix, driver, adds);
    let mut threads = vec!["closer", "waiter"];
    threads.extend(adders);
    threads.extend(signallers);
    let cast = Cast::new(&threads, make);
    threads.push("waiter2");
    Scenario {
        describe: if driver == Driver::Other { describe_other } else { describe },
        sought,
        crowd: Some(Cast::new(&threads, make)),
        locals: vec![
            Locals::new("busy", closers, false),
            Locals::new("seen", W, 0),
            Locals::new("mine", W, false),
            Locals::new("took", W, false),
            Locals::new("last", W, false),
            Locals::new("final", signallers, false),
        ],
        ..Scenario::new(name, about, cast)
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    let (thread, step) = label.split_once('_').unwrap_or((label, ""));
    match (thread, step) {
        ("close" | "late", "put") => "close(2): fput(file)",
        ("add", "put") => "EPOLL_CTL_ADD: fdput(file)",
        ("wait" | "cb" | "poll", "put") | ("poll", "inline_put") => "fput(file)",
        ("early", "f_ep") => "close(2): eventpoll_release()",
        (_, "f_ep") => "eventpoll_release()",
        ("wait", "mtx") => "epoll_wait(): mutex_lock(&ep->mtx)",
        ("add", "mtx") => "EPOLL_CTL_ADD: mutex_lock(&ep->mtx)",
        ("add", "insert") => "ep_insert(): the item",
        (_, "mtx") => "mutex_lock(&ep->mtx)",
        ("wait" | "add", "unlock") | (_, "mtx_unlock") => "mutex_unlock(&ep->mtx)",
        (_, "remove") => "eventpoll_release_file(): __ep_remove()",
        (_, "release") => "__fput(): ->release",
        (_, "dput") => "__fput(): dput(), private_data goes",
        (_, "mntput") => "__fput(): mntput()",
        (_, "free") => "file_free(file)",
        ("umount", _) => "umount(2)",
        ("wait", "item") => "ep_item_poll()",
        ("wait", "count") => "file_count(file)",
        ("wait", "get_load") => "epi_fget(): read f_count",
        ("poll", "get_load") => "get_file_active(): read f_count",
        (_, "get_cas") => "cmpxchg f_count, not from zero",
        ("poll", "read") => "->poll: file->private_data",
        (_, "cancel") => "dma_fence_remove_callback()",
        ("poll", "active") => "dma_buf_poll(): dcb->active",
        ("poll", "get") => "get_file(dmabuf->file)",
        ("poll", "fence") => "dma_fence_add_callback()",
        ("signal", "") => "dma_fence_signal()",
        ("signal", "unlock") | ("poll", "fence_unlock") | (_, "cancel_unlock") => {
            "  spin_unlock(fence->lock)"
        }
        ("cb", "active") | ("poll", "inline_active") => "dma_buf_poll_cb(): dcb->active",
        (_, "active_unlock" | "inline_active_unlock") => "  spin_unlock(poll->lock)",
        _ => "",
    }
}

/// The same, of a driver that is not dma-buf.
fn describe_other(label: &str) -> &'static str {
    match label {
        "poll_active" => "other_poll(): is its callback pending?",
        "poll_get" => "other_poll(): get_file(file)",
        "poll_fence" => "other_poll(): queues its callback",
        "poll_fence_unlock" | "signal_unlock" => "  unlocks the queue",
        "signal" => "its event: locks the queue",
        "cb_active" | "poll_inline_active" => "its callback",
        "poll_active_unlock" | "cb_active_unlock" | "poll_inline_active_unlock" => {
            "  unlocks its object"
        }
        _ => describe(label),
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    [fixes(), at_close(), readers(), unmounts()].concat()
}

/// What protects the file, or does not.
fn fixes() -> Vec<Scenario> {
    use Driver::{Cancel, DmaBuf as D, Other};
    use Fix::{EpiFget, InDriver, Unpinned};
    vec![
        scenario::<AtomicLong>(
            "epoll-2023",
            "epoll calls ->poll unpinned: dma_buf_poll's get_file brings a dying file back",
            Unpinned,
            D,
            &["NoResurrect", "ReleaseImpliesNoCallback", "PollDead"],
        ),
        scenario::<CasCount>(
            "epoll-2024",
            "epi_fget pins the file by inc-not-zero before ->poll",
            EpiFget,
            D,
            &[],
        ),
        scenario::<CasCount>(
            "epoll-in-driver",
            "get_file_active in dma_buf_poll only",
            InDriver,
            D,
            &[],
        ),
        scenario::<AtomicLong>(
            "epoll-other-driver",
            "the fix in dma_buf_poll, and another driver that takes references in ->poll",
            InDriver,
            Other,
            &["NoResurrect"],
        ),
        scenario::<AtomicLong>(
            "epoll-2023-cancel",
            "no pin, and a dma-buf whose ->release cancels its callback",
            Unpinned,
            Cancel,
            &["PollDead"],
        ),
    ]
}

/// close(2) removes the item first.
fn at_close() -> Vec<Scenario> {
    use Driver::{DmaBuf as D, Socket};
    use Fix::{AtBoth, AtClose};
    vec![
        scenario::<AtomicLong>(
            "epoll-at-close",
            "no pin, but close(2) removes the item before its fput",
            AtClose,
            D,
            &[],
        ),
        add::<AtomicLong>(
            "epoll-at-close-add",
            "the same, beside an EPOLL_CTL_ADD that has its fdget",
            AtClose,
            Socket,
            &["NoUseAfterFree", "NothingLeft"],
        ),
        add::<CasCount>(
            "epoll-at-both-add",
            "the same, and __fput removes the item too",
            AtBoth,
            Socket,
            &[],
        ),
        add::<AtomicLong>(
            "epoll-at-both-add-dma-buf",
            "the same, and dma_buf_poll takes its reference",
            AtBoth,
            D,
            &["NoResurrect"],
        ),
    ]
}

/// ->poll takes no reference.
fn readers() -> Vec<Scenario> {
    use Driver::Socket;
    use Fix::{EpiFget, EpiFgetNoMtx, Unpinned, UnpinnedNoMtx};
    vec![
        scenario::<AtomicLong>(
            "epoll-2023-socket",
            "no pin, and a ->poll that takes no reference",
            Unpinned,
            Socket,
            &["DeadEvent"],
        ),
        scenario::<CasCount>(
            "epoll-2024-socket",
            "a pin, and a ->poll that takes no reference",
            EpiFget,
            Socket,
            &[],
        ),
        scenario::<AtomicLong>(
            "epoll-2023-no-mtx",
            "no pin, and ->release does not wait for ep->mtx",
            UnpinnedNoMtx,
            Socket,
            &["NoUseAfterFree", "MtxExcludesRelease"],
        ),
        scenario::<CasCount>(
            "epoll-2024-no-mtx",
            "a pin, and ->release does not wait for ep->mtx",
            EpiFgetNoMtx,
            Socket,
            &["EpiFgetSeesTheFile"],
        ),
    ]
}

/// Something is unmounted, or could be.
fn unmounts() -> Vec<Scenario> {
    use Driver::{DmaBuf as D, Fifo, Other};
    use Fix::{EpiFget, NoUser, Unpinned};
    vec![
        scenario::<AtomicLong>(
            "epoll-2023-fifo",
            "no pin, and a filesystem that is unmounted after the close",
            Unpinned,
            Fifo,
            &[],
        ),
        scenario::<CasCount>(
            "epoll-2024-fifo",
            "a pin, and a filesystem that is unmounted after the close",
            EpiFget,
            Fifo,
            &["Ebusy"],
        ),
        scenario::<AtomicLong>(
            "epoll-nouser-fifo",
            "a pin where nothing can be unmounted, and a FIFO where something can",
            NoUser,
            Fifo,
            &["DeadEvent"],
        ),
        scenario::<AtomicLong>(
            "epoll-nouser-other",
            "the same, and a driver that takes references in ->poll",
            NoUser,
            Other,
            &["NoResurrect"],
        ),
        scenario::<CasCount>(
            "epoll-nouser-dma-buf",
            "the same, and a dma-buf, which is pinned",
            NoUser,
            D,
            &[],
        ),
    ]
}
