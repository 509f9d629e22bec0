//! A dma-buf that its users poll and close while the fences that they wait for signal.
//!
//! Spec: `spec/DmaBuf.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use graceref::CasCount;
use graceref::sync::model::{violated, witness};
use graceref::sync::within;
use lifetimes::counts::{AtomicLong, FCount};
use lifetimes::dmabuf::{DmaBuf, Fix, RawFence};
use lifetimes::file::{File, Poll};
use lifetimes::mount::Mount;
use lockstep::value::Value;
use std::sync::Arc;

/// How large the system is.
#[derive(Clone, Copy)]
struct Size {
    directions: usize,
    fences: usize,
    users: usize,
    mountable: bool,
}

const ONE: Size = Size { directions: 1, fences: 1, users: 1, mountable: false };

const FENCES: [&str; 2] = ["fence1", "fence2"];

struct Buffer<C> {
    fix: Fix,
    size: Size,
    file: File<C>,
    dmabuf: DmaBuf,
    mnt: Option<Arc<Mount>>,
}

impl<C: FCount> Buffer<C> {
    fn new(fix: Fix, size: Size) -> Self {
        let mnt = size.mountable.then(|| Arc::new(Mount::with_one_file()));
        let file = File::new(mnt.as_ref());
        for _ in 1..size.users {
            // Not a step: the world is being made.
            file.get_file();
        }
        let dmabuf = DmaBuf::new(fix, size.directions, size.fences);
        Self { fix, size, file, dmabuf, mnt }
    }

    /// Polls, closes, and unmounts what can be.
    fn use_it(&self) {
        // The descriptor is still there: no put in ->poll is the last.
        let _ = self.dmabuf.poll(&self.file);
        {
            let _scope = within("close");
            if self.file.fput() {
                self.file.__fput(&self.dmabuf);
            } else if self.size.users == 1 {
                witness("OutlivesFds", format_args!("closed, and a callback's reference keeps it"));
            }
        }
        let Some(mnt) = &self.mnt else { return };
        if mnt.umount() {
            let busy = format_args!("close(2) has returned, and umount(2) is refused");
            if self.fix == Fix::Cancel {
                violated("NeverEbusy", busy);
            } else {
                witness("Ebusy", busy);
            }
        }
    }

    fn signal(&self, fence: usize) {
        if self.dmabuf.signal(fence, &self.file) {
            let _scope = within("irq");
            self.file.__fput(&self.dmabuf);
        }
    }
}

impl<C: FCount> World for Buffer<C> {
    fn run(&self, thread: usize) {
        match thread.checked_sub(self.size.users) {
            None => self.use_it(),
            Some(fence) => self.signal(fence),
        }
    }

    fn show(&self, show: &mut Show) {
        let directions =
            |queued: [bool; 2]| Value::set((1..=2_i64).filter(|&i| queued[usize::from(i == 2)]));
        let fences = self.dmabuf.raw_fences();
        let each = |what: &dyn Fn(&RawFence) -> Value| {
            Value::record(FENCES.iter().zip(&fences).map(|(name, fence)| (*name, what(fence))))
        };
        let on = |fence: Option<usize>| fence.map_or("none", |i| FENCES[i]);
        show.is("f_count", self.file.raw_f_count());
        show.is("mnt", self.mnt.as_ref().map_or(1, |mnt| mnt.raw_mnt_count()));
        show.is("poll_lock", self.dmabuf.raw_poll_lock());
        show.is("active", Value::seq(self.dmabuf.raw_active()));
        show.is("on", Value::seq(self.dmabuf.raw_on().into_iter().map(on)));
        show.is("fence", each(&|fence| fence.locked.into()));
        show.is("signalled", each(&|fence| fence.signalled.into()));
        show.is("queued", each(&|fence| directions(fence.queued)));
        let ghosts = self.file.ghosts();
        show.is("died", ghosts.died);
        show.is("released", ghosts.released);
        show.is("gone", ghosts.gone);
        show.is("freed", ghosts.freed);
        show.is("uaf", ghosts.uaf);
    }

    fn at_end(&self) {
        let count = self.file.raw_f_count();
        let active = self.dmabuf.raw_active();
        let ghosts = self.file.ghosts();
        if count != 0 || active.contains(&true) || ghosts.released != 1 || !ghosts.freed {
            violated(
                "NothingLeft",
                format_args!("at the end f_count is {count}, active {active:?}, and {ghosts:?}"),
            );
        }
    }
}

