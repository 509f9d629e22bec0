//! `Table` as a caller sees it: POSIX's rules, what is refused, who drops what when.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, DupError, Fd, FileRefCount, InstallErrorKind, Pool, Ref, Table};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// An object that counts its drop.
#[derive(Debug)]
struct Noted {
    name: u32,
    dropped: Arc<AtomicUsize>,
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

struct Setting<C: Count = CasCount> {
    pool: Pool<Noted, C>,
    table: Table<Noted, C>,
    dropped: Arc<AtomicUsize>,
}

impl<C: Count> Setting<C> {
    fn new() -> Self {
        let pool = Pool::new();
        Self { table: Table::new(&pool), pool, dropped: Arc::default() }
    }

    fn object(&self, name: u32) -> Ref<Noted, C> {
        let object = Noted { name, dropped: Arc::clone(&self.dropped) };
        self.pool.insert(object).expect("the pool is not full")
    }

    fn install(&self, name: u32) -> Fd {
        self.table.install(self.object(name)).expect("a number is free")
    }

    fn dropped(&self) -> usize {
        self.dropped.load(Ordering::Relaxed)
    }
}

fn found<C: Count>(table: &Table<Noted, C>, fd: Fd) -> Option<u32> {
    table.get(fd).map(|object| object.name)
}

fn fd(number: u32) -> Fd {
    Fd::new(number)
}

#[test]
fn a_new_number_is_the_lowest_free_one() {
    let s = Setting::<CasCount>::new();
    for number in 0..300 {
        assert_eq!(s.install(number), fd(number));
    }
    for number in [7, 3, 64, 299] {
        assert_eq!(s.table.close(fd(number)).unwrap().name, number);
    }
    assert_eq!(s.install(1000), fd(3));
    assert_eq!(s.table.dup(fd(0)), Ok(fd(7)));
    assert_eq!(s.table.dup_from(fd(0), fd(8)), Ok(fd(64)));
    assert_eq!(s.table.dup_from(fd(0), fd(500)), Ok(fd(500)));
    assert_eq!(s.install(1001), fd(299));
    assert_eq!(s.dropped(), 4);
}

#[test]
fn what_is_closed_is_closed_once_and_lives_as_long_as_somebody_has_it() {
    let s = Setting::<FileRefCount>::new();
    let a = s.install(1);
    let held = s.table.get(a).unwrap();
    let closed = s.table.close(a).unwrap();
    assert!(Ref::ptr_eq(&held, &closed));
    assert!(s.table.close(a).is_none());
    assert!(s.table.get(a).is_none());
    drop(closed);
    assert_eq!((held.name, s.dropped()), (1, 0));
    drop(held);
    assert_eq!(s.dropped(), 1);
}

#[test]
fn nothing_is_under_a_number_that_was_never_given() {
    let s = Setting::<CasCount>::new();
    for number in [0, 63, 64, 1 << 19, Table::<Noted>::DEFAULT_LIMIT, u32::MAX] {
        let fd = fd(number);
        assert!(s.table.get(fd).is_none());
        assert!(s.table.close(fd).is_none());
        assert_eq!(s.table.dup(fd), Err(DupError::NotOpen(fd)));
        assert!(s.table.dup_to(fd, Fd::new(5)).is_err());
        assert_eq!(s.table.cloexec(fd), None);
        assert_eq!(s.table.set_cloexec(fd, true), None);
    }
    assert_eq!(s.table.iter().count(), 0);
    assert_eq!(s.install(0), fd(0), "what was refused has taken no number");
}

#[test]
fn a_reserved_number_is_taken_and_nothing_is_there() {
    let s = Setting::<CasCount>::new();
    let first = s.table.reserve().unwrap();
    assert_eq!(first.fd(), fd(0));
    assert!(s.table.get(fd(0)).is_none());
    assert!(s.table.close(fd(0)).is_none(), "closing does not free what is reserved");
    assert_eq!(s.table.cloexec(fd(0)), None);
    assert_eq!(s.install(1), fd(1));
    assert_eq!(first.install(s.object(2)).unwrap(), fd(0));
    assert_eq!(found(&s.table, fd(0)), Some(2));
    let third = s.table.reserve().unwrap();
    assert_eq!(third.fd(), fd(2));
    drop(third);
    assert_eq!(s.install(3), fd(2), "a reservation that is dropped gives its number back");
}

#[test]
fn dup_to_replaces_and_hands_back_what_was_there() {
    let s = Setting::<CasCount>::new();
    let (a, b) = (s.install(1), s.install(2));
    let old = s.table.dup_to(a, b).unwrap().unwrap();
    assert_eq!((old.name, found(&s.table, b)), (2, Some(1)));
    assert_eq!(Ref::refs(&s.table.get(a).unwrap()), 3);
    assert!(s.table.dup_to(a, fd(200)).unwrap().is_none());
    assert_eq!(found(&s.table, fd(200)), Some(1));
    assert_eq!(s.install(3), fd(2), "what dup_to has skipped is free");
}

#[test]
fn dup_to_itself_changes_nothing() {
    let s = Setting::<CasCount>::new();
    let a = s.install(1);
    assert_eq!(s.table.set_cloexec(a, true), Some(false));
    assert!(s.table.dup_to(a, a).unwrap().is_none());
    assert_eq!(Ref::refs(&s.table.get(a).unwrap()), 2);
    assert_eq!(s.table.cloexec(a), Some(true));
    assert_eq!(s.table.dup_to(fd(9), fd(9)).unwrap_err(), DupError::NotOpen(fd(9)));
}

#[test]
fn dup_to_a_reserved_number_is_busy_and_takes_no_reference() {
    let s = Setting::<CasCount>::new();
    let a = s.install(1);
    let reserved = s.table.reserve().unwrap();
    let to = reserved.fd();
    assert_eq!(s.table.dup_to(a, to).unwrap_err(), DupError::Busy(to));
    assert_eq!(Ref::refs(&s.table.get(a).unwrap()), 2);
    reserved.install(s.object(2)).unwrap();
    assert_eq!(s.table.dup_to(a, to).unwrap().unwrap().name, 2);
}

#[test]
fn numbers_end_at_the_limit() {
    let s = Setting::<CasCount>::new();
    let table = Table::with_limit(&s.pool, 65);
    assert_eq!(table.limit(), 65);
    for number in 0..65 {
        assert_eq!(table.install(s.object(number)).unwrap(), fd(number));
    }
    let error = table.install(s.object(65)).unwrap_err();
    assert_eq!(error.kind(), InstallErrorKind::NoNumber);
    assert_eq!(error.into_inner().name, 65);
    assert!(table.reserve().is_err());
    assert_eq!(table.dup(fd(0)), Err(DupError::NoNumber));
    assert_eq!(table.dup_from(fd(0), fd(u32::MAX)), Err(DupError::NoNumber));
    assert_eq!(table.dup_to(fd(0), fd(65)).unwrap_err(), DupError::BeyondLimit(fd(65)));
    assert_eq!(table.dup_to(fd(0), fd(u32::MAX)).unwrap_err(), DupError::BeyondLimit(fd(u32::MAX)));
    assert_eq!(table.dup_to(fd(0), fd(64)).unwrap().unwrap().name, 64);
    let none = Table::with_limit(&s.pool, 0);
    assert!(none.reserve().is_err());
    assert!(none.get(fd(0)).is_none());
    assert!(Table::with_limit(&s.pool, u32::MAX).limit() < u32::MAX);
}

#[test]
fn an_object_of_another_pool_comes_back_and_its_number_is_free() {
    let s = Setting::<CasCount>::new();
    let other = Setting::<CasCount>::new();
    let error = s.table.install(other.object(1)).unwrap_err();
    assert_eq!(error.kind(), InstallErrorKind::Foreign);
    assert!(error.to_string().contains("another pool"));
    assert_eq!(error.into_inner().name, 1);
    assert_eq!((other.dropped(), s.install(2)), (1, fd(0)));
}

#[test]
fn a_fork_has_the_same_objects_and_goes_its_own_way() {
    let s = Setting::<CasCount>::new();
    for name in 0..70 {
        s.install(name);
    }
    s.table.close(fd(5));
    s.table.set_cloexec(fd(66), true);
    let reserved = s.table.reserve().unwrap();
    assert_eq!(reserved.fd(), fd(5));
    let child = s.table.fork();
    for number in (0..70).filter(|&n| n != 5) {
        let (mine, its) = (s.table.get(fd(number)).unwrap(), child.get(fd(number)).unwrap());
        assert!(Ref::ptr_eq(&mine, &its));
        assert_eq!(Ref::refs(&mine), 4);
    }
    assert_eq!((child.cloexec(fd(66)), child.cloexec(fd(65))), (Some(true), Some(false)));
    assert_eq!(child.install(s.object(100)).unwrap(), fd(5), "what is reserved is not copied");
    child.close(fd(0));
    assert_eq!((found(&s.table, fd(0)), found(&child, fd(0))), (Some(0), None));
    reserved.install(s.object(101)).unwrap();
    assert_eq!((found(&s.table, fd(5)), found(&child, fd(5))), (Some(101), Some(100)));
    assert_eq!(s.dropped(), 1, "the one that was closed");
    drop(child);
    assert_eq!(s.dropped(), 2, "the copy's own");
}

#[test]
fn a_shared_table_is_one_table_and_unshare_makes_two() {
    let s = Setting::<CasCount>::new();
    let a = s.install(1);
    let mut other = s.table.share();
    assert_eq!(Ref::refs(&s.table.get(a).unwrap()), 2, "sharing takes no reference");
    assert!(other.local().is_none());
    let b = other.install(s.object(2)).unwrap();
    assert_eq!(found(&s.table, b), Some(2));
    assert!(other.unshare());
    assert!(!other.unshare(), "nothing to do");
    drop(other.close(b));
    assert_eq!((found(&s.table, b), found(&other, b)), (Some(2), None));
    assert!(other.local().is_some());
}

#[test]
fn the_last_handle_closes_everything() {
    let s = Setting::<FileRefCount>::new();
    for name in 0..200 {
        s.install(name);
    }
    let held = s.table.get(fd(9)).unwrap();
    let other = s.table.clone();
    let Setting { pool, table, dropped } = s;
    drop(table);
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    drop(pool);
    drop(other);
    assert_eq!(dropped.load(Ordering::Relaxed), 199);
    drop(held);
    assert_eq!(dropped.load(Ordering::Relaxed), 200);
}

#[test]
fn exec_closes_what_is_flagged_and_a_dup_is_not() {
    let s = Setting::<CasCount>::new();
    for name in 0..130 {
        s.install(name);
    }
    for number in [0, 64, 65, 129] {
        assert_eq!(s.table.set_cloexec(fd(number), true), Some(false));
    }
    assert_eq!(s.table.set_cloexec(fd(65), false), Some(true));
    let dup = s.table.dup(fd(129)).unwrap();
    assert_eq!(s.table.cloexec(dup), Some(false));
    assert_eq!(s.table.close_on_exec(), 3);
    assert_eq!((s.table.close_on_exec(), s.dropped()), (0, 2));
    assert_eq!(found(&s.table, dup), Some(129));
    assert_eq!(s.install(0), fd(0));
    assert_eq!(s.table.cloexec(fd(0)), Some(false), "a flag goes with its descriptor");
    s.table.set_cloexec(fd(0), true);
    drop(s.table.dup_to(dup, fd(0)).unwrap());
    assert_eq!(s.table.cloexec(fd(0)), Some(false), "and dup_to makes a new descriptor");
}

#[test]
fn iteration_is_by_number() {
    let s = Setting::<CasCount>::new();
    for name in 0..100 {
        s.install(name);
    }
    for number in 0..90 {
        s.table.close(fd(number));
    }
    let all: Vec<_> = s.table.iter().map(|(fd, object)| (fd.number(), object.name)).collect();
    assert_eq!(all, (90..100).map(|n| (n, n)).collect::<Vec<_>>());
}

#[test]
fn a_local_table_lends_without_a_reference() {
    let mut s = Setting::<CasCount>::new();
    let (a, b) = (s.install(1), s.install(2));
    let mut local = s.table.local().unwrap();
    let (one, two) = (local.borrow(a).unwrap(), local.borrow(b).unwrap());
    assert_eq!((one.name, two.name), (1, 2));
    assert!(local.borrow(fd(2)).is_none());
    let closed = local.close(a).unwrap();
    assert_eq!(Ref::refs(&closed), 1);
}

/// An object whose destructor uses the table that it was in.
struct Reentrant(&'static OnceLock<Table<Reentrant>>);

impl Drop for Reentrant {
    fn drop(&mut self) {
        let table = self.0.get().unwrap();
        let fresh = table.reserve().unwrap();
        assert!(table.get(fresh.fd()).is_none());
        drop(fresh);
        drop(table.fork());
    }
}

#[test]
fn a_destructor_may_use_the_table() {
    static TABLE: OnceLock<Table<Reentrant>> = OnceLock::new();
    let pool = Pool::<_>::new();
    let table = TABLE.get_or_init(|| Table::new(&pool));
    let install = || table.install(pool.insert(Reentrant(&TABLE)).ok().unwrap()).unwrap();
    drop(table.close(install()));
    let (a, b) = (install(), install());
    drop(table.dup_to(a, b).unwrap());
    table.set_cloexec(a, true);
    table.set_cloexec(b, true);
    assert_eq!(table.close_on_exec(), 2);
    assert_eq!(table.iter().count(), 0);
}

/// An object whose destructor panics, if told to.
#[derive(Debug)]
struct Explosive(Arc<AtomicUsize>, bool);

impl Drop for Explosive {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "as told");
    }
}

