//! What holds whichever way the fences are made. `set_up` is the test binary's.
#![allow(clippy::items_after_statements)] // Each test begins with its set-up.

use super::set_up;
use graceref::RcuPool;
use graceref::rcu::{Domain, WouldDeadlock};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

#[cfg(target_os = "linux")]
mod children;
#[cfg(target_os = "linux")]
mod forks;

/// A counter that deferred work can own.
type Counter = Arc<AtomicUsize>;

fn count(domain: &Domain, counter: &Counter) {
    let counter = Arc::clone(counter);
    domain.defer(move || {
        counter.fetch_add(1, Ordering::Relaxed);
    });
}

fn counted(counter: &Counter) -> usize {
    counter.load(Ordering::Relaxed)
}

#[test]
fn a_grace_period_waits_for_the_outermost_guard_whatever_the_order_of_drops() {
    set_up();
    let domain = Domain::new();
    let a = domain.read_lock();
    let b = domain.read_lock();
    let c = domain.read_lock();
    let snapshot = domain.snapshot();
    for guard in [b, a] {
        assert!(domain.is_inside() && !domain.elapsed(snapshot));
        drop(guard);
    }
    assert!(domain.is_inside() && !domain.elapsed(snapshot));
    drop(c);
    assert!(!domain.is_inside() && domain.elapsed(snapshot));
}

#[test]
fn synchronize_inside_a_guard_is_refused_and_outside_works() {
    set_up();
    let (domain, other) = (Domain::new(), Domain::new());
    let guard = domain.read_lock();
    assert_eq!(domain.synchronize(), Err(WouldDeadlock::InReader));
    assert_eq!(domain.barrier(), Err(WouldDeadlock::InReader));
    // Readers of one domain do not hold back another, and a thread may be inside of both.
    let there = other.read_lock();
    assert_eq!(domain.synchronize(), Err(WouldDeadlock::InReader));
    drop(there);
    assert_eq!(other.synchronize(), Ok(()));
    drop(guard);
    assert_eq!(domain.synchronize(), Ok(()));
    let text = WouldDeadlock::InReader.to_string();
    assert!(text.contains("drop its guards first"), "{text}");
}

#[test]
fn synchronize_waits_for_a_reader_and_not_for_one_that_comes_later() {
    set_up();
    let domain = Domain::new();
    let (inside, left) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|s| {
        s.spawn(|| {
            let guard = domain.read_lock();
            inside.wait();
            thread::sleep(Duration::from_millis(30));
            left.store(true, Ordering::Relaxed);
            drop(guard);
        });
        inside.wait();
        domain.synchronize().unwrap();
        assert!(left.load(Ordering::Relaxed), "the reader was still inside");
    });
    let snapshot = domain.snapshot();
    // A period that has begun already.
    let old = domain.read_lock();
    assert!(!domain.elapsed(snapshot));
    thread::scope(|s| {
        let (entered, wait) = mpsc::channel();
        let (leave, told) = mpsc::channel::<()>();
        let domain = &domain;
        s.spawn(move || {
            let late = domain.read_lock();
            entered.send(()).unwrap();
            told.recv().unwrap();
            drop(late);
        });
        wait.recv().unwrap();
        drop(old);
        assert!(domain.elapsed(snapshot), "a later reader holds it back");
        leave.send(()).unwrap();
    });
}

#[test]
fn a_thread_that_is_idle_holds_nothing_back() {
    set_up();
    static DOMAIN: Domain = Domain::new();
    let (pool, ran) = (RcuPool::in_domain(&DOMAIN), Counter::default());
    let (tell, idle) = mpsc::channel();
    let (wake, told) = mpsc::channel::<()>();
    thread::scope(|s| {
        s.spawn(|| {
            // A reader, and one with deferred work, and from then on neither.
            let guard = DOMAIN.read_lock();
            drop(pool.insert(()).unwrap());
            count(&DOMAIN, &ran);
            drop(guard);
            tell.send(()).unwrap();
            // It never comes by again while the others are at it.
            let _ = told.into_iter().next();
        });
        idle.recv().unwrap();
        assert_eq!(DOMAIN.records(), 1, "its record is there");
        assert!(DOMAIN.elapsed(DOMAIN.snapshot()), "at the first try");
        count(&DOMAIN, &ran);
        DOMAIN.synchronize().unwrap();
        assert_eq!((counted(&ran), DOMAIN.backlog()), (2, 0));
        count(&DOMAIN, &ran);
        DOMAIN.barrier().unwrap();
        assert_eq!((counted(&ran), DOMAIN.backlog()), (3, 0));
        drop(pool.insert(()).unwrap());
        assert!(pool.garbage() > 0);
        pool.flush().unwrap();
        assert_eq!(pool.garbage(), 0);
        assert_eq!(DOMAIN.records(), 1, "its record is there still");
        wake.send(()).unwrap();
    });
}

