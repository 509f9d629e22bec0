//! `Pool`, `Ref` and `Stash` together, one thread, against a reference model: random calls, and after each of them
//! every object, every address and every destructor is where the model says.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, FileRefCount, Pool, Ref, Stash};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// An object that writes down its end.
struct Object {
    id: usize,
    ended: Rc<RefCell<Vec<usize>>>,
}

impl Drop for Object {
    fn drop(&mut self) {
        self.ended.borrow_mut().push(self.id);
    }
}

/// The numbers choose among what there is, modulo how many there are.
#[derive(Debug, Clone)]
enum Call {
    Insert,
    CloneRef(usize),
    DropRef(usize),
    /// The stash, the reference.
    Store(usize, usize),
    Clear(usize, usize),
    /// `clear` with an object that is in no pool.
    ClearForeign(usize),
    GetActive(usize),
    /// Only where it ends: on an empty stash, or on one whose object is alive.
    Get(usize),
    GetUnderLock(usize),
    StoreForeign(usize),
    NewStash,
    DropStash(usize),
    ClonePool,
    DropPool,
    Shrink,
}

struct World<C: Count> {
    limit: usize,
    pools: Vec<Pool<Object, C>>,
    refs: Vec<Ref<Object, C>>,
    stashes: Vec<Stash<Object, C>>,
    other: Pool<Object, C>,
    ended: Rc<RefCell<Vec<usize>>>,
    // The reference model: which object lives at an address, how many references each has, and the address that
    // each stash holds.
    inserted: usize,
    at: BTreeMap<usize, usize>,
    counted: BTreeMap<usize, u64>,
    stashed: Vec<Option<usize>>,
}

fn address<C: Count>(object: &Ref<Object, C>) -> usize {
    std::ptr::from_ref(&**object).addr()
}

impl<C: Count> World<C> {
    fn new(limit: u32) -> Self {
        let pool = Pool::with_limit(limit);
        Self {
            limit: limit as usize,
            stashes: vec![Stash::new(&pool)],
            pools: vec![pool],
            refs: Vec::new(),
            other: Pool::with_limit(1),
            ended: Rc::default(),
            inserted: 0,
            at: BTreeMap::new(),
            counted: BTreeMap::new(),
            stashed: vec![None],
        }
    }

    fn object(&self) -> Object {
        Object { id: self.inserted, ended: Rc::clone(&self.ended) }
    }

    /// What a lookup should find: the object that lives, now, where the stash points to.
    fn to_be_found(&self, stash: usize) -> Option<usize> {
        self.stashed[stash].and_then(|address| self.at.get(&address).copied())
    }

    fn found(&mut self, stash: usize, got: Option<Ref<Object, C>>) -> Result<(), TestCaseError> {
        let expected = self.to_be_found(stash);
        prop_assert_eq!(got.as_ref().map(|object| object.id), expected);
        if let Some(object) = got {
            *self.counted.get_mut(&object.id).unwrap() += 1;
            self.refs.push(object);
        }
        Ok(())
    }

    fn insert(&mut self) -> Result<(), TestCaseError> {
        let Some(pool) = self.pools.first() else { return Ok(()) };
        let id = self.inserted;
        match pool.insert(self.object()) {
            Ok(object) => {
                self.inserted += 1;
                prop_assert!(self.at.len() < self.limit, "more than the limit");
                prop_assert!(pool.owns(&object));
                let before = self.at.insert(address(&object), id);
                prop_assert_eq!(before, None, "two live objects at one address");
                self.counted.insert(id, 1);
                self.refs.push(object);
            }
            Err(full) => {
                prop_assert_eq!(self.at.len(), self.limit, "full before the limit");
                let value = full.into_inner();
                prop_assert_eq!(value.id, id);
                prop_assert!(!self.ended.borrow().contains(&id));
                value.forget();
            }
        }
        Ok(())
    }

