//! The table's races, explored under loom (both passes) and under shuttle.
#![cfg(any(graceref_loom, graceref_shuttle))]

mod engine;

use engine::{Scene, fails, holds};
use graceref::model::{Ghost, Hand, require};
use graceref::sync::Tracked;
use graceref::{CasCount, Count, DupError, Fd, FileRefCount, Pool, Ref, Table};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex};

/// An object whose uses and whose end the model watches.
struct Body {
    id: usize,
    uses: Tracked<usize>,
    released: Arc<Ghost<[usize; 3]>>,
}

impl Body {
    fn new(id: usize, released: &Arc<Ghost<[usize; 3]>>) -> Self {
        Self { id, uses: Tracked::new(0), released: Arc::clone(released) }
    }

    fn look(&self) {
        self.uses.with(|_| ());
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.uses.with_mut(|_| ());
        self.uses.retire();
        self.released.with(|n| n[self.id] += 1);
    }
}

const ZERO: Fd = Fd::new(0);
const ONE: Fd = Fd::new(1);

struct Setting<C: Count> {
    pool: Pool<Body, C>,
    table: Table<Body, C>,
    released: Arc<Ghost<[usize; 3]>>,
    kept: Mutex<Vec<Ref<Body, C>>>,
}

impl<C: Count> Setting<C> {
    /// A pool of so many slots, and objects 0, 1, ... under as many numbers.
    fn new(slots: u32, installed: usize) -> Self {
        let pool = Pool::with_limit(slots);
        let table = Table::with_limit(&pool, 2);
        let setting = Self { pool, table, released: Arc::default(), kept: Mutex::default() };
        for id in 0..installed {
            setting.install(id);
        }
        setting
    }

    fn insert(&self, id: usize) -> Option<Ref<Body, C>> {
        self.pool.insert(Body::new(id, &self.released)).ok()
    }

    fn install(&self, id: usize) -> Option<Fd> {
        self.table.install(self.insert(id)?).ok()
    }

    fn keep(&self, object: Option<Ref<Body, C>>) {
        self.kept.lock().unwrap().extend(object);
    }

    /// A lookup that may find one of these, and nothing else.
    fn look(&self, fd: Fd, right: &[usize]) {
        if let Some(found) = self.table.get(fd) {
            require(right.contains(&found.id), "RightObject");
            found.look();
        }
    }
}

/// A lookup while the object is closed and its slot is used again, for one that is installed nowhere.
struct Close<C: Count>(Setting<C>);

impl<C: Count> Scene for Close<C> {
    fn set() -> Self {
        Self(Setting::new(1, 1))
    }
    fn first(&self) {
        drop(self.0.table.close(ZERO));
        self.0.keep(self.0.insert(1));
    }
    fn second(&self) {
        self.0.look(ZERO, &[0]);
    }
    fn end(&self) {
        require(self.0.released.get()[0] == 1, "ReleasedOnce");
        require(self.0.table.get(ZERO).is_none(), "Cleared");
        for other in &*self.0.kept.lock().unwrap() {
            require(Ref::refs(other) == 1, "CountIsRefs");
        }
    }
}

/// The same, where the next object takes the number too.
struct Again<C: Count>(Setting<C>);

impl<C: Count> Scene for Again<C> {
    fn set() -> Self {
        Self(Setting::new(1, 1))
    }
    fn first(&self) {
        drop(self.0.table.close(ZERO));
        self.0.install(1);
    }
    fn second(&self) {
        self.0.look(ZERO, &[0, 1]);
    }
    fn end(&self) {
        require(self.0.released.get()[0] == 1, "ReleasedOnce");
        if let Some(found) = self.0.table.get(ZERO) {
            require(found.id == 1 && Ref::refs(&found) == 2, "CountIsRefs");
        }
    }
}

/// A lookup while the number is replaced; the replaced object's slot is used again.
struct Replace<C: Count>(Setting<C>);

