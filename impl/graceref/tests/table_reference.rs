//! `Table`, one thread, against a reference model: random calls on up to three tables and their handles, and after each
//! call every number, every flag and every reference is as the model has it.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::{CasCount, Count, DupError, Fd, FileRefCount, Pool, Ref, Table};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// An object that writes down its end.
#[derive(Debug)]
struct Object {
    id: usize,
    ended: Rc<RefCell<Vec<usize>>>,
}

impl Drop for Object {
    fn drop(&mut self) {
        self.ended.borrow_mut().push(self.id);
    }
}

/// The first number chooses the handle, modulo how many there are; the others are descriptors.
#[derive(Debug, Clone)]
enum Call {
    Install(usize),
    /// Reserves so many, drops all but the last, and installs that one.
    Reserve(usize, u32),
    Get(usize, u32),
    Close(usize, u32),
    Dup(usize, u32, u32),
    DupTo(usize, u32, u32),
    DupToReserved(usize, u32),
    SetCloexec(usize, u32, bool),
    Exec(usize),
    Borrow(usize, u32),
    Fork(usize),
    Share(usize),
    Unshare(usize),
    Drop(usize),
}

/// What is under a number: the object, and whether exec closes it.
type Entries = BTreeMap<u32, (usize, bool)>;

struct World<C: Count> {
    limit: u32,
    pool: Pool<Object, C>,
    handles: Vec<(Table<Object, C>, usize)>,
    ended: Rc<RefCell<Vec<usize>>>,
    /// The reference model; the handles say which of these tables is theirs.
    tables: BTreeMap<usize, Entries>,
    objects: usize,
    next_table: usize,
}

fn lowest(entries: &Entries, from: u32, limit: u32) -> Option<u32> {
    (from..limit).find(|number| !entries.contains_key(number))
}

impl<C: Count> World<C> {
    fn new(limit: u32) -> Self {
        let pool = Pool::new();
        Self {
            limit,
            handles: vec![(Table::with_limit(&pool, limit), 0)],
            pool,
            ended: Rc::default(),
            tables: BTreeMap::from([(0, Entries::new())]),
            objects: 0,
            next_table: 1,
        }
    }

    fn object(&mut self) -> (Ref<Object, C>, usize) {
        let id = self.objects;
        self.objects += 1;
        let object = Object { id, ended: Rc::clone(&self.ended) };
        (self.pool.insert(object).expect("no limit"), id)
    }

    fn expected_dup(&self, t: usize, fd: u32, min: u32) -> Result<u32, DupError> {
        let entries = &self.tables[&t];
        if !entries.contains_key(&fd) {
            return Err(DupError::NotOpen(Fd::new(fd)));
        }
        lowest(entries, min, self.limit).ok_or(DupError::NoNumber)
    }

