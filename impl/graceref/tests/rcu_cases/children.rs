//! What the child of a fork still has, and what a thread has that is past its destructors.

use super::forks::{fork, in_child, leave, left_well};
use super::{Counter, count, counted, set_up};
use graceref::rcu::{Domain, Guard, WouldDeadlock};
use graceref::{RcuPool, Ref};
use std::cell::RefCell;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::{thread, time::Duration};

const FORKS: usize = 200;

/// Lets the others go when it is dropped, a panic included.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn repeat(stop: &AtomicBool, f: impl Fn()) {
    while !stop.load(Ordering::Relaxed) {
        f();
    }
}

/// Runs the test in a process of its own, in which nothing has used the crate; whether this is that process.
fn alone(test: &str) -> bool {
    const ALONE: &str = "GRACEREF_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let (_, path) = module_path!().split_once("::").unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let out = command.args(["--exact", &format!("{path}::{test}")]).env(ALONE, "").output();
    let out = out.unwrap();
    let printed = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && printed.contains("1 passed"), "{printed}");
    false
}

/// Two guards in a thread-local that goes after the crate's own.
#[test]
fn a_thread_past_its_destructors_is_inside_of_every_domain_that_it_has_guards_of() {
    set_up();
    static DOMAINS: [Domain; 3] = [Domain::new(), Domain::new(), Domain::new()];
    type Saw = mpsc::Sender<(&'static str, bool)>;
    #[derive(Default)]
    struct Late(RefCell<(Vec<Guard<'static>>, Option<Saw>)>);
    impl Drop for Late {
        fn drop(&mut self) {
            let (mut guards, Some(saw)) = self.0.take() else { return };
            let saw = |what, is| saw.send((what, is)).unwrap();
            // One more, which nobody gives back but itself.
            guards.insert(1, DOMAINS[2].read_lock());
            for dropped in 0..3 {
                saw("inside", inside_of_the_rest(dropped));
                let last = &guards[guards.len() - 1];
                saw("child", in_child(|| inside_of_the_rest(dropped) && peeked_is_alive(last)));
                for domain in DOMAINS.iter().filter(|domain| domain.is_inside()) {
                    saw("refused", domain.synchronize() == Err(WouldDeadlock::InReader));
                }
                drop(guards.remove(0));
            }
            saw("outside", DOMAINS.iter().all(|domain| domain.synchronize().is_ok()));
        }
    }
    fn inside_of_the_rest(dropped: usize) -> bool {
        [1, 2, 0].iter().enumerate().all(|(nth, &i)| {
            let (domain, inside) = (&DOMAINS[i], nth >= dropped);
            domain.is_inside() == inside && domain.elapsed(domain.snapshot()) != inside
        })
    }
    fn peeked_is_alive(guard: &Guard<'_>) -> bool {
        let pool = RcuPool::<String>::in_domain(&DOMAINS[0]);
        let object = pool.insert("an object".repeat(10)).unwrap();
        let key = Ref::key(&object);
        let seen = pool.peek(key, guard).unwrap();
        drop(object);
        pool.flush() == Err(WouldDeadlock::InReader) && pool.garbage() == 1 && !seen.is_empty()
    }
    thread_local!(static LATE: Late = Late::default());
    for _ in 0..4 {
        let (saw, seen) = mpsc::channel();
        let thread = thread::spawn(|| {
            LATE.with(|late| {
                // In this order, so that the last to be used is not the one that is left.
                let guards = [1, 0].map(|i| DOMAINS[i].read_lock());
                *late.0.borrow_mut() = (guards.into(), Some(saw));
            });
        });
        let all: Vec<_> =
            std::iter::from_fn(|| seen.recv_timeout(Duration::from_secs(20)).ok()).collect();
        let wrong: Vec<_> = all.iter().filter(|(_, is)| !is).collect();
        assert!(wrong.is_empty() && all.last() == Some(&("outside", true)), "{all:?}");
        thread.join().unwrap();
    }
    assert_eq!(DOMAINS.each_ref().map(Domain::records), [1; 3], "records are used again");
}

/// Nothing has run yet at the fork, so nothing is lost, whoever has the queue's lock, for whatever reason.
fn all_that_waits_runs_in_the_child(beside: fn(&Domain)) {
    for _ in 0..FORKS / 10 {
        let (domain, stop, ran) = (Domain::new(), AtomicBool::new(false), Counter::default());
        let mut guard = Some(domain.read_lock());
        for _ in 0..100 {
            count(&domain, &ran);
        }
        let good = thread::scope(|s| {
            let _stop = Stop(&stop);
            for _ in 0..2 {
                s.spawn(|| repeat(&stop, || beside(&domain)));
            }
            thread::sleep(Duration::from_millis(1));
            (0..10).all(|_| {
                in_child(|| {
                    drop(guard.take());
                    let all = domain.barrier().is_ok() && counted(&ran) == 100;
                    let empty = domain.backlog() == 0;
                    count(&domain, &ran);
                    all && empty && domain.barrier().is_ok() && counted(&ran) == 101
                })
            })
        });
        assert!(good, "a child lost what waited, or hung");
        drop(guard);
    }
}

#[test]
fn what_waits_is_the_childs_too_while_others_look() {
    set_up();
    all_that_waits_runs_in_the_child(|domain| _ = domain.backlog());
}

#[test]
fn what_waits_is_the_childs_too_while_others_defer() {
    set_up();
    all_that_waits_runs_in_the_child(|domain| {
        let _no_bound = domain.read_lock();
        for _ in 0..10 {
            domain.defer(|| ());
        }
        // A child runs all of it.
        if domain.backlog() > 10_000 {
            thread::sleep(Duration::from_millis(1));
        }
        thread::yield_now();
    });
}

/// What others had taken is lost, with them; the rest fits together.
#[test]
fn a_queue_that_others_empty_at_the_fork_fits_together_in_the_child() {
    set_up();
    let (domain, stop) = (Domain::new(), AtomicBool::new(false));
    let good = thread::scope(|s| {
        let _stop = Stop(&stop);
        for _ in 0..2 {
            s.spawn(|| {
                repeat(&stop, || {
                    for _ in 0..3 {
                        domain.defer(|| ());
                    }
                    domain.synchronize().unwrap();
                });
            });
        }
        (0..FORKS).all(|_| {
            in_child(|| {
                let mine = Counter::default();
                for _ in 0..3 {
                    count(&domain, &mine);
                }
                domain.barrier().is_ok() && domain.backlog() == 0 && counted(&mine) == 3
            })
        })
    });
    assert!(good, "a child failed or hung");
}

#[test]
fn a_pools_garbage_is_dropped_in_the_child_whoever_had_the_lock() {
    set_up();
    static DOMAIN: Domain = Domain::new();
    let (pool, stop) = (RcuPool::<String>::in_domain(&DOMAIN), AtomicBool::new(false));
    let mut guard = Some(DOMAIN.read_lock());
    let objects: Vec<_> =
        (0..RcuPool::<()>::BATCH).map(|_| pool.insert(String::new()).unwrap()).collect();
    drop(objects);
    let good = thread::scope(|s| {
        let _stop = Stop(&stop);
        for _ in 0..2 {
            s.spawn(|| repeat(&stop, || _ = DOMAIN.backlog()));
        }
        thread::sleep(Duration::from_millis(5));
        (0..FORKS).all(|_| {
            in_child(|| {
                drop(guard.take());
                if pool.flush().is_err() || pool.garbage() != 0 {
                    return false;
                }
                pool.kill_and_wait();
                true
            })
        })
    });
    assert!(good, "a child has garbage for ever");
    drop(guard);
}

/// The process's first use of the crate, without a reader, is forked in the middle of.
fn the_first_without_readers(test: &str, beside: fn(&Domain)) {
    if !alone(test) {
        return;
    }
    set_up();
    let (domain, stop) = (Domain::new(), AtomicBool::new(false));
    let good = thread::scope(|s| {
        let _stop = Stop(&stop);
        for _ in 0..2 {
            s.spawn(|| repeat(&stop, || beside(&domain)));
        }
        (0..FORKS).all(|_| {
            in_child(|| {
                beside(&domain);
                beside(&domain);
                true
            })
        })
    });
    assert!(good, "a child hung");
}

#[test]
fn a_child_defers_in_a_domain_that_never_had_a_reader() {
    the_first_without_readers("a_child_defers_in_a_domain_that_never_had_a_reader", |domain| {
        domain.defer(|| ());
    });
}

#[test]
fn a_child_asks_in_a_domain_that_never_had_a_reader() {
    the_first_without_readers("a_child_asks_in_a_domain_that_never_had_a_reader", |domain| {
        let snapshot = domain.snapshot();
        while !domain.elapsed(snapshot) {
            thread::yield_now();
        }
    });
}

/// A closure that forks is run to its end on both sides; and so is the one in whose barrier it is run.
#[test]
fn a_fork_inside_of_deferred_work_leaves_the_child_inside_of_it() {
    set_up();
    static OUTER: Domain = Domain::new();
    static INNER: Domain = Domain::new();
    static PID: AtomicI32 = AtomicI32::new(-1);
    static AFTER: AtomicUsize = AtomicUsize::new(0);
    static GOOD: AtomicUsize = AtomicUsize::new(0);
    static THEIRS: AtomicBool = AtomicBool::new(false);
    static STOP: AtomicBool = AtomicBool::new(false);
    let stop = Stop(&STOP);
    fn in_both() -> bool {
        let in_deferred = Err(WouldDeadlock::InDeferred);
        OUTER.barrier() == in_deferred && INNER.barrier() == in_deferred
    }
    fn note(good: bool) {
        GOOD.fetch_add(usize::from(good), Ordering::Relaxed);
    }
    /// Another thread's batch, which came after this thread's: it is before it in the list.
    fn another_in_a_batch() {
        thread::spawn(|| {
            INNER.defer(|| {
                THEIRS.store(true, Ordering::Relaxed);
                repeat(&STOP, thread::yield_now);
            });
            INNER.synchronize().unwrap();
        });
        while !THEIRS.load(Ordering::Relaxed) {
            thread::yield_now();
        }
    }
    /// Stacks of lost threads are used again.
    fn on_another_stack() {
        let used = thread::spawn(|| std::hint::black_box([0x55_u8; 16 << 10]).len());
        assert_eq!(used.join().unwrap(), 16 << 10);
    }
    INNER.defer(|| {
        note(OUTER.barrier() == Err(WouldDeadlock::InDeferred));
        another_in_a_batch();
        let pid = fork();
        PID.store(pid, Ordering::Relaxed);
        if pid == 0 {
            on_another_stack();
            thread::spawn(|| note(INNER.backlog() == 0)).join().unwrap();
        } else {
            note(true);
        }
        note(in_both());
    });
    OUTER.defer(|| {
        // The closure above leaves a mark behind it; this one sees it run inside of itself.
        note(INNER.synchronize().is_ok() && PID.load(Ordering::Relaxed) != -1);
        note(OUTER.barrier() == Err(WouldDeadlock::InDeferred));
    });
    INNER.defer(|| _ = AFTER.fetch_add(1, Ordering::Relaxed));
    OUTER.synchronize().unwrap();
    let pid = PID.load(Ordering::Relaxed);
    let good = GOOD.load(Ordering::Relaxed);
    if pid == 0 {
        let ran = INNER.barrier().is_ok() && OUTER.barrier().is_ok();
        leave(ran && good == 5 && AFTER.load(Ordering::Relaxed) == 1);
    }
    assert!(left_well(pid), "the child was not where its parent was");
    assert_eq!(good, 5);
    drop(stop);
    INNER.barrier().unwrap();
    assert_eq!(AFTER.load(Ordering::Relaxed), 1);
}