impl<C: Count> Scene for Replace<C> {
    fn set() -> Self {
        Self(Setting::new(2, 2))
    }
    fn first(&self) {
        drop(self.0.table.dup_to(ONE, ZERO).ok());
        self.0.keep(self.0.insert(2));
    }
    fn second(&self) {
        let found = self.0.table.get(ZERO);
        require(found.is_some(), "NeverEmpty");
        if let Some(found) = found {
            require(found.id < 2, "RightObject");
            found.look();
        }
    }
    fn end(&self) {
        require(self.0.released.get()[..2] == [1, 0], "ReleasedOnce");
        require(Ref::refs(&self.0.table.get(ZERO).unwrap()) == 3, "CountIsRefs");
    }
}

/// How a thread that has the lock takes out what another installs without it.
trait Take: Send + Sync + 'static {
    /// What is installed under number 1 already.
    const ONE: bool = false;
    fn take<C: Count>(table: &Table<Body, C>) -> Option<Ref<Body, C>>;
}

struct ByClose;
impl Take for ByClose {
    fn take<C: Count>(table: &Table<Body, C>) -> Option<Ref<Body, C>> {
        table.close(ZERO)
    }
}

struct ByDup;
impl Take for ByDup {
    fn take<C: Count>(table: &Table<Body, C>) -> Option<Ref<Body, C>> {
        table.close(table.dup(ZERO).ok()?)
    }
}

struct ByDupTo;
impl Take for ByDupTo {
    const ONE: bool = true;
    fn take<C: Count>(table: &Table<Body, C>) -> Option<Ref<Body, C>> {
        table.dup_to(ONE, ZERO).ok()?
    }
}

/// An object installed by one thread, without the lock, and taken out by another under it.
struct Publish<T, C: Count> {
    setting: Setting<C>,
    inserted: Ghost<usize>,
    take: PhantomData<T>,
}

impl<T: Take, C: Count> Scene for Publish<T, C> {
    fn set() -> Self {
        let setting = Setting::new(2, 2 * usize::from(T::ONE));
        drop(setting.table.close(ZERO));
        Self { setting, inserted: Ghost::new(0), take: PhantomData }
    }
    fn first(&self) {
        // Made after the reservation, which the lock orders before the other's step. The number may be the other's.
        let Ok(reserved) = self.setting.table.reserve() else { return };
        self.inserted.set(1);
        reserved.install(self.setting.insert(2).unwrap()).unwrap();
    }
    fn second(&self) {
        if let Some(found) = T::take(&self.setting.table) {
            found.look();
        }
    }
    fn end(&self) {
        let found = self.setting.table.get(ZERO);
        let left = usize::from(found.is_some_and(|found| found.id == 2));
        require(self.setting.released.get()[2] + left == self.inserted.get(), "ReleasedOnce");
    }
}

/// How an object gets under a number.
trait Open: Send + Sync + 'static {
    /// The last of the numbers.
    const NUMBER: Fd;
    fn open<C: Count>(table: &Table<Body, C>, object: Ref<Body, C>);
}

struct Installed;
impl Open for Installed {
    const NUMBER: Fd = ZERO;
    fn open<C: Count>(table: &Table<Body, C>, object: Ref<Body, C>) {
        table.install(object).unwrap();
    }
}

struct Duped;
impl Open for Duped {
    const NUMBER: Fd = ONE;
    fn open<C: Count>(table: &Table<Body, C>, object: Ref<Body, C>) {
        table.dup(table.install(object).unwrap()).unwrap();
    }
}

struct DupedTo;
impl Open for DupedTo {
    const NUMBER: Fd = ONE;
    fn open<C: Count>(table: &Table<Body, C>, object: Ref<Body, C>) {
        table.dup_to(table.install(object).unwrap(), ONE).unwrap();
    }
}

/// A pool that must grow for an object, which is then found in the table: nothing else says that the slots are made.
struct FreshSlots<O, C: Count>(Setting<C>, PhantomData<O>);

impl<O: Open, C: Count> Scene for FreshSlots<O, C> {
    fn set() -> Self {
        let setting = Setting::new(14, 0);
        for id in [0, 1] {
            setting.keep(setting.insert(id));
        }
        Self(setting, PhantomData)
    }
    fn first(&self) {
        O::open(&self.0.table, self.0.insert(2).expect("more slots are to be added"));
    }
    fn second(&self) {
        self.0.look(O::NUMBER, &[2]);
    }
    fn end(&self) {
        require(self.0.table.get(O::NUMBER).is_some(), "NothingLost");
    }
}