fn scenario<C: FCount>(
    name: &'static str,
    about: &'static str,
    fix: Fix,
    size: Size,
    sought: &'static [&'static str],
) -> Scenario {
    let users: &'static [&'static str] = &["user", "user2"][..size.users];
    let fences = &FENCES[..size.fences];
    let make = move || Buffer::<C>::new(fix, size);
    let more = move || Buffer::<C>::new(fix, Size { users: 2, mountable: false, ..size });
    Scenario {
        describe,
        sought,
        crowd: Some(Cast::new(&[&["user", "user2"], fences].concat(), more)),
        locals: vec![
            Locals::new("d", users, 1),
            Locals::new("k", users, 1),
            Locals::new("mine", users, false),
            Locals::new("took", users, false),
            Locals::new("c", users, 1),
            Locals::new("busy", users, false),
            Locals::new("cb", fences, 0),
            Locals::new("final", fences, false),
        ],
        ..Scenario::new(name, about, Cast::new(&[users, fences].concat(), make))
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "close_put" => "close(2): fput(file)",
        "poll_active" => "dma_buf_poll(): dcb->active",
        "poll_get" => "get_file(dmabuf->file)",
        "poll_fence" => "dma_fence_add_callback()",
        "signal" => "dma_fence_signal()",
        "signal_unlock" | "poll_fence_unlock" | "close_cancel_unlock" => {
            "  spin_unlock(fence->lock)"
        }
        "cb_active" | "poll_inline_active" => "dma_buf_poll_cb(): dcb->active",
        "poll_active_unlock" | "cb_active_unlock" | "poll_inline_active_unlock" => {
            "  spin_unlock(poll->lock)"
        }
        "cb_put" | "poll_inline_put" => "fput(dmabuf->file)",
        "close_cancel" => "dma_fence_remove_callback()",
        "close_release" | "irq_release" => "__fput(): ->release, dma_buf_file_release()",
        "close_dput" | "irq_dput" => "__fput(): dput(), dma_buf_release()",
        "close_mntput" | "irq_mntput" => "__fput(): mntput()",
        "close_free" | "irq_free" => "file_free(file)",
        "umount" => "umount(2)",
        _ => "",
    }
}

pub(crate) fn all() -> Vec<Scenario> {
    use Fix::{Cancel, EveryFence, GetFile, NoReference};
    vec![
        scenario::<CasCount>(
            "dmabuf-2021",
            "->poll takes a reference for its callback",
            GetFile,
            ONE,
            &["OutlivesFds"],
        ),
        scenario::<CasCount>(
            "dmabuf-directions",
            "the same for writing and reading: two callbacks",
            GetFile,
            Size { directions: 2, ..ONE },
            &[],
        ),
        scenario::<CasCount>(
            "dmabuf-two-fences",
            "two fences, polled by two at once: one reference for the direction all the same",
            GetFile,
            Size { fences: 2, users: 2, ..ONE },
            &[],
        ),
        scenario::<CasCount>(
            "dmabuf-directions-two-fences",
            "two fences, for writing and reading",
            GetFile,
            Size { directions: 2, fences: 2, ..ONE },
            &[],
        ),
        scenario::<AtomicLong>(
            "dmabuf-every-fence",
            "the scan goes on after the first fence that takes the callback",
            EveryFence,
            Size { fences: 2, ..ONE },
            &["OneRefPerDirection"],
        ),
        scenario::<CasCount>(
            "dmabuf-2021-mountable",
            "a reference for the callback, on a filesystem that is unmounted after the close",
            GetFile,
            Size { mountable: true, ..ONE },
            &["Ebusy"],
        ),
        scenario::<AtomicLong>(
            "dmabuf-2020",
            "no reference, and nobody cancels the callback",
            NoReference,
            ONE,
            &["NoUseAfterFree", "ReleaseImpliesNoCallback"],
        ),
        scenario::<CasCount>(
            "dmabuf-cancel",
            "no reference, and ->release cancels the callbacks",
            Cancel,
            Size { directions: 2, fences: 2, ..ONE },
            &[],
        ),
        scenario::<CasCount>(
            "dmabuf-cancel-mountable",
            "the same on a filesystem that is unmounted after the close",
            Cancel,
            Size { mountable: true, ..ONE },
            &[],
        ),
    ]
}
