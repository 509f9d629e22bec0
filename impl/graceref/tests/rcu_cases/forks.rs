//! Forks: the child has one thread, whatever the parent's others were at.

use super::{Counter, count, counted, set_up};
use graceref::rcu::Domain;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{thread, time::Duration};

/// The system's `fork`: the child's number, or 0 in the child, which has ten seconds.
pub(super) fn fork() -> i32 {
    // SAFETY: the child only uses what its test is about, and leaves by `leave`. (Invariant: none of the spec.)
    let pid = unsafe { libc::fork() };
    assert!(pid != -1, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // SAFETY: a child that waits for ever is ended by the alarm. (Invariant: none of the spec.)
        unsafe { libc::alarm(10) };
    }
    pid
}

/// The child's end.
pub(super) fn leave(good: bool) -> ! {
    // SAFETY: ends the process. (Invariant: none of the spec.)
    unsafe { libc::_exit(i32::from(!good)) }
}

/// Whether the child came to its end, within its time, with `true`.
pub(super) fn left_well(pid: i32) -> bool {
    let mut status = 0;
    // SAFETY: our own child, and a place for its status. (Invariant: none of the spec.)
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    waited == pid && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// Runs `child` in a fork; whether it came to its end, within ten seconds, with `true`.
pub(super) fn in_child(child: impl FnOnce() -> bool) -> bool {
    match fork() {
        0 => {
            let good = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
            leave(matches!(good, Ok(true)))
        }
        pid => left_well(pid),
    }
}

#[test]
fn the_childs_grace_periods_do_not_wait_for_the_parents_readers() {
    set_up();
    let (domain, inside, stop) = (Domain::new(), AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                let guard = domain.read_lock();
                inside.fetch_add(1, Ordering::Relaxed);
                while !stop.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
                drop(guard);
            });
        }
        while inside.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        assert!(!domain.elapsed(domain.snapshot()));
        let guard = domain.read_lock();
        // So that the domain is not the one that the thread has used last.
        drop(Domain::new().read_lock());
        let good = in_child(|| {
            // The thread that forked is still inside, in the child too.
            let held = domain.snapshot();
            if domain.elapsed(held) || domain.synchronize().is_ok() {
                return false;
            }
            drop(guard);
            domain.synchronize().is_ok()
                && domain.elapsed(held)
                && thread::scope(|s| s.spawn(|| drop(domain.read_lock())).join().is_ok())
                && domain.records() == 3
                && in_child(|| domain.synchronize().is_ok())
        });
        assert!(!domain.elapsed(domain.snapshot()), "the parent's readers are inside");
        stop.store(true, Ordering::Relaxed);
        assert!(good, "the child failed or hung");
    });
    domain.synchronize().unwrap();
}

/// Whatever another thread was doing at the fork: beginning a period, holding the queue's lock, running a batch.
#[test]
fn a_fork_at_any_moment_leaves_the_child_a_domain_that_works() {
    set_up();
    let (domain, stop, ran) = (Domain::new(), AtomicBool::new(false), Counter::default());
    thread::scope(|s| {
        let (domain, stop, ran) = (&domain, &stop, &ran);
        s.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                count(domain, ran);
                drop(domain.read_lock());
                domain.synchronize().unwrap();
            }
        });
        let good = (0..200).all(|_| {
            in_child(|| {
                let mine: Arc<AtomicUsize> = Arc::default();
                drop(domain.read_lock());
                count(domain, &mine);
                domain.barrier().is_ok() && domain.synchronize().is_ok() && counted(&mine) == 1
            })
        });
        stop.store(true, Ordering::Relaxed);
        assert!(good, "a child failed or hung");
    });
    domain.barrier().unwrap();
}