#[test]
fn a_snapshot_inside_a_period_under_way_asks_for_the_next_one() {
    set_up();
    let domain = Domain::new();
    let first = domain.snapshot();
    let old = domain.read_lock();
    assert!(!domain.elapsed(first)); // begun, and held back by `old`
    let (entered, wait) = mpsc::channel();
    let (leave, told) = mpsc::channel::<()>();
    thread::scope(|s| {
        let domain = &domain;
        s.spawn(move || {
            let young = domain.read_lock();
            entered.send(()).unwrap();
            told.recv().unwrap();
            drop(young);
        });
        wait.recv().unwrap();
        // `young` is inside, with the stamp of the period under way: that one does not wait for it.
        let second = domain.snapshot();
        assert!(second > first);
        drop(old);
        assert!(domain.elapsed(first) && !domain.elapsed(second));
        leave.send(()).unwrap();
    });
    assert!(domain.elapsed(domain.snapshot()));
}

/// Everything that a reader finds is whole, while updaters replace and free it in all three ways.
#[test]
fn readers_never_see_what_was_freed() {
    set_up();
    const DEAD: usize = 0;
    struct Thing(AtomicUsize);
    let domain = Arc::new(Domain::new());
    let shared: Arc<AtomicPtr<Thing>> =
        Arc::new(AtomicPtr::new(Box::into_raw(Box::new(Thing(AtomicUsize::new(1))))));
    let stop = Arc::new(AtomicBool::new(false));
    let rounds = if cfg!(miri) { 20 } else { 3_000 };
    let start = Arc::new(Barrier::new(3));
    fn kill(thing: *mut Thing) {
        // SAFETY: unlinked, and a grace period has passed (Rcu!NoUseAfterFree).
        let thing = unsafe { Box::from_raw(thing) };
        thing.0.store(DEAD, Ordering::Relaxed);
    }
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (domain, shared, stop) =
                (Arc::clone(&domain), Arc::clone(&shared), Arc::clone(&stop));
            let start = Arc::clone(&start);
            thread::spawn(move || {
                start.wait();
                let mut seen = 0_usize;
                while !stop.load(Ordering::Relaxed) {
                    let guard = domain.read_lock();
                    let nested = domain.read_lock();
                    // SAFETY: found inside (Rcu!NoUseAfterFree).
                    let thing = unsafe { &*shared.load(Ordering::Acquire) };
                    drop(guard);
                    for _ in 0..10 {
                        assert_ne!(thing.0.load(Ordering::Relaxed), DEAD, "freed under a reader");
                    }
                    drop(nested);
                    seen += 1;
                }
                // On a busy machine the updater may be through first.
                seen
            })
        })
        .collect();
    start.wait();
    for round in 0..rounds {
        let next = Box::into_raw(Box::new(Thing(AtomicUsize::new(round + 1))));
        let old = shared.swap(next, Ordering::AcqRel);
        match round % 3 {
            0 => {
                domain.synchronize().unwrap();
                kill(old);
            }
            1 => {
                let snapshot = domain.snapshot();
                while !domain.elapsed(snapshot) {
                    thread::yield_now();
                }
                kill(old);
            }
            _ => {
                let old = old.expose_provenance();
                domain.defer(move || kill(std::ptr::with_exposed_provenance_mut(old)));
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    let seen: usize = readers.into_iter().map(|r| r.join().unwrap()).sum();
    println!("{seen} sections beside {rounds} updates");
    domain.barrier().unwrap();
    kill(shared.load(Ordering::Relaxed));
}

#[test]
fn a_thread_that_ends_leaves_its_record_to_the_next() {
    set_up();
    let domain = Domain::new();
    for _ in 0..20 {
        thread::scope(|s| {
            let reader = s.spawn(|| drop(domain.read_lock()));
            // The scope alone does not wait for the thread's own destructors.
            reader.join().unwrap();
        });
    }
    assert_eq!(domain.records(), 1);
    let all = Barrier::new(3);
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let guard = domain.read_lock();
                all.wait();
                drop(guard);
            });
        }
    });
    assert_eq!(domain.records(), 3);
    domain.synchronize().unwrap();
}

#[test]
fn a_thread_goes_from_domain_to_domain_and_outlives_them() {
    set_up();
    let kept = Domain::new();
    for _ in 0..100 {
        let (one, two) = (Domain::new(), Domain::new());
        let guards = (one.read_lock(), two.read_lock(), kept.read_lock());
        assert!(!kept.elapsed(kept.snapshot()));
        drop(guards.0);
        assert!(one.elapsed(one.snapshot()) && !two.elapsed(two.snapshot()));
        drop(guards.1);
        drop(guards.2);
        assert!(kept.elapsed(kept.snapshot()));
    }
    assert_eq!(kept.records(), 1);
}

