//! Each thread's free slots: what becomes of them when threads end, are many, or are forked away.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]
#![cfg(feature = "std")]

use graceref::{Key, Pool, Ref};
use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

fn address<T>(object: &Ref<T>) -> usize {
    std::ptr::from_ref(&**object).addr()
}

/// A pool whose end is told: its hook owns the sender, and goes with the memory.
fn watched<T: 'static>() -> (Pool<T>, mpsc::Receiver<()>) {
    let (alive, ended) = mpsc::channel();
    let pool = Pool::builder().on_release(move |_| drop(alive.clone())).build();
    (pool, ended)
}

fn is_freed(ended: &mpsc::Receiver<()>) -> bool {
    ended.try_recv() == Err(mpsc::TryRecvError::Disconnected)
}

/// Counts its ends.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn the_pool_s_memory_goes_with_the_last_of_handles_and_references() {
    for references_first in [true, false] {
        let (pool, ended) = watched();
        let objects: Vec<_> = (0..500).map(|n| pool.insert(n).unwrap()).collect();
        if references_first {
            drop(objects);
            assert!(!is_freed(&ended));
            drop(pool);
        } else {
            drop(pool);
            assert!(!is_freed(&ended));
            drop(objects);
        }
        assert!(is_freed(&ended));
    }
}

#[test]
fn a_thread_that_ends_hands_its_free_slots_on() {
    let pool: Pool<usize> = Pool::new();
    // Threads after each other, each with a few objects: they use the same slots again and again, unless a thread
    // takes what it has cached with it. Other tests' threads may take a number in between, hence the room.
    let mut places = HashSet::new();
    for n in 0..2_000 {
        let pool = pool.clone();
        let seen = thread::spawn(move || {
            let objects: Vec<_> = (0..4).map(|i| pool.insert(n + i).unwrap()).collect();
            objects.iter().map(address).collect::<Vec<_>>()
        });
        places.extend(seen.join().unwrap());
    }
    assert!(places.len() <= 64 * 128, "{} slots", places.len());
    assert!(pool.capacity() <= 2 * 64 * 128, "{} slots", pool.capacity());
}

#[test]
fn a_thread_s_last_destructors_drop_references_and_insert() {
    thread_local! {
        static LAST: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    struct AtTheEnd {
        pool: Pool<Counted>,
        objects: Vec<Ref<Counted>>,
        ends: Arc<AtomicUsize>,
    }
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            self.objects.clear();
            for _ in 0..100 {
                let object = self.pool.insert(Counted(Arc::clone(&self.ends))).ok().unwrap();
                assert!(self.pool.contains(Ref::key(&object)));
            }
        }
    }
    // Set before or after the thread is known to the crate, so that its own end comes after or before.
    for set_first in [true, false] {
        let (pool, ended) = watched();
        let ends = Arc::new(AtomicUsize::new(0));
        let last = AtTheEnd { pool: pool.clone(), objects: Vec::new(), ends: Arc::clone(&ends) };
        let insert = |pool: &Pool<Counted>, ends: &Arc<AtomicUsize>| {
            (0..100).map(|_| pool.insert(Counted(Arc::clone(ends))).ok().unwrap()).collect()
        };
        thread::spawn(move || {
            if set_first {
                LAST.set(Some(last));
                LAST.with_borrow_mut(|last| {
                    let last = last.as_mut().unwrap();
                    last.objects = insert(&last.pool, &last.ends);
                });
            } else {
                let mut last = last;
                last.objects = insert(&last.pool, &last.ends);
                LAST.set(Some(last));
            }
        })
        .join()
        .unwrap();
        assert_eq!(ends.load(Ordering::SeqCst), 200);
        assert!(!is_freed(&ended));
        drop(pool);
        assert!(is_freed(&ended), "nothing is lost");
    }
}

#[test]
fn more_threads_than_there_are_numbers_insert_and_drop_and_lose_nothing() {
    const THREADS: usize = 160;
    /// Where threads wait for all others, or for the first that panics.
    struct Meeting<'a>(&'a AtomicUsize);
    impl Meeting<'_> {
        fn wait(self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            while self.0.load(Ordering::SeqCst) < THREADS {
                thread::yield_now();
            }
        }
    }
    impl Drop for Meeting<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                self.0.fetch_add(THREADS, Ordering::SeqCst);
            }
        }
    }
    let (pool, ended) = watched();
    let ends = Arc::new(AtomicUsize::new(0));
    let (all, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|s| {
        for _ in 0..THREADS {
            let (pool, ends, all, done) =
                (pool.clone(), Arc::clone(&ends), Meeting(&all), Meeting(&done));
            let work = move || {
                let insert = || pool.insert(Counted(Arc::clone(&ends))).ok().unwrap();
                let first = insert();
                all.wait();
                // All of them have an object now, and so a number, or none.
                for _ in 0..20 {
                    drop([(); 8].map(|()| insert()));
                }
                assert!(pool.contains(Ref::key(&first)));
                done.wait();
            };
            thread::Builder::new().stack_size(256 << 10).spawn_scoped(s, work).unwrap();
        }
    });
    assert_eq!(ends.load(Ordering::SeqCst), THREADS * (1 + 20 * 8));
    assert!(pool.is_empty());
    drop(pool);
    assert!(is_freed(&ended));
}