    fn call(&mut self, call: &Call) -> Result<(), TestCaseError> {
        let pick = |n: usize, len: usize| (len > 0).then(|| n % len);
        match *call {
            Call::Insert => self.insert()?,
            Call::CloneRef(n) => {
                let Some(i) = pick(n, self.refs.len()) else { return Ok(()) };
                let clone = self.refs[i].clone();
                prop_assert!(Ref::ptr_eq(&clone, &self.refs[i]));
                *self.counted.get_mut(&clone.id).unwrap() += 1;
                self.refs.push(clone);
            }
            Call::DropRef(n) => {
                let Some(i) = pick(n, self.refs.len()) else { return Ok(()) };
                self.drop_ref(i);
            }
            Call::Store(s, n) => {
                let (Some(s), Some(i)) = (pick(s, self.stashes.len()), pick(n, self.refs.len()))
                else {
                    return Ok(());
                };
                prop_assert!(self.stashes[s].store(&self.refs[i]).is_ok());
                self.stashed[s] = Some(address(&self.refs[i]));
            }
            Call::Clear(s, n) => {
                let (Some(s), Some(i)) = (pick(s, self.stashes.len()), pick(n, self.refs.len()))
                else {
                    return Ok(());
                };
                let points_there = self.stashed[s] == Some(address(&self.refs[i]));
                prop_assert_eq!(self.stashes[s].clear(&self.refs[i]), points_there);
                if points_there {
                    self.stashed[s] = None;
                }
            }
            Call::ClearForeign(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return Ok(()) };
                let foreign = self.object();
                let cleared = self.stashes[s].clear(&foreign);
                foreign.forget();
                prop_assert!(!cleared);
            }
            Call::GetActive(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return Ok(()) };
                let got = self.stashes[s].get_active();
                self.found(s, got)?;
            }
            Call::Get(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return Ok(()) };
                if self.stashed[s].is_none() || self.to_be_found(s).is_some() {
                    let got = self.stashes[s].get();
                    self.found(s, got)?;
                }
            }
            Call::GetUnderLock(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return Ok(()) };
                let got = self.stashes[s].get_under_lock(&());
                self.found(s, got)?;
            }
            Call::StoreForeign(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return Ok(()) };
                let mut foreign = self.object();
                foreign.id = usize::MAX;
                let foreign = self.other.insert(foreign).unwrap();
                prop_assert!(self.stashes[s].store(&foreign).is_err());
                drop(foreign);
                prop_assert_eq!(self.ended.borrow_mut().pop(), Some(usize::MAX));
            }
            Call::NewStash => {
                let Some(pool) = self.pools.first() else { return Ok(()) };
                self.stashes.push(Stash::new(pool));
                self.stashed.push(None);
            }
            Call::DropStash(s) => {
                let Some(s) = pick(s, self.stashes.len()) else { return Ok(()) };
                drop(self.stashes.swap_remove(s));
                self.stashed.swap_remove(s);
            }
            Call::ClonePool => {
                let Some(pool) = self.pools.first() else { return Ok(()) };
                self.pools.push(pool.clone());
            }
            Call::DropPool => drop(self.pools.pop()),
            Call::Shrink => {
                let alone = self.pools.len() == 1 && self.stashes.is_empty();
                let Some(pool) = self.pools.first_mut() else { return Ok(()) };
                let before = pool.capacity();
                let shrunk = pool.shrink();
                prop_assert_eq!(shrunk.is_some(), alone);
                prop_assert_eq!(before - pool.capacity(), shrunk.unwrap_or(0));
                prop_assert!(pool.capacity() >= self.at.len() as u64);
                prop_assert!(!alone || !self.at.is_empty() || pool.capacity() == 0);
            }
        }
        Ok(())
    }

    fn drop_ref(&mut self, i: usize) {
        let object = self.refs.swap_remove(i);
        let (id, address) = (object.id, address(&object));
        drop(object);
        let count = self.counted.get_mut(&id).unwrap();
        *count -= 1;
        if *count == 0 {
            self.counted.remove(&id);
            self.at.remove(&address);
        }
    }

    /// The code's world is the model's.
    fn agrees(&self) -> Result<(), TestCaseError> {
        let ended = self.ended.borrow();
        let once: BTreeSet<usize> = ended.iter().copied().collect();
        prop_assert_eq!(once.len(), ended.len(), "a destructor ran twice: {:?}", ended);
        let dead: BTreeSet<usize> =
            (0..self.inserted).filter(|id| !self.counted.contains_key(id)).collect();
        prop_assert_eq!(once, dead);
        for object in &self.refs {
            prop_assert_eq!(Some(&object.id), self.at.get(&address(object)));
            prop_assert_eq!(Ref::refs(object), self.counted[&object.id]);
        }
        Ok(())
    }
}

impl Object {
    /// An end that is not written down: of an object that never was in the pool.
    fn forget(self) {
        let ended = Rc::clone(&self.ended);
        drop(self);
        ended.borrow_mut().pop();
    }
}

fn follows_the_reference<C: Count>(limit: u32, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut world = World::<C>::new(limit);
    for call in calls {
        world.call(call)?;
        world.agrees()?;
    }
    // Whatever is left goes, in an order that the calls have shuffled.
    while !world.refs.is_empty() {
        world.drop_ref(world.refs.len() / 2);
        world.pools.pop();
    }
    world.agrees()?;
    prop_assert_eq!(world.ended.borrow().len(), world.inserted);
    Ok(())
}

fn call() -> impl Strategy<Value = Call> {
    let n = 0..64_usize;
    let s = 0..8_usize;
    prop_oneof![
        12 => Just(Call::Insert),
        6 => n.clone().prop_map(Call::CloneRef),
        14 => n.clone().prop_map(Call::DropRef),
        6 => (s.clone(), n.clone()).prop_map(|(s, n)| Call::Store(s, n)),
        3 => (s.clone(), n).prop_map(|(s, n)| Call::Clear(s, n)),
        1 => s.clone().prop_map(Call::ClearForeign),
        6 => s.clone().prop_map(Call::GetActive),
        3 => s.clone().prop_map(Call::Get),
        3 => s.clone().prop_map(Call::GetUnderLock),
        1 => s.clone().prop_map(Call::StoreForeign),
        2 => Just(Call::NewStash),
        2 => s.prop_map(Call::DropStash),
        1 => Just(Call::ClonePool),
        1 => Just(Call::DropPool),
        2 => Just(Call::Shrink),
    ]
}

fn limit() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0, 1, 2, 3, 32, 33, 1_000, u32::MAX])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_with_cas_counts_follows_its_reference(
        limit in limit(), calls in prop::collection::vec(call(), 0..200),
    ) {
        follows_the_reference::<CasCount>(limit, &calls)?;
    }

    #[test]
    fn a_pool_with_file_ref_counts_follows_its_reference(
        limit in limit(), calls in prop::collection::vec(call(), 0..200),
    ) {
        follows_the_reference::<FileRefCount>(limit, &calls)?;
    }
}