#[test]
fn a_domain_may_go_before_the_threads_that_used_it() {
    set_up();
    let (used, go) = (Barrier::new(2), Barrier::new(2));
    let mut domain = Some(Arc::new(Domain::new()));
    thread::scope(|s| {
        let theirs = domain.clone().unwrap();
        let (used, go) = (&used, &go);
        s.spawn(move || {
            drop(theirs.read_lock());
            drop(theirs);
            used.wait();
            go.wait();
            // The cache still names the domain that is gone; the next may lie where it lay.
            let next = Domain::new();
            let guard = next.read_lock();
            assert!(!next.elapsed(next.snapshot()));
            drop(guard);
            next.synchronize().unwrap();
        });
        used.wait();
        drop(domain.take());
        go.wait();
    });
}

#[test]
fn a_guard_in_a_threads_own_destructor_works() {
    set_up();
    static DOMAIN: Domain = Domain::new();
    static RAN: AtomicUsize = AtomicUsize::new(0);
    struct Late(Option<graceref::rcu::Guard<'static>>);
    impl Drop for Late {
        fn drop(&mut self) {
            let held = self.0.take();
            let guard = DOMAIN.read_lock();
            let nested = DOMAIN.read_lock();
            let snapshot = DOMAIN.snapshot();
            assert!(!DOMAIN.elapsed(snapshot));
            drop(held);
            drop(guard);
            assert!(!DOMAIN.elapsed(snapshot));
            drop(nested);
            assert!(DOMAIN.elapsed(snapshot));
            DOMAIN.synchronize().unwrap();
            RAN.fetch_add(1, Ordering::Relaxed);
        }
    }
    thread_local! {
        static LATE: RefCell<Late> = const { RefCell::new(Late(None)) };
    }
    // Once with the thread-local made before the domain's own, once after, once with a guard kept in it.
    let rounds: [fn(); 3] = [
        || {
            LATE.with(|_| ());
            drop(DOMAIN.read_lock());
        },
        || {
            drop(DOMAIN.read_lock());
            LATE.with(|_| ());
        },
        || {
            LATE.with(|_| ());
            let guard = DOMAIN.read_lock();
            LATE.with(|late| late.borrow_mut().0 = Some(guard));
        },
    ];
    for round in [rounds; 4].into_iter().flatten() {
        thread::spawn(round).join().unwrap();
    }
    assert_eq!(RAN.load(Ordering::Relaxed), 12);
    DOMAIN.synchronize().unwrap();
    assert!(DOMAIN.records() <= 2, "records of threads that ended are used again");
}

#[test]
fn deferred_work_runs_after_the_readers_and_by_whoever_comes() {
    set_up();
    let (domain, ran) = (Domain::new(), Counter::default());
    let guard = domain.read_lock();
    for _ in 0..10 {
        count(&domain, &ran);
    }
    assert_eq!((counted(&ran), domain.backlog()), (0, 10));
    drop(guard);
    assert_eq!((counted(&ran), domain.backlog()), (10, 0), "the last guard's drop runs it");
    count(&domain, &ran);
    domain.synchronize().unwrap();
    assert_eq!(counted(&ran), 11, "synchronize runs it");
    count(&domain, &ran);
    domain.barrier().unwrap();
    assert_eq!(counted(&ran), 12, "barrier runs it");
    for _ in 0..1_000 {
        count(&domain, &ran);
    }
    assert!(counted(&ran) > 500, "who defers runs it: {} of 1012", counted(&ran));
    drop(domain);
    assert_eq!(counted(&ran), 1_012, "the domain's end runs what is left");
}

#[test]
fn barrier_waits_for_work_that_another_thread_is_running() {
    set_up();
    let domain = Domain::new();
    let (entered, wait) = mpsc::channel();
    let (leave, told) = mpsc::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    thread::scope(|s| {
        let finished = Arc::clone(&done);
        let domain = &domain;
        s.spawn(move || {
            domain.defer(move || {
                entered.send(()).unwrap();
                told.recv().unwrap();
                finished.store(true, Ordering::Relaxed);
            });
            domain.synchronize().unwrap();
        });
        wait.recv().unwrap();
        assert_eq!(domain.backlog(), 0, "the work is no longer in the queue");
        s.spawn(move || {
            thread::sleep(Duration::from_millis(20));
            leave.send(()).unwrap();
        });
        domain.barrier().unwrap();
        assert!(done.load(Ordering::Relaxed));
    });
}

#[test]
fn deferred_work_may_use_the_domain() {
    set_up();
    static DOMAIN: Domain = Domain::new();
    static RAN: AtomicUsize = AtomicUsize::new(0);
    // A panic in there would be caught.
    static SEEN: Mutex<Vec<(&str, bool)>> = Mutex::new(Vec::new());
    let saw = |what, is| SEEN.lock().unwrap().push((what, is));
    DOMAIN.defer(move || {
        saw("no barrier", DOMAIN.barrier() == Err(WouldDeadlock::InDeferred));
        drop(DOMAIN.read_lock());
        saw("synchronize", DOMAIN.synchronize() == Ok(()));
        DOMAIN.defer(|| {
            RAN.fetch_add(1, Ordering::Relaxed);
        });
        drop(DOMAIN.read_lock());
        saw("no work inside of other work", RAN.load(Ordering::Relaxed) == 0);
    });
    DOMAIN.barrier().unwrap();
    DOMAIN.barrier().unwrap();
    assert_eq!(RAN.load(Ordering::Relaxed), 1);
    let all = ["no barrier", "synchronize", "no work inside of other work"];
    assert_eq!(*SEEN.lock().unwrap(), all.map(|what| (what, true)));
}

#[test]
fn work_that_panics_takes_nothing_with_it() {
    set_up();
    struct Nasty;
    impl Drop for Nasty {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("and again"));
        }
    }
    let (domain, ran) = (Domain::new(), Counter::default());
    for i in 0..9 {
        count(&domain, &ran);
        match i % 3 {
            0 => domain.defer(|| std::panic::resume_unwind(Box::new("on purpose"))),
            1 => domain.defer(|| std::panic::resume_unwind(Box::new(Nasty))),
            _ => {}
        }
    }
    domain.synchronize().unwrap();
    assert_eq!(counted(&ran), 9);
    count(&domain, &ran);
    domain.barrier().unwrap();
    assert_eq!(counted(&ran), 10);
    count(&domain, &ran);
    domain.defer(|| std::panic::resume_unwind(Box::new(Nasty)));
    count(&domain, &ran);
    drop(domain);
    assert_eq!(counted(&ran), 12);
}

