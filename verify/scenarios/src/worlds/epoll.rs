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
const SIGNALLER: usize = 2;

/// What is behind the file: what ->poll does, and whether the filesystem can be unmounted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Driver {
    DmaBuf,
    Other,
    Socket,
    Fifo,
}

impl Driver {
    fn takes_reference(self) -> bool {
        matches!(self, Driver::DmaBuf | Driver::Other)
    }

    fn mountable(self) -> bool {
        matches!(self, Driver::Other | Driver::Fifo)
    }

    /// Which of the drivers has get_file_active, where one has it.
    fn fix(self, fix: Fix) -> dmabuf::Fix {
        if fix == Fix::InDriver && self == Driver::DmaBuf {
            dmabuf::Fix::GetFileActive
        } else {
            dmabuf::Fix::GetFile
        }
    }
}

/// The driver's own object.
enum Private {
    Buffer(Box<DmaBuf>),
    Plain(Box<Plain>),
}

impl<C: FCount> FileOps<C> for Private {
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
    file: File<C>,
    ep: Arc<Eventpoll>,
    mnt: Option<Arc<Mount>>,
    private: Private,
}

impl<C: FCount> Epoll<C> {
    fn new(fix: Fix, driver: Driver) -> Self {
        let ep = Arc::new(Eventpoll::new(fix));
        let mnt = driver.mountable().then(|| Arc::new(Mount::with_one_file()));
        Self {
            file: File::new(mnt.as_ref()).watched_by(&ep),
            ep,
            mnt,
            private: if driver.takes_reference() {
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
        let early = self.ep.fix() == Fix::AtClose;
        let _scope = within(if early { "early" } else { "close" });
        if early {
            self.file.eventpoll_release();
        }
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
            (SIGNALLER, Private::Buffer(dmabuf)) => {
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
        if count != 0 || mnt != 1 || ghosts.released != 1 || !ghosts.freed {
            violated(
                "NothingLeft",
                format_args!("at the end f_count is {count}, mnt_count {mnt}, and {ghosts:?}"),
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
    const W: &[&str] = &["waiter"];
    let signallers: &[&str] = if driver.takes_reference() { &["signaller"] } else { &[] };
    let closers: &[&str] = if fix == Fix::AtClose { &[] } else { &["closer"] };
    let make = move || Epoll::<C>::new(fix, driver);
    let mut threads = vec!["closer", "waiter"];
    threads.extend(signallers);
    let cast = Cast::new(&threads, make);
    threads.push("waiter2");
    Scenario {
        describe,
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
        ("close" | "early", "put") => "close(2): fput(file)",
        ("wait" | "cb" | "poll", "put") | ("poll", "inline_put") => "fput(file)",
        (_, "f_ep") => "eventpoll_release()",
        ("wait", "mtx") => "epoll_wait(): mutex_lock(&ep->mtx)",
        (_, "mtx") => "mutex_lock(&ep->mtx)",
        ("wait", "unlock") | (_, "mtx_unlock") => "mutex_unlock(&ep->mtx)",
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
        ("poll", "active") => "dma_buf_poll(): dcb->active",
        ("poll", "get") => "get_file(dmabuf->file)",
        ("poll", "fence") => "dma_fence_add_callback()",
        ("signal", "") => "dma_fence_signal()",
        ("signal", "unlock") | ("poll", "fence_unlock") => "  spin_unlock(fence->lock)",
        ("cb", "active") | ("poll", "inline_active") => "dma_buf_poll_cb(): dcb->active",
        (_, "active_unlock" | "inline_active_unlock") => "  spin_unlock(poll->lock)",
        _ => "",
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    use Driver::{DmaBuf as D, Fifo, Other, Socket};
    use Fix::{AtClose, EpiFget, EpiFgetNoMtx, InDriver, NoUser, Unpinned, UnpinnedNoMtx};
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
            "epoll-at-close",
            "no pin, but close(2) removes the item before its fput",
            AtClose,
            D,
            &[],
        ),
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
            &[],
        ),
        scenario::<AtomicLong>(
            "epoll-nouser-other",
            "the same, and a driver that takes references in ->poll",
            NoUser,
            Other,
            &["NoResurrect"],
        ),
    ]
}
