//! Nothing is leaked: after each of these lives as many bytes are allocated as before it.
//!
//! One test, since the allocator counts for the whole process.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, FileRefCount, Pool, RcuPool, Ref, Stash};
use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

const ROUNDS: usize = 4_000;

static ALLOCATED: AtomicIsize = AtomicIsize::new(0);

struct Counting;

// SAFETY: `System` does all of it. (Invariant: none of the spec; this is the test's measure.)
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promise is `System`'s. (Invariant: none of the spec.)
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
        // SAFETY: the caller's promise is `System`'s. (Invariant: none of the spec.)
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn leaks(name: &str, life: impl Fn()) {
    // The first time round, what the standard library allocates once is allocated.
    life();
    let mut lost = Vec::with_capacity(3);
    // The test harness's own thread allocates now and then too; a leak is there every time.
    for _ in 0..3 {
        let before = ALLOCATED.load(Ordering::Relaxed);
        life();
        lost.push(ALLOCATED.load(Ordering::Relaxed) - before);
        if lost.ends_with(&[0]) {
            return;
        }
    }
    panic!("bytes leaked by {name}, three times over: {lost:?}");
}

/// Pools whose objects are dropped after a grace period. What is left to the domain is done when somebody asks.
fn deferred_lives() {
    let leaks = |name, life: fn()| {
        leaks(name, || {
            life();
            graceref::rcu::default().barrier().unwrap();
        });
    };
    leaks("a pool in the default domain that nobody used", || drop(RcuPool::<u64>::new()));
    leaks("less than a batch at the end", || drop(RcuPool::new().insert(1.to_string())));
    leaks("the last handle in a guard, references later", || {
        let pool = RcuPool::new();
        let mut objects: Vec<_> = (0..500).map(|i| pool.insert(i.to_string()).unwrap()).collect();
        let guard = pool.read_lock();
        objects.truncate(300);
        drop(pool);
        objects.truncate(100);
        drop(guard);
    });
    leaks("a pool that is killed in a guard", || {
        let pool = RcuPool::new();
        let objects: Vec<_> = (0..500).map(|i| pool.insert(i.to_string()).unwrap()).collect();
        let guard = pool.read_lock();
        pool.kill(|| ());
        drop(objects);
        drop(guard);
    });
}