/// The bound, and what there is no bound for.
#[test]
fn garbage_is_bounded_while_a_reader_stalls_unless_the_reader_makes_it() {
    set_up();
    const THREADS: usize = 3;
    const EACH: usize = 2_000;
    let (domain, ran) = (Domain::new(), Counter::default());
    thread::scope(|s| {
        let stalled = domain.read_lock();
        for _ in 0..THREADS {
            s.spawn(|| {
                for _ in 0..EACH {
                    count(&domain, &ran);
                }
            });
        }
        while domain.backlog() <= Domain::BACKLOG {
            thread::yield_now();
        }
        thread::sleep(Duration::from_millis(50));
        let garbage = domain.backlog();
        println!("{garbage} closures wait for a stalled reader");
        assert!((Domain::BACKLOG..=Domain::BACKLOG + THREADS).contains(&garbage), "{garbage}");
        assert_eq!(counted(&ran), 0);
        drop(stalled);
    });
    domain.barrier().unwrap();
    assert_eq!(counted(&ran), THREADS * EACH);

    let guard = domain.read_lock();
    for _ in 0..2 * Domain::BACKLOG {
        count(&domain, &ran);
    }
    println!("{} closures of a reader that defers wait", domain.backlog());
    assert_eq!(domain.backlog(), 2 * Domain::BACKLOG);
    drop(guard);
    domain.barrier().unwrap();
    assert_eq!(domain.backlog(), 0);
}

#[test]
fn a_forgotten_guard_holds_everything_back_but_not_the_domains_end() {
    set_up();
    let (domain, ran) = (Domain::new(), Counter::default());
    std::mem::forget(domain.read_lock());
    count(&domain, &ran);
    assert!(!domain.elapsed(domain.snapshot()));
    assert_eq!(domain.synchronize(), Err(WouldDeadlock::InReader));
    drop(domain);
    assert_eq!(counted(&ran), 1);
}

#[test]
fn updaters_from_all_sides_end() {
    set_up();
    let (domain, ran) = (Domain::new(), Counter::default());
    thread::scope(|s| {
        for i in 0..4 {
            let (domain, ran) = (&domain, &ran);
            s.spawn(move || {
                for _ in 0..500 {
                    drop(domain.read_lock());
                    match i {
                        0 => domain.synchronize().unwrap(),
                        1 => domain.barrier().unwrap(),
                        _ => count(domain, ran),
                    }
                }
            });
        }
    });
    domain.barrier().unwrap();
    assert_eq!(counted(&ran), 1_000);
}
