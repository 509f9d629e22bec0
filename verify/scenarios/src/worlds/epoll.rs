//! A dma-buf file watched by an epoll, closed while epoll_wait polls it and while its fence signals.
//!
//! Spec: `spec/Epoll.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::CasCount;
use graceref::local;
use graceref::sync::model::{violated, witness};
use graceref::sync::within;
use lifetimes::counts::{AtomicLong, FCount};
use lifetimes::dmabuf::{DmaBuf, Driver};
use lifetimes::epoll::{Eventpoll, Fix};
use lifetimes::file::File;
use lockstep::value::Value;

const CLOSER: usize = 0;
const SIGNALLER: usize = 2;

struct Epoll<C> {
    file: File<C>,
    ep: Eventpoll,
    dmabuf: DmaBuf,
    fix: Fix,
    fences: usize,
    polls: u32,
}

impl<C: FCount> Epoll<C> {
    fn new(fix: Fix, driver: Driver, fences: usize, polls: u32) -> Self {
        Self {
            file: File::watched(),
            ep: Eventpoll::new(),
            dmabuf: DmaBuf::new(driver, fences),
            fix,
            fences,
            polls,
        }
    }

    fn fput_as(&self, prefix: &'static str) {
        let _scope = within(prefix);
        self.file.__fput(&self.ep, &self.dmabuf);
    }

    fn close(&self) {
        let _scope = within("close");
        if self.file.fput() {
            self.file.__fput(&self.ep, &self.dmabuf);
        } else {
            witness("OutlivesFd", format_args!("closed, and a reference for a callback keeps it"));
        }
    }

    fn wait(&self) {
        for polled in 1..=self.polls {
            let last = self.ep.wait(&self.file, &self.dmabuf, self.fix);
            local!(polls = polled);
            if last {
                self.fput_as("tw");
            }
        }
    }

    fn signal(&self) {
        for fence in 0..self.fences {
            if self.dmabuf.signal(fence, &self.file) {
                self.fput_as("irq");
            }
        }
    }
}

impl<C: FCount> World for Epoll<C> {
    fn run(&self, thread: usize) {
        match thread {
            CLOSER => self.close(),
            SIGNALLER => self.signal(),
            _ => self.wait(),
        }
    }

    fn show(&self, show: &mut Show) {
        let (died, released, freed, uaf) = self.file.ghosts();
        let fences = self.dmabuf.raw_fences();
        show.is("f_count", self.file.raw_f_count());
        show.is("f_ep", self.file.raw_f_ep());
        show.is("mtx", self.ep.raw_mtx());
        show.is("poll_lock", self.dmabuf.raw_poll_lock());
        show.is("active", self.dmabuf.raw_active());
        show.is("fence", Value::seq(fences.iter().map(|f| f.0)));
        show.is("signalled", Value::seq(fences.iter().map(|f| f.1)));
        show.is("queued", Value::seq(fences.iter().map(|f| f.2)));
        show.is("died", died);
        show.is("released", released);
        show.is("freed", freed);
        show.is("uaf", uaf);
    }

    fn at_end(&self) {
        let (_, released, freed, _) = self.file.ghosts();
        let count = self.file.raw_f_count();
        let active = self.dmabuf.raw_active();
        if count != 0 || active || released != 1 || !freed {
            violated(
                "NothingLeft",
                format_args!(
                    "at the end f_count is {count}, active {active}, ->release ran {released} times, freed {freed}"
                ),
            );
        }
    }
}

fn scenario<C: FCount>(
    name: &'static str,
    about: &'static str,
    (fix, driver, fences, polls): (Fix, Driver, usize, u32),
) -> Scenario {
    const W: &[&str] = &["waiter"];
    const S: &[&str] = &["signaller"];
    let make = move || Epoll::<C>::new(fix, driver, fences, polls);
    Scenario {
        describe,
        sought: match (fix, driver) {
            (Fix::Unpinned, _) => &["NoResurrect", "ReleaseImpliesNoCallback", "PollDead"],
            (Fix::InDriver, Driver::Other) => &["NoResurrect"],
            _ => &["OutlivesFd"],
        },
        crowd: Some(Cast::new(&["closer", "waiter", "signaller", "waiter2"], make)),
        locals: vec![
            Locals::new("seen", W, 0),
            Locals::new("mine", W, false),
            Locals::new("k", W, 1),
            Locals::new("polls", W, 0),
            Locals::new("last", W, false),
            Locals::new("f", S, 1),
            Locals::new("had", S, false),
            Locals::new("final", S, false),
        ],
        ..Scenario::new(name, about, Cast::new(&["closer", "waiter", "signaller"], make))
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    let (thread, step) = label.split_once('_').unwrap_or((label, ""));
    match (thread, step) {
        ("close", "put") => "close(2): fput(file)",
        ("wait" | "cb" | "poll", "put") | ("poll", "inline_put") => "fput(file)",
        (_, "f_ep") => "__fput(): eventpoll_release()",
        ("wait", "mtx") => "epoll_wait(): mutex_lock(&ep->mtx)",
        (_, "mtx") => "mutex_lock(&ep->mtx)",
        ("wait", "unlock") | (_, "mtx_unlock") => "mutex_unlock(&ep->mtx)",
        (_, "remove") => "eventpoll_release_file(): __ep_remove()",
        (_, "release") => "->release, dma_buf_release()",
        (_, "free") => "file_free(file)",
        ("wait", "item") => "ep_item_poll()",
        ("wait", "get_load") => "epi_fget(): read f_count",
        ("poll", "get_load") => "get_file_active(): read f_count",
        (_, "get_cas") => "cmpxchg f_count, not from zero",
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
    use Driver::{DmaBuf as D, Other};
    use Fix::{EpiFget, InDriver, Unpinned};
    vec![
        scenario::<AtomicLong>(
            "epoll-2023",
            "epoll calls ->poll unpinned: dma_buf_poll's get_file brings a dying file back",
            (Unpinned, D, 1, 1),
        ),
        scenario::<CasCount>(
            "epoll-2024",
            "epi_fget pins the file by inc-not-zero before ->poll",
            (EpiFget, D, 1, 1),
        ),
        scenario::<CasCount>(
            "epoll-in-driver",
            "get_file_active in dma_buf_poll only",
            (InDriver, D, 1, 1),
        ),
        scenario::<AtomicLong>(
            "epoll-other-driver",
            "the fix in dma_buf_poll, and another driver that takes references in ->poll",
            (InDriver, Other, 1, 1),
        ),
        scenario::<CasCount>(
            "epoll-two-fences",
            "two fences, two polls: one reference for the direction all the same",
            (EpiFget, D, 2, 2),
        ),
    ]
}