/// A number that is being opened, and a dup_to onto it.
struct Opening<C: Count> {
    setting: Setting<C>,
    other: Hand<Ref<Body, C>>,
}

impl<C: Count> Scene for Opening<C> {
    fn set() -> Self {
        let setting = Setting::new(2, 2);
        // 0 is free, and 1 has its object.
        let other = setting.table.close(ZERO).unwrap();
        Self { setting, other: Hand::holding(other) }
    }
    fn first(&self) {
        // Unless the dup_to has it.
        if let Ok(reserved) = self.setting.table.reserve() {
            require(reserved.fd() == ZERO, "LowestNumber");
            reserved.install(self.other.take()).unwrap();
        }
    }
    fn second(&self) {
        match self.setting.table.dup_to(ONE, ZERO) {
            Ok(old) => drop(old),
            Err(error) => require(error == DupError::Busy(ZERO), "Busy"),
        }
    }
    fn end(&self) {
        let setting = &self.setting;
        let refs: u64 =
            [ZERO, ONE].iter().filter(|fd| setting.table.get(**fd).unwrap().id == 1).count() as u64;
        require(Ref::refs(&setting.table.get(ONE).unwrap()) == refs + 1, "CountIsRefs");
    }
}

/// A copy of the table while the object is closed.
struct Fork<C: Count>(Setting<C>);

impl<C: Count> Scene for Fork<C> {
    fn set() -> Self {
        Self(Setting::new(1, 1))
    }
    fn first(&self) {
        drop(self.0.table.close(ZERO));
    }
    fn second(&self) {
        let mut child = self.0.table.fork();
        let local = child.local().expect("nobody else has it");
        if let Some(object) = local.borrow(ZERO) {
            object.look();
        }
    }
    fn end(&self) {
        require(self.0.released.get()[0] == 1, "ReleasedOnce");
    }
}

/// Two users of a table: one closes what is in it and goes, the other borrows if it is alone by then.
struct Alone<C: Count> {
    handles: [Hand<Table<Body, C>>; 2],
    released: Arc<Ghost<[usize; 3]>>,
}

impl<C: Count> Scene for Alone<C> {
    fn set() -> Self {
        let Setting { table, released, .. } = Setting::<C>::new(1, 1);
        Self { handles: [Hand::holding(table.share()), Hand::holding(table)], released }
    }
    fn first(&self) {
        let table = self.handles[0].take();
        drop(table.close(ZERO));
        drop(table);
    }
    fn second(&self) {
        let mut table = self.handles[1].take();
        let local = table.local();
        if let Some(object) = local.as_ref().and_then(|local| local.borrow(ZERO)) {
            require(object.id == 0, "RightObject");
            object.look();
        }
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
    }
}

/// Two users of a table go at once, each with its own last look.
struct Exit<C: Count> {
    handles: [Hand<Table<Body, C>>; 2],
    released: Arc<Ghost<[usize; 3]>>,
}

impl<C: Count> Exit<C> {
    fn leave(&self, me: usize) {
        let table = self.handles[me].take().share();
        table.get(ZERO).unwrap().look();
        drop(table);
    }
}

impl<C: Count> Scene for Exit<C> {
    fn set() -> Self {
        let Setting { table, released, .. } = Setting::<C>::new(1, 1);
        Self { handles: [Hand::holding(table.share()), Hand::holding(table)], released }
    }
    fn first(&self) {
        self.leave(0);
    }
    fn second(&self) {
        self.leave(1);
    }
    fn end(&self) {
        require(self.released.get()[0] == 1, "ReleasedOnce");
    }
}

/// Both threads take numbers in a chunk that is not there yet; each finds its own object.
struct Growth<C: Count>(Setting<C>);

impl<C: Count> Growth<C> {
    fn open(&self, id: usize) {
        let fd = self.0.install(id).unwrap();
        require(fd.number() == 2 || fd.number() == 3, "LowestNumber");
        require(self.0.table.get(fd).is_some_and(|found| found.id == id), "RightObject");
    }
}

