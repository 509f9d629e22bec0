//! The last reference, from whatever side it goes.

use crate::Body;
use crate::engine::{Scene, fails, holds};
use graceref::model::{Ghost, Hand, require};
use graceref::sync::Tracked;
use graceref::{CasCount, Count, FileRefCount, Pool, Ref, Stash};
use std::sync::{Arc, Mutex};

/// Both threads drop the last two references.
struct LastTwo<C: Count> {
    refs: [Hand<Ref<Body<C>, C>>; 2],
    released: Arc<Ghost<[usize; 2]>>,
}

impl<C: Count> LastTwo<C> {
    fn drop_mine(&self, me: usize) {
        let object = self.refs[me].take();
        object.look();
        drop(object);
    }
}

impl<C: Count> Scene for LastTwo<C> {
    fn set() -> Self {
        let released = Arc::default();
        let object = Pool::new().insert(Body::new(0, &released)).ok().unwrap();
        Self { refs: [Hand::holding(object.clone()), Hand::holding(object)], released }
    }
    fn first(&self) {
        self.drop_mine(0);
    }
    fn second(&self) {
        self.drop_mine(1);
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
    }
}

/// The last put against a get by somebody who has no reference, on the count alone.
struct LastPut<C: Count> {
    count: C,
    body: Tracked<usize>,
    released: Ghost<usize>,
    close: bool,
}

impl<C: Count> LastPut<C> {
    fn put(&self, close: bool) {
        self.body.with(|_| ());
        if if close { self.count.put_close() } else { self.count.put() } {
            self.body.with_mut(|_| ());
            self.body.retire();
            self.released.with(|n| *n += 1);
        }
    }
}

impl<C: Count> Scene for LastPut<C> {
    fn set() -> Self {
        let count = C::dead();
        count.init();
        Self { count, body: Tracked::new(0), released: Ghost::new(0), close: false }
    }
    fn first(&self) {
        self.put(self.close);
    }
    fn second(&self) {
        if self.count.get_active() {
            self.put(false);
        }
    }
    fn end(&self) {
        require(self.released.get() == 1, "ReleasedOnce");
        require(self.count.refs() == 0 && !self.count.get_active(), "CountIsRefs");
    }
}

/// The same by `put_close`.
struct LastClose<C: Count>(LastPut<C>);

impl<C: Count> Scene for LastClose<C> {
    fn set() -> Self {
        Self(LastPut { close: true, ..LastPut::set() })
    }
    fn first(&self) {
        self.0.first();
    }
    fn second(&self) {
        self.0.second();
    }
    fn end(&self) {
        self.0.end();
    }
}

/// The stashed object dies, its destructor clears the stash, and its slot becomes another object; a lookup.
struct Reuse<C: Count> {
    pool: Pool<Body<C>, C>,
    stash: Arc<Stash<Body<C>, C>>,
    object: Hand<Ref<Body<C>, C>>,
    other: Mutex<Option<Ref<Body<C>, C>>>,
    released: Arc<Ghost<[usize; 2]>>,
}

impl<C: Count> Scene for Reuse<C> {
    fn set() -> Self {
        let released = Arc::default();
        let pool = Pool::with_limit(1);
        let stash = Arc::new(Stash::new(&pool));
        let mut body = Body::new(0, &released);
        body.stash = Some(Arc::clone(&stash));
        let object = pool.insert(body).ok().unwrap();
        stash.store(&object).unwrap();
        Self { pool, stash, object: Hand::holding(object), other: Mutex::default(), released }
    }
    fn first(&self) {
        drop(self.object.take());
        // Full while the lookup holds the first.
        let other = self.pool.insert(Body::new(1, &self.released)).ok();
        *self.other.lock().unwrap() = other;
    }
    fn second(&self) {
        if let Some(found) = self.stash.get_active() {
            require(found.id == 0, "RightObject");
            found.look();
        }
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
        require(self.stash.get_active().is_none(), "Cleared");
        if let Some(other) = &*self.other.lock().unwrap() {
            require(Ref::refs(other) == 1, "CountIsRefs");
        }
    }
}

/// A mistake of an `unsafe` caller: a reference that is not counted. The crate's own cell has to see it.
struct Uncounted {
    object: Hand<Ref<Tracked<usize>>>,
    pool: Pool<Tracked<usize>>,
}

impl Scene for Uncounted {
    fn set() -> Self {
        let pool = Pool::with_limit(2);
        Self { object: Hand::holding(pool.insert(Tracked::new(0)).unwrap()), pool }
    }
    fn first(&self) {
        let object = self.object.take();
        // SAFETY: none: that is the mistake. The memory itself stays, and the content is not read.
        let copy = std::mem::ManuallyDrop::new(unsafe { std::ptr::read(&raw const object) });
        drop(object);
        let _ = &**copy;
    }
    fn second(&self) {
        drop(self.pool.clone());
    }
}