    fn call(&mut self, call: &Call) -> Result<(), TestCaseError> {
        let (Call::Install(h)
        | Call::Reserve(h, _)
        | Call::Get(h, _)
        | Call::Close(h, _)
        | Call::Dup(h, ..)
        | Call::DupTo(h, ..)
        | Call::DupToReserved(h, _)
        | Call::SetCloexec(h, ..)
        | Call::Exec(h)
        | Call::Borrow(h, _)
        | Call::Fork(h)
        | Call::Share(h)
        | Call::Unshare(h)
        | Call::Drop(h)) = *call;
        let h = h % self.handles.len();
        let t = self.handles[h].1;
        let shared = self.handles.iter().filter(|handle| handle.1 == t).count() > 1;
        match *call {
            Call::Install(_) => {
                let (object, id) = self.object();
                let free = lowest(&self.tables[&t], 0, self.limit);
                let installed = self.handles[h].0.install(object).map(Fd::number);
                prop_assert_eq!(installed.ok(), free);
                if let Some(number) = free {
                    self.tables.get_mut(&t).unwrap().insert(number, (id, false));
                }
            }
            Call::Reserve(_, many) => self.reserve(h, t, many)?,
            Call::Get(_, fd) => {
                let got = self.handles[h].0.get(Fd::new(fd)).map(|object| object.id);
                prop_assert_eq!(got, self.tables[&t].get(&fd).map(|entry| entry.0));
            }
            Call::Close(_, fd) => {
                let closed = self.handles[h].0.close(Fd::new(fd)).map(|object| object.id);
                let entry = self.tables.get_mut(&t).unwrap().remove(&fd);
                prop_assert_eq!(closed, entry.map(|entry| entry.0));
            }
            Call::Dup(_, fd, min) => {
                let expected = self.expected_dup(t, fd, min);
                let got = self.handles[h].0.dup_from(Fd::new(fd), Fd::new(min)).map(Fd::number);
                prop_assert_eq!(got, expected);
                if let Ok(number) = expected {
                    let entries = self.tables.get_mut(&t).unwrap();
                    entries.insert(number, (entries[&fd].0, false));
                }
            }
            Call::DupTo(_, fd, to) => self.dup_to(h, t, fd, to)?,
            Call::DupToReserved(_, fd) => self.dup_to_reserved(h, t, fd)?,
            Call::SetCloexec(_, fd, on) => {
                let before = self.handles[h].0.set_cloexec(Fd::new(fd), on);
                let entry = self.tables.get_mut(&t).unwrap().get_mut(&fd);
                prop_assert_eq!(before, entry.as_ref().map(|entry| entry.1));
                if let Some(entry) = entry {
                    entry.1 = on;
                }
            }
            Call::Exec(_) => {
                let entries = self.tables.get_mut(&t).unwrap();
                let flagged = entries.values().filter(|entry| entry.1).count();
                entries.retain(|_, entry| !entry.1);
                prop_assert_eq!(self.handles[h].0.close_on_exec(), flagged);
            }
            Call::Borrow(_, fd) => {
                let local = self.handles[h].0.local();
                prop_assert_eq!(local.is_none(), shared);
                let Some(local) = local else { return Ok(()) };
                let borrowed = local.borrow(Fd::new(fd)).map(|object| object.id);
                prop_assert_eq!(borrowed, self.tables[&t].get(&fd).map(|entry| entry.0));
            }
            Call::Fork(_) => {
                let copy = self.handles[h].0.fork();
                self.adopt(copy, t);
            }
            Call::Share(_) => {
                let other = self.handles[h].0.share();
                self.handles.push((other, t));
            }
            Call::Unshare(_) => {
                prop_assert_eq!(self.handles[h].0.unshare(), shared);
                if shared {
                    let (table, _) = self.handles.swap_remove(h);
                    self.adopt(table, t);
                }
            }
            Call::Drop(_) => {
                if self.handles.len() > 1 {
                    self.handles.swap_remove(h);
                    if !shared {
                        self.tables.remove(&t);
                    }
                }
            }
        }
        Ok(())
    }

    /// The model's copy of a table, for this handle.
    fn adopt(&mut self, copy: Table<Object, C>, of: usize) {
        self.tables.insert(self.next_table, self.tables[&of].clone());
        self.handles.push((copy, self.next_table));
        self.next_table += 1;
    }

    fn reserve(&mut self, h: usize, t: usize, many: u32) -> Result<(), TestCaseError> {
        let (object, id) = self.object();
        let table = &self.handles[h].0;
        let entries = self.tables.get_mut(&t).unwrap();
        let free: Vec<_> =
            (0..self.limit).filter(|n| !entries.contains_key(n)).take(many as usize).collect();
        let mut reserved: Vec<_> = (0..many).map_while(|_| table.reserve().ok()).collect();
        let numbers: Vec<_> = reserved.iter().map(|number| number.fd().number()).collect();
        prop_assert_eq!(&numbers, &free);
        for &number in &numbers {
            prop_assert!(table.get(Fd::new(number)).is_none());
        }
        if let Some(last) = reserved.pop() {
            let number = last.fd().number();
            drop(reserved);
            prop_assert!(last.install(object).is_ok());
            entries.insert(number, (id, false));
        }
        Ok(())
    }

    fn dup_to_reserved(&self, h: usize, t: usize, fd: u32) -> Result<(), TestCaseError> {
        let Ok(reserved) = self.handles[h].0.reserve() else { return Ok(()) };
        let to = reserved.fd();
        let open = self.tables[&t].contains_key(&fd);
        let expected = if open { DupError::Busy(to) } else { DupError::NotOpen(Fd::new(fd)) };
        prop_assert_eq!(self.handles[h].0.dup_to(Fd::new(fd), to).unwrap_err(), expected);
        Ok(())
    }