impl<C: Count> Scene for Growth<C> {
    fn set() -> Self {
        let mut setting = Setting::new(8, 0);
        setting.table = Table::with_limit(&setting.pool, 4);
        setting.install(0);
        setting.table.dup(ZERO).unwrap();
        Self(setting)
    }
    fn first(&self) {
        self.open(1);
    }
    fn second(&self) {
        self.open(2);
    }
    fn end(&self) {
        require(self.0.table.iter().count() == 4, "NothingLost");
    }
}

/// A lookup in a chunk that another thread is making.
struct Grown<C: Count>(Setting<C>);

impl<C: Count> Scene for Grown<C> {
    fn set() -> Self {
        Self(Growth::set().0)
    }
    fn first(&self) {
        self.0.install(1);
    }
    fn second(&self) {
        self.0.look(Fd::new(2), &[1]);
    }
    fn end(&self) {
        require(self.0.table.iter().count() == 3, "NothingLost");
    }
}

const USE_AFTER_FREE: [&str; 2] = ["NoUseAfterFree", "NoDataRace"];

/// A lookup while the object is removed from its pool, then closed, and its slot and number are used again.
struct Removed<C: Count>(Setting<C>);

impl<C: Count> Scene for Removed<C> {
    fn set() -> Self {
        Self(Setting::new(1, 1))
    }
    fn first(&self) {
        self.0.pool.clear();
        drop(self.0.table.close(ZERO));
        self.0.install(1);
    }
    fn second(&self) {
        self.0.look(ZERO, &[0, 1]);
    }
    fn end(&self) {
        let found = self.0.table.get(ZERO).map(|object| object.id);
        require(self.0.released.get()[0] == 1, "ReleasedOnce");
        require(found == Some(1) || self.0.table.close(ZERO).is_none(), "RightObject");
    }
}

/// How an object gets from one number to another.
trait Way: Send + Sync + 'static {
    fn go(table: &Table<Body>);
}

struct Dup;
impl Way for Dup {
    fn go(table: &Table<Body>) {
        let _ = table.dup(ZERO);
    }
}

struct DupTo;
impl Way for DupTo {
    fn go(table: &Table<Body>) {
        let _ = table.dup_to(ZERO, ONE);
    }
}

struct Install;
impl Way for Install {
    fn go(table: &Table<Body>) {
        if let Some(found) = table.get(ZERO) {
            let _ = table.install(found);
        }
    }
}

/// One thread inserts an object into new slots, another puts it under a second number, and a third finds it there: it has
/// the slots and the object from one who did not make them.
struct Relay<W>(Setting<CasCount>, PhantomData<W>);

impl<W: Way> Scene for Relay<W> {
    const THIRD: bool = true;
    const BOUND: Option<usize> = Some(2);

    fn set() -> Self {
        let setting = Setting::new(14, 0);
        for id in [1, 2] {
            setting.keep(setting.insert(id));
        }
        Self(setting, PhantomData)
    }
    fn first(&self) {
        self.0.install(0);
    }
    fn second(&self) {
        W::go(&self.0.table);
    }
    fn third(&self) {
        self.0.look(ONE, &[0]);
    }
    fn end(&self) {
        require(self.0.released.get() == [0; 3], "NeverReleased");
    }
}

#[test]
fn a_lookup_beside_a_close_finds_the_object_or_nothing() {
    holds::<Close<CasCount>>();
}

#[test]
fn a_lookup_with_file_ref_counts_beside_a_close_finds_the_object_or_nothing() {
    holds::<Close<FileRefCount>>();
}

#[test]
fn a_lookup_without_its_second_look_finds_another_object() {
    fails::<Close<CasCount>>("table.skip_recheck", &["RightObject"]);
}

#[test]
fn a_lookup_without_its_second_look_finds_an_object_that_was_never_there() {
    fails::<Replace<CasCount>>("table.skip_recheck", &["RightObject"]);
}

#[test]
fn a_lookup_finds_the_next_object_where_that_takes_the_number() {
    holds::<Again<CasCount>>();
}

#[test]
fn a_lookup_beside_a_dup_to_finds_the_old_or_the_new_and_never_nothing() {
    holds::<Replace<CasCount>>();
}

#[test]
fn what_is_installed_without_the_lock_can_be_closed_under_it() {
    holds::<Publish<ByClose, CasCount>>();
}

// Where there are keys, an insert ends in a look whether the pool was killed, behind a fence that publishes too. So the
// scenes that are about publishing are of counts without.