/// Two threads with more references than a count can count, of which they give more back than they took.
struct Saturated<C: Count>(C);

trait Word: Count {
    /// One more get, and the count no longer counts.
    fn full() -> Self;
}

impl Word for CasCount {
    fn full() -> Self {
        CasCount::from_raw_word(0x7FFF_FFFF_8000_0000)
    }
}

impl Word for FileRefCount {
    fn full() -> Self {
        FileRefCount::from_raw_word(0x7FFF_FFFF_FFFF_FFFF)
    }
}

impl<C: Word> Scene for Saturated<C> {
    fn set() -> Self {
        Self(C::full())
    }
    fn first(&self) {
        self.0.get();
        self.0.get();
        require(!self.0.put(), "NeverReleased");
    }
    fn second(&self) {
        self.0.get();
        require(!self.0.put() && !self.0.put(), "NeverReleased");
    }
    fn end(&self) {
        require(self.0.refs() > 0, "NeverDead");
    }
}

/// Both threads clone what they have and give it back.
struct Cloned<C: Count>(LastTwo<C>);

impl<C: Count> Cloned<C> {
    fn clone_mine(&self, me: usize) {
        let object = self.0.refs[me].take();
        let other = object.clone();
        drop(object);
        other.look();
    }
}

impl<C: Count> Scene for Cloned<C> {
    fn set() -> Self {
        Self(LastTwo::set())
    }
    fn first(&self) {
        self.clone_mine(0);
    }
    fn second(&self) {
        self.clone_mine(1);
    }
    fn end(&self) {
        self.0.end();
    }
}

/// Two references and three puts: a mistake of the caller's, of which a count that can tell makes no second release (and
/// perhaps not the first).
struct OnePutTooMany {
    count: FileRefCount,
    released: Ghost<usize>,
}

impl OnePutTooMany {
    fn put(&self) {
        if self.count.put() {
            self.released.with(|n| *n += 1);
        }
    }
}

impl Scene for OnePutTooMany {
    fn set() -> Self {
        let count = FileRefCount::new();
        count.get();
        Self { count, released: Ghost::new(0) }
    }
    fn first(&self) {
        self.put();
        self.put();
    }
    fn second(&self) {
        self.put();
    }
    fn end(&self) {
        require(self.released.get() <= 1, "ReleasedOnce");
        require(!self.count.get_active(), "DeadForGood");
    }
}

#[test]
fn of_two_threads_that_drop_the_last_two_references_one_releases() {
    holds::<LastTwo<CasCount>>();
}

#[test]
fn of_two_threads_that_drop_the_last_two_file_references_one_releases() {
    holds::<LastTwo<FileRefCount>>();
}

#[test]
fn a_get_against_the_last_put_of_a_cas_count_fails_or_keeps_the_object() {
    holds::<LastPut<CasCount>>();
}

#[test]
fn a_get_against_the_last_put_of_a_file_ref_count_fails_or_keeps_the_object() {
    holds::<LastPut<FileRefCount>>();
}

#[test]
fn a_get_against_the_last_close_of_a_file_ref_count_fails_or_keeps_the_object() {
    holds::<LastClose<FileRefCount>>();
}

#[test]
fn a_lookup_finds_the_stashed_object_or_none_while_its_slot_is_used_again() {
    holds::<Reuse<CasCount>>();
}

#[test]
fn a_lookup_with_file_ref_counts_finds_the_stashed_object_or_none_while_its_slot_is_used_again() {
    holds::<Reuse<FileRefCount>>();
}

#[test]
fn a_lookup_without_its_second_look_finds_another_object() {
    fails::<Reuse<CasCount>>("stash.skip_recheck", &["RightObject"]);
}

#[test]
fn a_reference_that_nobody_counted_is_seen_to_look_at_a_released_object() {
    fails::<Uncounted>("", &["NoUseAfterFree"]);
}

#[test]
fn a_cas_count_with_too_many_references_is_never_given_up() {
    holds::<Saturated<CasCount>>();
}

#[test]
fn a_file_ref_count_with_too_many_references_is_never_given_up() {
    holds::<Saturated<FileRefCount>>();
}

#[test]
fn file_references_are_cloned_while_others_go() {
    holds::<Cloned<FileRefCount>>();
}

#[test]
fn references_are_cloned_while_others_go() {
    holds::<Cloned<CasCount>>();
}

#[test]
fn of_more_puts_than_file_references_one_releases_at_most() {
    holds::<OnePutTooMany>();
}