#[test]
fn a_pool_is_closed_while_other_threads_are_at_their_caches() {
    for _ in 0..300 {
        let (pool, ended) = watched();
        let handed: Vec<Vec<Ref<usize>>> =
            (0..3).map(|_| (0..100).map(|n| pool.insert(n).unwrap()).collect()).collect();
        let start = Barrier::new(4);
        thread::scope(|s| {
            for objects in handed {
                let start = &start;
                s.spawn(move || {
                    start.wait();
                    drop(objects);
                });
            }
            start.wait();
            drop(pool);
        });
        assert!(is_freed(&ended), "whoever came last freed it");
    }
}

#[test]
fn a_thread_that_remembers_a_pool_which_is_gone_finds_the_next_one() {
    let (give, take) = mpsc::channel::<Pool<usize>>();
    let (tell, told) = mpsc::channel();
    let worker = thread::spawn(move || {
        for pool in take {
            let key = Ref::key(&pool.insert(1).unwrap());
            let object = pool.insert(2).unwrap();
            assert!(!pool.contains(key) && pool.contains(Ref::key(&object)));
            drop((object, pool));
            tell.send(()).unwrap();
        }
    });
    for _ in 0..2_000 {
        // Likely at the very address of the one before, freed here while the worker remembers its cache.
        let (pool, ended) = watched();
        give.send(pool.clone()).unwrap();
        told.recv().unwrap();
        drop(pool);
        assert!(is_freed(&ended));
    }
    drop(give);
    worker.join().unwrap();
}

#[test]
fn many_pools_in_one_thread_keep_their_slots_apart() {
    let pools: Vec<Pool<usize>> = (0..200).map(|_| Pool::new()).collect();
    let mut keys: Vec<(usize, Key, Ref<usize>)> = Vec::new();
    for round in 0..20 {
        for (i, pool) in pools.iter().enumerate() {
            let object = pool.insert(i * 1_000 + round).unwrap();
            drop(pool.insert(0).unwrap());
            keys.push((i, Ref::key(&object), object));
        }
    }
    for (i, key, object) in &keys {
        assert!(pools[*i].owns(object) && Ref::ptr_eq(object, &pools[*i].get(*key).unwrap()));
        assert_eq!(**object / 1_000, *i);
    }
    assert!(pools.iter().all(|pool| pool.len() == 20));
}

/// Runs the work in a forked child and waits for its end.
#[cfg(unix)]
fn in_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls `work` and ends at once, without unwinding. (Invariant: none of the spec.)
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
        // SAFETY: ends the child without the parent's exit handlers. (Invariant: none of the spec.)
        unsafe { libc::_exit(i32::from(!worked)) };
    }
    let mut status = 0;
    // SAFETY: a child of this process, and a place for its status. (Invariant: none of the spec.)
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// The child has one thread, and the others' flags may be up for ever. It may not wait for them.
#[cfg(unix)]
#[test]
fn a_forked_child_uses_closes_and_kills_its_parent_s_pools() {
    use std::sync::atomic::AtomicBool;

    let stop = AtomicBool::new(false);
    let pool: Pool<usize> = Pool::new();
    let held = pool.insert(7).unwrap();
    thread::scope(|s| {
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (pool, stop) = (pool.clone(), &stop);
                s.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        drop([1, 2, 3].map(|n| pool.insert(n).unwrap()));
                    }
                })
            })
            .collect();
        // Again and again, so that the others are at their caches in some of them.
        let mut all = true;
        for round in 0..100 {
            all &= in_child(|| {
                let mine: Vec<_> = (0..100).map(|n| pool.insert(n).unwrap()).collect();
                let found = mine.iter().all(|object| pool.contains(Ref::key(object)));
                drop(mine);
                // The old object is there, and is still found; the other threads are not, and nobody waits for them.
                let old = pool.get(Ref::key(&held)).is_some_and(|object| *object == 7);
                let own: Pool<_> = Pool::new();
                let object = own.insert(round).unwrap();
                let closed = own.kill(|| ()) && pool.kill(|| ()) && pool.insert(1).is_err();
                drop((own, object));
                found && old && closed
            });
        }
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().unwrap();
        }
        assert!(all, "a child failed");
    });
    assert_eq!(*pool.get(Ref::key(&held)).unwrap(), 7);
    assert!(pool.insert(1).is_ok(), "the parent's pool is not the child's");
}
