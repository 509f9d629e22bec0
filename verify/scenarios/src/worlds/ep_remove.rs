//! An epoll, its item and the watched file: each of them closed, and the item removed, in every order.
//!
//! Spec: `spec/EpRemove.tla`.

use crate::scenario::{Cast, Locals, Scenario, Show, World};
use lifetimes::ep_remove::{Call, Count, Guard, Variant, Watch};
use lockstep::value::Value;

struct EpRemove {
    watch: Watch,
    calls: &'static [Call],
}

impl World for EpRemove {
    fn run(&self, thread: usize) {
        self.watch.call(self.calls[thread], 1);
    }

    fn show(&self, show: &mut Show) {
        let raw = self.watch.raw();
        show.is("f_count", raw.f_count);
        show.is("e_count", raw.e_count);
        show.is("f_ep", raw.f_ep);
        show.is("f_lock", raw.f_lock);
        show.is("link", raw.link);
        show.is("rbr", raw.rbr);
        show.is("dying", raw.dying);
        show.is("mtx", raw.mtx);
        show.is("refs", raw.refs);
        show.is("file", raw.file);
        show.is("removed", raw.removed);
        show.is("released", raw.released);
        show.is("freed", Value::set(raw.freed));
        show.is("uaf", Value::set(raw.uaf));
        show.is("strange", raw.strange);
    }

    fn at_end(&self) {
        self.watch.nothing_left();
    }
}

fn scenario(
    name: &'static str,
    about: &'static str,
    variant: Variant,
    calls: &'static [Call],
    sought: &'static [&'static str],
) -> Scenario {
    let threads: Vec<&'static str> = calls.iter().map(|call| call.name()).collect();
    let who = threads.as_slice();
    let pins = matches!(variant.guard, Guard::Pin | Guard::Always);
    let make = move || EpRemove { watch: Watch::new(variant, calls), calls };
    Scenario {
        describe: if pins { describe } else { describe_flag },
        sought,
        locals: vec![
            Locals::new("path", who, "none"),
            Locals::new("had", who, false),
            Locals::new("seen", who, 0),
            Locals::new("pinned", who, false),
            Locals::new("last", who, false),
            Locals::new("elast", who, false),
            Locals::new("dead", who, false),
            Locals::new("waits", who, 0),
        ],
        ..Scenario::new(name, about, Cast::new(&threads, make))
    }
}

/// The kernel's calls up to April 2026, where `ep_remove` has no pin.
fn describe_flag(label: &str) -> &'static str {
    match label {
        "lock" => "__ep_remove(): spin_lock(&file->f_lock)",
        "erase" => "  rb_erase(), kfree_rcu(epi)",
        "item_put" => "  the item's reference to ep",
        _ => describe(label),
    }
}

/// The kernel's calls.
fn describe(label: &str) -> &'static str {
    match label {
        "fd" => "a system call finds its descriptor",
        "file_put" => "close(2): fput(file)",
        "epfd_put" => "fput(epfd's file)",
        "ctl_put" => "epoll_ctl(): fput(file)",
        "fast_path" => "__fput(): eventpoll_release(), READ_ONCE(file->f_ep)",
        "first" => "eventpoll_release_file(): spin_lock(&file->f_lock)",
        "epi_ep" => "  ep = epi->ep",
        "mtx_lock" => "mutex_lock(&ep->mtx)",
        "attach" => "ep_attach_file(): spin_lock(&file->f_lock), file->f_ep = head",
        "insert" => "ep_rbtree_insert()",
        "ep_get" => "ep_get(ep)",
        "pin_get_load" => "epi_fget(): read f_count",
        "pin_get_cas" => "cmpxchg f_count, not from zero",
        "pin_get" => "epi_fget(): file_ref_get()",
        "file_kill" | "pin_kill" => "  file_ref_put(): cmpxchg to DEAD",
        "lock" => "ep_remove_file(): spin_lock(&file->f_lock)",
        "clear" => "  file->f_ep = NULL",
        "f_op" => "  is_file_epoll(file)",
        "unlink" => "  hlist_del_rcu(&epi->fllink)",
        "first_unlock" | "attach_unlock" | "unlock" => "  spin_unlock(&file->f_lock)",
        "erase" => "ep_remove_epi(): rb_erase(), kfree_rcu(epi)",
        "item_put" => "the item's reference to ep",
        "poll" => "ep_item_poll(): ->poll",
        "pin_put" => "fput(file)",
        "put_inside" | "ep_put" => "ep_refcount_dec_and_test(ep)",
        "mtx_unlock" => "mutex_unlock(&ep->mtx): the owner",
        "mtx_tail" => "  mutex_unlock: the rest of it",
        "ep_free" => "ep_free(ep)",
        "release" => "->release, ep_eventpoll_release()",
        "free" => "file_free(file); alloc_empty_file() takes the slot",
        "rcu_free" => "  kfree of the file's eventpoll, by RCU",
        _ => "",
    }
}