#[test]
fn what_is_installed_without_the_lock_and_a_fence_can_be_closed_under_it() {
    holds::<Publish<ByClose, FileRefCount>>();
}

#[test]
fn what_is_installed_without_the_lock_can_be_copied_under_it() {
    holds::<Publish<ByDup, FileRefCount>>();
}

#[test]
fn what_is_installed_without_the_lock_can_be_replaced_under_it() {
    holds::<Publish<ByDupTo, FileRefCount>>();
}

#[test]
fn a_lookup_of_an_object_in_new_slots_sees_the_slots() {
    holds::<FreshSlots<Installed, FileRefCount>>();
}

#[test]
fn who_looks_a_copy_of_an_object_in_new_slots_up_sees_the_slots() {
    holds::<FreshSlots<Duped, FileRefCount>>();
}

#[test]
fn who_looks_an_object_in_new_slots_that_replaced_another_up_sees_the_slots() {
    holds::<FreshSlots<DupedTo, FileRefCount>>();
}

#[test]
fn a_number_that_is_being_opened_is_busy() {
    holds::<Opening<CasCount>>();
}

#[test]
fn a_dup_to_that_overwrites_a_reserved_number_loses_a_reference() {
    fails::<Opening<CasCount>>("table.skip_busy", &["CountIsRefs"]);
}

#[test]
fn a_fork_beside_a_close_keeps_the_object_or_has_none() {
    holds::<Fork<CasCount>>();
}

#[test]
fn a_fork_that_takes_no_reference_releases_twice() {
    let properties = ["ReleasedOnce", "NoUseAfterFree", "NoDataRace"];
    fails::<Fork<CasCount>>("table.fork_uncounted", &properties);
}

#[test]
fn a_borrow_from_a_table_that_is_no_longer_shared_finds_nothing_dead() {
    holds::<Alone<CasCount>>();
}

#[test]
fn a_borrow_from_a_shared_table_is_a_use_after_free() {
    fails::<Alone<CasCount>>("table.local_shared", &USE_AFTER_FREE);
}

#[test]
fn a_borrow_that_does_not_see_what_was_closed_is_a_use_after_free() {
    if cfg!(graceref_loom) {
        fails::<Alone<CasCount>>("weaken:table::local::users=Relaxed", &USE_AFTER_FREE);
    }
}

#[test]
fn the_last_of_two_users_closes_the_table() {
    holds::<Exit<CasCount>>();
}

#[test]
fn a_table_that_goes_without_waiting_for_its_users_memory_is_a_race() {
    if cfg!(graceref_loom) {
        fails::<Exit<CasCount>>("weaken:table::drop::exit=Relaxed", &USE_AFTER_FREE);
    }
}

#[test]
fn two_threads_that_grow_the_table_at_once_lose_nothing() {
    holds::<Growth<CasCount>>();
}

#[test]
fn a_lookup_in_a_chunk_that_is_being_made_finds_the_object_or_nothing() {
    holds::<Grown<CasCount>>();
}

#[test]
fn a_chunk_that_is_published_too_soon_is_a_race() {
    if cfg!(graceref_loom) {
        fails::<Grown<CasCount>>(
            "weaken:table::entries::get_or_grow::grow=Relaxed",
            &["NoDataRace"],
        );
    }
}

#[test]
fn an_object_is_found_where_another_thread_than_its_makers_has_put_it() {
    holds::<Relay<Dup>>();
    holds::<Relay<DupTo>>();
    holds::<Relay<Install>>();
}

#[test]
fn an_object_that_is_put_there_without_its_content_is_a_race() {
    if cfg!(graceref_loom) {
        fails::<Relay<Dup>>("weaken:table::dup_from::store=Relaxed", &["NoDataRace"]);
        fails::<Relay<DupTo>>("weaken:table::dup_to::store=Relaxed", &["NoDataRace"]);
        fails::<Relay<Install>>("weaken:table::reserved::install::store=Relaxed", &["NoDataRace"]);
    }
}

#[test]
fn a_lookup_of_what_is_removed_and_closed_meanwhile_ends() {
    holds::<Removed<CasCount>>();
    holds::<Removed<FileRefCount>>();
}