    fn dup_to(&mut self, h: usize, t: usize, fd: u32, to: u32) -> Result<(), TestCaseError> {
        let (table, limit) = (&self.handles[h].0, self.limit);
        let entries = self.tables.get_mut(&t).unwrap();
        let got = table.dup_to(Fd::new(fd), Fd::new(to)).map(|old| old.map(|object| object.id));
        let Some(&(id, _)) = entries.get(&fd) else {
            prop_assert!(got.is_err());
            return Ok(());
        };
        if to >= limit {
            prop_assert_eq!(got, Err(DupError::BeyondLimit(Fd::new(to))));
        } else if fd == to {
            prop_assert_eq!(got, Ok(None));
        } else {
            let old = entries.insert(to, (id, false));
            prop_assert_eq!(got, Ok(old.map(|entry| entry.0)));
        }
        Ok(())
    }

    /// The code's world is the model's.
    fn agrees(&self) -> Result<(), TestCaseError> {
        let mut refs = BTreeMap::<usize, u64>::new();
        for &(id, _) in self.tables.values().flat_map(Entries::values) {
            *refs.entry(id).or_default() += 1;
        }
        for (table, t) in &self.handles {
            let entries = &self.tables[t];
            let mut found = Vec::new();
            for (fd, object) in table.iter() {
                prop_assert_eq!(Ref::refs(&object), refs[&object.id] + 1);
                found.push((fd.number(), (object.id, table.cloexec(fd).unwrap())));
            }
            prop_assert_eq!(&found, &entries.iter().map(|(&n, &e)| (n, e)).collect::<Vec<_>>());
        }
        let mut ended = self.ended.borrow().clone();
        ended.sort_unstable();
        let dead: Vec<_> = (0..self.objects).filter(|id| !refs.contains_key(id)).collect();
        prop_assert_eq!(ended, dead, "each object without a reference has ended, once");
        Ok(())
    }
}

fn follows_the_reference<C: Count>(limit: u32, calls: &[Call]) -> Result<(), TestCaseError> {
    let mut world = World::<C>::new(limit);
    for call in calls {
        world.call(call)?;
        world.agrees()?;
    }
    let (ended, objects) = (Rc::clone(&world.ended), world.objects);
    drop(world);
    prop_assert_eq!(ended.borrow().len(), objects);
    Ok(())
}

fn call() -> impl Strategy<Value = Call> {
    let h = 0..8_usize;
    // Near the borders of the first chunks too.
    let fd = prop_oneof![6 => 0..8_u32, 1 => 60..70_u32, 1 => 188..196_u32];
    let two = (h.clone(), fd.clone());
    let three = (h.clone(), fd.clone(), fd);
    prop_oneof![
        12 => h.clone().prop_map(Call::Install),
        4 => (h.clone(), 0..4_u32).prop_map(|(h, n)| Call::Reserve(h, n)),
        3 => two.clone().prop_map(|(h, a)| Call::Get(h, a)),
        8 => two.clone().prop_map(|(h, a)| Call::Close(h, a)),
        5 => three.clone().prop_map(|(h, a, b)| Call::Dup(h, a, b)),
        8 => three.prop_map(|(h, a, b)| Call::DupTo(h, a, b)),
        2 => two.clone().prop_map(|(h, a)| Call::DupToReserved(h, a)),
        4 => (two.clone(), any::<bool>()).prop_map(|((h, a), on)| Call::SetCloexec(h, a, on)),
        1 => h.clone().prop_map(Call::Exec),
        3 => two.prop_map(|(h, a)| Call::Borrow(h, a)),
        1 => h.clone().prop_map(Call::Fork),
        2 => h.clone().prop_map(Call::Share),
        1 => h.clone().prop_map(Call::Unshare),
        3 => h.prop_map(Call::Drop),
    ]
}

fn limit() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![0, 1, 4, 64, 65, 193, 1_000])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_table_with_cas_counts_follows_its_reference(
        limit in limit(), calls in prop::collection::vec(call(), 0..200),
    ) {
        follows_the_reference::<CasCount>(limit, &calls)?;
    }

    #[test]
    fn a_table_with_file_ref_counts_follows_its_reference(
        limit in limit(), calls in prop::collection::vec(call(), 0..200),
    ) {
        follows_the_reference::<FileRefCount>(limit, &calls)?;
    }
}