#[test]
fn a_panicking_destructor_keeps_no_lock_and_no_number() {
    let dropped = Arc::default();
    let pool = Pool::<_>::new();
    let table = Table::new(&pool);
    let install = |explodes| {
        let object = pool.insert(Explosive(Arc::clone(&dropped), explodes)).ok().unwrap();
        table.install(object).unwrap()
    };
    let a = install(true);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(table.close(a)))).is_err());
    assert_eq!(install(false), a);
    let b = install(true);
    let c = install(false);
    for fd in [a, b, c] {
        table.set_cloexec(fd, true);
    }
    assert!(catch_unwind(AssertUnwindSafe(|| table.close_on_exec())).is_err());
    assert!(table.get(a).is_none() && table.get(b).is_none());
    assert_eq!((table.close_on_exec(), dropped.load(Ordering::Relaxed)), (1, 4));
}

#[test]
fn the_end_of_a_table_drops_the_rest_after_a_destructor_has_panicked() {
    let dropped = Arc::default();
    let pool = Pool::<_>::new();
    let table = Table::new(&pool);
    for n in 0..200 {
        let object = pool.insert(Explosive(Arc::clone(&dropped), n == 3)).ok().unwrap();
        table.install(object).unwrap();
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(table))).is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 200);
}

#[test]
fn a_lookup_beside_close_and_dup_to_finds_what_was_under_the_number() {
    // Objects carry the number that they are for: an even one for 0, an odd one for 1. Every slot is used again all
    // the time, by both.
    const ROUNDS: usize = 30_000;
    let pool = Pool::<usize>::with_limit(6);
    let table = Table::new(&pool);
    table.install(pool.insert(0).unwrap()).unwrap();
    table.install(pool.insert(1).unwrap()).unwrap();
    let stop = AtomicBool::new(false);
    let lookups = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for number in [0_u32, 1] {
            let (table, stop, lookups) = (&table, &stop, &lookups);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    if let Some(object) = table.get(fd(number)) {
                        assert_eq!(*object % 2, number as usize, "under {number}");
                        lookups.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let insert = |value| {
            loop {
                if let Ok(object) = pool.insert(value) {
                    return object;
                }
                std::thread::yield_now();
            }
        };
        for round in 0..ROUNDS {
            // 0 is closed and installed anew; 1 is replaced by way of 2.
            drop(table.close(fd(0)));
            assert_eq!(table.install(insert(2 * round)).unwrap(), fd(0));
            assert_eq!(table.install(insert(2 * round + 1)).unwrap(), fd(2));
            drop(table.dup_to(fd(2), fd(1)).unwrap().expect("1 is never empty"));
            drop(table.close(fd(2)));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(lookups.into_inner() > 0);
    assert_eq!(Ref::refs(&table.get(fd(1)).unwrap()), 2);
}

#[test]
fn threads_that_reserve_at_once_get_different_numbers() {
    let pool = Pool::<u32>::new();
    let table = Table::new(&pool);
    std::thread::scope(|scope| {
        for thread in 0..4_u32 {
            let (table, pool) = (&table, &pool);
            scope.spawn(move || {
                for n in 0..500 {
                    let value = thread * 1000 + n;
                    let fd = table.install(pool.insert(value).unwrap()).unwrap();
                    assert_eq!(*table.get(fd).unwrap(), value);
                }
            });
        }
    });
    let mut all: Vec<_> = table.iter().map(|(_, object)| *object).collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 2000);
    assert_eq!(table.reserve().unwrap().fd(), fd(2000));
}

fn removed_is_not_found<C: Count>() {
    let s = Setting::<C>::new();
    let (kept, gone) = (s.install(1), s.object(2));
    let key = Ref::key(&gone);
    let removed = s.table.install(gone).unwrap();
    assert!(s.pool.remove(key));
    assert_eq!(found(&s.table, removed), None);
    assert_eq!(s.table.iter().map(|(fd, _)| fd).collect::<Vec<_>>(), [kept]);
    // The number is taken until it is closed, and may be duplicated.
    let copy = s.table.dup(removed).unwrap();
    assert_eq!(found(&s.table, copy), None);
    assert_eq!((copy, s.dropped()), (fd(2), 0));
    assert_eq!(s.table.close(copy).unwrap().name, 2);
    assert_eq!(s.table.close(removed).unwrap().name, 2);
    assert_eq!(s.dropped(), 1);
    // Removed before it is installed.
    let object = s.object(3);
    assert!(s.pool.remove(Ref::key(&object)));
    let late = s.table.install(object).unwrap();
    assert_eq!(found(&s.table, late), None);
    assert!(s.pool.kill(|| ()));
    assert_eq!(s.table.iter().count(), 0);
    assert_eq!(s.table.close(kept).unwrap().name, 1);
}

#[test]
fn what_was_removed_from_the_pool_is_not_found_and_can_be_closed() {
    removed_is_not_found::<CasCount>();
    removed_is_not_found::<FileRefCount>();
}