fn lives<C: Count>() {
    leaks("a pool that nobody used", || drop(Pool::<u64, C>::new()));
    leaks("a pool of nothing", || drop(Pool::<u64, C>::with_limit(0)));
    leaks("references first, over several chunks", || {
        let pool: Pool<String, C> = Pool::new();
        let objects: Vec<_> = (0..500).map(|i| pool.insert(i.to_string()).unwrap()).collect();
        drop(objects);
        drop(pool);
    });
    leaks("the pool first, over several chunks", || {
        let pool: Pool<String, C> = Pool::new();
        let objects: Vec<_> = (0..500).map(|i| pool.insert(i.to_string()).unwrap()).collect();
        drop(pool);
        drop(objects);
    });
    leaks("a stash last, and one that points to a dead object", || {
        let pool: Pool<String, C> = Pool::with_limit(1);
        let stash = Stash::new(&pool);
        let object = pool.insert("one".to_owned()).unwrap();
        stash.store(&object).unwrap();
        drop(pool);
        drop(object);
        assert!(stash.get_active().is_none());
    });
    leaks("a destructor that panics", || {
        struct Panics(#[expect(dead_code, reason = "for its end")] String);
        impl Drop for Panics {
            fn drop(&mut self) {
                std::panic::resume_unwind(Box::new(()));
            }
        }
        let pool: Pool<Panics, C> = Pool::new();
        let objects = [(); 2].map(|()| pool.insert(Panics("boxed".to_owned())).ok().unwrap());
        let [a, b] = objects;
        assert!(catch_unwind(AssertUnwindSafe(|| drop(a))).is_err());
        drop(pool);
        assert!(catch_unwind(AssertUnwindSafe(|| drop(b))).is_err());
    });
    leaks("an object that owns the last handle of its own pool", || {
        struct Owner<C: Count>(#[expect(dead_code, reason = "for its end")] Pool<Owner<C>, C>);
        let pool: Pool<Owner<C>, C> = Pool::new();
        let object = pool.insert(Owner(pool.clone())).ok().unwrap();
        drop(pool);
        drop(object);
    });
    leaks(
        "two threads, the last put against a get through the stash against the end of the pool",
        || {
            let (passed, start) = (Mutex::new(None), Barrier::new(2));
            thread::scope(|s| {
                let other = s.spawn(|| {
                    for _ in 0..ROUNDS {
                        start.wait();
                        let object: Option<Ref<String, C>> = passed.lock().unwrap().take();
                        start.wait();
                        drop(object);
                    }
                });
                for _ in 0..ROUNDS {
                    let pool: Pool<String, C> = Pool::with_limit(1);
                    let object = pool.insert("one".to_owned()).unwrap();
                    let stash = Stash::new(&pool);
                    stash.store(&object).unwrap();
                    drop(pool);
                    *passed.lock().unwrap() = Some(object);
                    start.wait();
                    start.wait();
                    drop(stash.get_active());
                    drop(stash);
                }
                // The scope alone does not wait for what the thread itself takes down.
                other.join().unwrap();
            });
        },
    );
}

/// What only pools with keys have.
fn keyed_lives() {
    leaks("pools with caches, of several threads", || {
        let pool: Pool<String> = Pool::new();
        thread::scope(|s| {
            let threads: Vec<_> = (0..3)
                .map(|n| {
                    let pool = pool.clone();
                    s.spawn(move || {
                        (0..200).for_each(|i| drop(pool.insert((n * i).to_string()).unwrap()));
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
        });
    });
    leaks("killed pools: empty, the handle first, the reference first", || {
        let pool: Pool<String> = Pool::new();
        assert!(pool.kill(|| ()));
        for handle_first in [true, false] {
            let pool: Pool<String> = Pool::new();
            let (object, other) =
                (pool.insert("a".to_owned()).unwrap(), pool.insert("b".to_owned()).unwrap());
            drop(other);
            let told = String::from("boxed");
            assert!(pool.kill(move || drop(told)));
            assert!(!pool.kill(|| ()));
            if handle_first {
                drop(pool);
                drop(object);
            } else {
                drop(object);
                drop(pool);
            }
        }
    });
    leaks("a pool that was killed while it was full", || {
        let pool: Pool<String> = Pool::with_limit(5);
        let objects: Vec<_> = (0..5).map(|i| pool.insert(i.to_string()).unwrap()).collect();
        assert!(!pool.insert("six".to_owned()).unwrap_err().is_killed());
        assert!(pool.kill(|| ()));
        drop(pool);
        drop(objects);
    });
    leaks("slots that are retired", || {
        let pool = Pool::<String>::builder().limit(40).generations(2).build();
        let held = pool.insert("held".to_owned()).unwrap();
        while pool.insert("dropped".to_owned()).is_ok() {}
        drop(pool);
        drop(held);
        let pool = Pool::<String>::builder().generations(1).build();
        let held: Vec<_> = (0..100).map(|i| pool.insert(i.to_string()).unwrap()).collect();
        drop(held);
        assert!(pool.kill(|| ()));
    });
    leaks("places that were given back, and one whose object panicked", || {
        let pool: Pool<String> = Pool::new();
        drop((pool.vacant(), pool.vacant().unwrap().insert("used".to_owned())));
        let made = catch_unwind(AssertUnwindSafe(|| {
            pool.insert_with_key(|_| std::panic::resume_unwind(Box::new(()))).is_ok()
        }));
        assert!(made.is_err());
        let place = pool.vacant().unwrap();
        assert!(pool.kill(|| ()));
        drop(place.insert("late".to_owned()));
    });
    leaks("hooks, and what they own", || {
        let owned = String::from("the hook's");
        let pool = Pool::<String>::builder().on_release(move |o| o.push_str(&owned)).build();
        let object = pool.insert("a".to_owned()).unwrap();
        drop(pool);
        drop(object);
    });
    leaks("the last reference and the last handle of a killed pool, on two threads", || {
        for _ in 0..200 {
            let pool: Pool<String> = Pool::new();
            let object = pool.insert("one".to_owned()).unwrap();
            assert!(pool.kill(|| ()));
            let other = thread::spawn(move || drop(object));
            drop(pool);
            other.join().unwrap();
        }
    });
}

#[test]
fn every_life_of_a_pool_gives_its_memory_back() {
    lives::<CasCount>();
    lives::<FileRefCount>();
    keyed_lives();
    deferred_lives();
}