const NO_END: &str =
    "eventpoll_release_file tries again for ever; lockstep's graph has a cycle for it";
const HANGS: &str = "threads that wait for themselves do not come back";

const fn of(guard: Guard, put_inside: bool, rcu_free: bool) -> Variant {
    let pin_poll = matches!(guard, Guard::Pin | Guard::Always);
    Variant {
        count: Count::AtomicLong,
        guard,
        pin_poll,
        put_inside,
        rcu_free,
        inline: false,
        lifo: true,
    }
}

/// The code of 2026.
const MERGED: Variant = of(Guard::Pin, false, true);

/// Both files are closed.
fn closes() -> Vec<Scenario> {
    use Guard::{Always, Dying, None, Pin};
    const TWO: &[Call] = &[Call::File, Call::Epfd];
    vec![
        scenario(
            "ep-remove-2023",
            "a dying flag, and the epoll's reference dropped under ep->mtx",
            of(Dying, true, false),
            TWO,
            &["HeadThere", "LockedDying", "MutexThere"],
        ),
        scenario(
            "ep-remove-2025",
            "a dying flag, and the epoll's reference dropped after the unlock",
            of(Dying, false, false),
            TWO,
            &["FastPath", "NoUseAfterFree", "SameFile"],
        ),
        scenario(
            "ep-remove-rcu",
            "the same where struct eventpoll is freed by RCU: the struct file is still another's",
            of(Dying, false, true),
            TWO,
            &["SameFile"],
        ),
        scenario(
            "ep-remove-2026",
            "ep_remove pins the file, or leaves the item to eventpoll_release_file",
            MERGED,
            TWO,
            &["Bailed", "ByEpfd", "ByFile"],
        ),
        scenario(
            "ep-remove-file-ref",
            "the same on a file_ref_t: epi_fget may come between the two steps of the last put",
            Variant { count: Count::FileRef, ..MERGED },
            TWO,
            &["Bailed", "ByEpfd", "ByFile"],
        ),
        scenario(
            "ep-remove-put-inside",
            "the code of 2026, but for the epoll's reference dropped under ep->mtx",
            of(Pin, true, true),
            TWO,
            &["NoUseAfterFree"],
        ),
        scenario(
            "ep-remove-unguarded",
            "an ep_remove that looks at nothing",
            of(None, false, true),
            TWO,
            &["ItemThere", "RemovedOnce"],
        ),
        Scenario {
            without: &[("shuttle", NO_END), ("loom", NO_END), ("threads", NO_END)],
            ..scenario(
                "ep-remove-always",
                "an eventpoll_release_file that wants a pin as well",
                of(Always, false, true),
                TWO,
                &[],
            )
        },
    ]
}

/// The same, or one of them, beside a system call on the item.
fn calls() -> Vec<Scenario> {
    use Call::{Add, Del, Epfd, Fail, File, Wait};
    vec![
        scenario(
            "ep-remove-call",
            "EPOLL_CTL_DEL while both files are closed",
            MERGED,
            &[File, Epfd, Del],
            &["ByCall"],
        ),
        scenario(
            "ep-remove-insert",
            "EPOLL_CTL_ADD while both files are closed",
            MERGED,
            &[File, Epfd, Add],
            &["ByEpfd", "ByFile"],
        ),
        scenario(
            "ep-remove-rollback",
            "an insert that takes its item back while both files are closed",
            MERGED,
            &[File, Epfd, Fail],
            &["ByCall"],
        ),
        scenario(
            "ep-remove-poll-dying",
            "epoll_wait in the code of 2023: the flag does not keep ->poll away",
            of(Guard::Dying, true, false),
            &[File, Wait],
            &["PolledDying"],
        ),
        scenario(
            "ep-remove-2024",
            "epoll_wait pins the file before ->poll, and ep_remove still has its flag",
            Variant { pin_poll: true, ..of(Guard::Dying, false, false) },
            &[File, Epfd, Wait],
            &["NoUseAfterFree", "SameFile"],
        ),
        scenario(
            "ep-remove-poll",
            "epoll_wait in the code of 2026 while both files are closed",
            MERGED,
            &[File, Epfd, Wait],
            &["ByEpfd", "ByFile"],
        ),
        scenario(
            "ep-remove-fifo",
            "the same where of two __fput left to epoll_wait the file's runs first",
            Variant { lifo: false, ..MERGED },
            &[File, Epfd, Wait],
            &["ByEpfd", "ByFile"],
        ),
        Scenario {
            without: &[("threads", HANGS)],
            ..scenario(
                "ep-remove-inline",
                "an fput under ep->mtx that runs __fput at once",
                Variant { inline: true, ..MERGED },
                &[File, Wait],
                &[],
            )
        },
        scenario(
            "ep-remove-deferred",
            "an fput under ep->mtx that leaves __fput to task work",
            MERGED,
            &[File, Wait],
            &["ByFile"],
        ),
    ]
}

pub(crate) fn all() -> Vec<Scenario> {
    [closes(), calls()].concat()
}
