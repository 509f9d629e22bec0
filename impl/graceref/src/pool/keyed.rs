//! Finding objects by their keys.

use super::{Full, Pool};
use crate::count::{Any, Count, OfGeneration};
use crate::key::Key;
use crate::reference::Ref;
use alloc::boxed::Box;

impl<T, C: Count> Pool<T, C> {
    /// A reference to the object with this key; `None` if it is dead or removed, or the key is not of this pool.
    ///
    /// Two loads and one read-modify-write; `None` costs no write. A [`CasCount`](crate::CasCount)'s is a
    /// compare-exchange, again where another thread changes the count of the same object at the same instant. A
    /// [`FileRefCount`](crate::FileRefCount)'s is an add, given back where the object is exchanged for another one at
    /// the same instant. Lock-free. Acquire: the object's fields are seen as `insert`
    /// wrote them.
    ///
    /// ```
    /// use graceref::{Pool, Ref};
    /// let pool: Pool<u32> = Pool::new();
    /// let a = pool.insert(1).unwrap();
    /// let key = Ref::key(&a);
    /// assert!(Ref::ptr_eq(&pool.get(key).unwrap(), &a));
    /// drop(a);
    /// let b = pool.insert(2).unwrap();       // perhaps in the same slot
    /// assert!(pool.get(key).is_none());      // for ever
    /// ```
    #[inline]
    pub fn get(&self, key: Key) -> Option<Ref<T, C>> {
        let slot = self.slots().find(key.place())?;
        if crate::sync::mutant("key.skip_generation") {
            return self.find(slot, Any);
        }
        self.find(slot, OfGeneration(key.generation()))
    }

    /// Whether [`get`](Pool::get) would find the object now. Two loads; stale as soon as it is known.
    #[inline]
    pub fn contains(&self, key: Key) -> bool {
        let Some(slot) = self.slots().find(key.place()) else { return false };
        // SAFETY: type-stable memory, which the handle keeps (Stash!NoUseAfterFree).
        let slot = unsafe { slot.as_ref() };
        let found = slot.count.word().is_generation(key.generation());
        slot.looked_at();
        found
    }

    /// Puts an object that knows its own key into the pool.
    ///
    /// If `make` panics, the slot is given back.
    ///
    /// # Errors
    /// As [`insert`](Pool::insert), with `make` in it.
    ///
    /// ```
    /// use graceref::{Key, Pool, Ref};
    /// struct Node { me: Key }
    /// let pool: Pool<Node> = Pool::new();
    /// let node = pool.insert_with_key(|me| Node { me }).ok().unwrap();
    /// assert_eq!(node.me, Ref::key(&node));
    /// ```
    pub fn insert_with_key<F: FnOnce(Key) -> T>(&self, make: F) -> Result<Ref<T, C>, Full<F>> {
        match self.take() {
            Ok(vacant) => {
                let key = vacant.key();
                Ok(vacant.insert(make(key)))
            }
            Err(why) => Err(Full { value: make, why }),
        }
    }

    /// Lets the object with this key be found no more; `false` if it is dead, removed, or not of this pool.
    ///
    /// Neither by its key nor through a [`Stash`](crate::Stash) or a `Table`. It lives on while it has references, which can
    /// still be cloned. One load and one compare-exchange. The idea is the kernel's `percpu_ref_kill`.
    ///
    /// ```
    /// use graceref::{Pool, Ref};
    /// let pool: Pool<u32> = Pool::new();
    /// let object = pool.insert(1).unwrap();
    /// assert!(pool.remove(Ref::key(&object)));
    /// assert!(pool.get(Ref::key(&object)).is_none());
    /// assert_eq!(*object.clone(), 1);
    /// ```
    pub fn remove(&self, key: Key) -> bool {
        let Some(slot) = self.slots().find(key.place()) else { return false };
        // SAFETY: type-stable memory, which the handle keeps (Stash!NoUseAfterFree).
        unsafe { slot.as_ref() }.count.remove(OfGeneration(key.generation()))
    }

    /// [`remove`](Pool::remove)s every object that is alive. What is inserted meanwhile may be removed or not.
    pub fn clear(&self) {
        for slot in self.slots().used() {
            // SAFETY: type-stable memory, which the handle keeps (Stash!NoUseAfterFree).
            unsafe { slot.as_ref() }.count.remove(Any);
        }
    }

    /// Ends the pool while there are handles: from now on nothing is found in it or inserted into it.
    ///
    /// When the last reference to its objects is gone (and their destructors have run), `drained` is called: on the
    /// thread that dropped that reference, outside every lock, or at once. `false`, and nothing done, if the pool was
    /// killed before, or is being killed: what the other kill has not come to is still found. An insert that began
    /// before may succeed; its object is found until that insert returns, at most. If `drained` panics, the panic is that
    /// thread's: the pool is done with it by then.
    ///
    /// Waits for other threads that are at their own free slots: a few instructions each. Looks at each slot
    /// that was ever used. The idea is the kernel's `percpu_ref_kill`.
    ///
    /// ```
    /// use graceref::Pool;
    /// use std::sync::mpsc;
    /// let pool: Pool<u32> = Pool::new();
    /// let object = pool.insert(1).unwrap();
    /// let (tell, told) = mpsc::channel();
    /// assert!(pool.kill(move || tell.send("drained").unwrap()));
    /// assert!(pool.insert(2).unwrap_err().is_killed());
    /// assert!(told.try_recv().is_err());
    /// drop(object);
    /// assert_eq!(told.recv().unwrap(), "drained");
    /// ```
    pub fn kill(&self, drained: impl FnOnce() + Send + 'static) -> bool {
        let killed = self.slots().kill(Box::new(drained), |slot| {
            slot.count.remove(Any);
        });
        #[cfg(any(feature = "std", graceref_loom, graceref_shuttle))]
        if let Some(deferral) = self.slots().kind.deferral().filter(|_| killed) {
            // SAFETY: the caller's handle keeps the memory (Pool!NoUseAfterFree).
            unsafe { deferral.close(self.slots) };
        }
        killed
    }

    /// [`kill`](Pool::kill)s the pool and waits until its last reference is gone.
    ///
    /// `false`, at once, if the pool was killed before. Never returns while the calling thread keeps something that it
    /// waits for: a reference, a [`Vacant`](crate::Vacant), whose slot is out like an object's, or of an
    /// [`RcuPool`](crate::RcuPool) a guard.
    #[cfg(all(feature = "std", not(any(graceref_loom, graceref_shuttle))))]
    pub fn kill_and_wait(&self) -> bool {
        let (tell, told) = std::sync::mpsc::channel();
        // Nobody else has the other end, so sending cannot fail before it is received.
        let killed = self.kill(move || {
            let _ = tell.send(());
        });
        match self.slots().kind.deferral().filter(|_| killed) {
            None if killed => drop(told.recv()),
            None => {}
            // What is deferred runs when somebody asks.
            Some(deferral) => {
                let mut pause = core::time::Duration::ZERO;
                while told.recv_timeout(pause).is_err() {
                    deferral.reclaim(self.slots);
                    pause = core::time::Duration::from_millis(1);
                }
            }
        }
        killed
    }
}
