//! A buffer object of a graphics driver and the dma-buf that wraps it, as TTM has them.
//!
//! Spec: `Wrapper`.

use crate::counts::FCount;
use crate::file::{File, FileOps};
use graceref::sync::model::{Ghost, around, violated, witness};
use graceref::sync::{AtomicU32, Mutex, Ordering, Tracked, within};
use graceref::{at, local};

/// What keeps lookups, exports and the wrapper's release apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fix {
    /// prime->mutex, around lookup and export and around the forgetting.
    Mutex,
    /// The same, but lookup and export do without.
    Unlocked,
    /// prime->mutex, but the lookup's get does not look at the count.
    Get,
    /// prime->mutex, but `__fput` frees the struct file before the dentry.
    FileFirst,
}

/// A wrapper: a struct file and the dma-buf behind it.
#[derive(Debug)]
struct Wrapper<C> {
    file: File<C>,
    dma_buf: Tracked<()>,
}

/// The object, with TTM's `ttm_prime_object`.
#[derive(Debug)]
pub struct Object<C> {
    fix: Fix,
    /// prime->mutex.
    mutex: Mutex<()>,
    /// prime->dma_buf: the number of the wrapper, from 1, without a reference to it.
    dma_buf: AtomicU32,
    /// Handles and wrappers.
    refcount: AtomicU32,
    memory: Tracked<()>,
    wrappers: Vec<Wrapper<C>>,
    exported: Ghost<u32>,
    finished: Ghost<u32>,
    uaf: Ghost<bool>,
}

/// What a wrapper's file operations know: of which object it is, and which one of its wrappers.
struct Ops<'a, C> {
    object: &'a Object<C>,
    number: u32,
}

impl<C: FCount> Object<C> {
    /// An object to which so many exporters have a handle.
    pub fn new(fix: Fix, exporters: u32) -> Self {
        let wrapper = |_| Wrapper { file: File::new(None), dma_buf: Tracked::new(()) };
        Self {
            fix,
            mutex: Mutex::new(()),
            dma_buf: AtomicU32::new(0),
            refcount: AtomicU32::new(exporters),
            memory: Tracked::new(()),
            wrappers: (0..exporters).map(wrapper).collect(),
            exported: Ghost::new(0),
            finished: Ghost::new(0),
            uaf: Ghost::new(false),
        }
    }

    /// What an exporter does with its handle: a descriptor, a use of it, and both given back.
    pub fn export_use_close(&self) {
        let scope = within("exp");
        let number = self.handle_to_fd();
        let Wrapper { file, dma_buf } = self.wrapper(number);
        at!("use");
        file.ghost.around(&file.ghost.gone, "struct dma_buf", || dma_buf.with(|_| ()));
        let last = file.fput();
        drop(scope);
        if last {
            let _scope = within("rel");
            let ops = Ops { object: self, number };
            if self.fix == Fix::FileFirst { file.__fput_2013(&ops) } else { file.__fput(&ops) }
        }
        let _scope = within("exp");
        at!("handle_put");
        self.put();
    }

    /// `ttm_prime_handle_to_fd`: the wrapper that there is, or a new one.
    fn handle_to_fd(&self) -> u32 {
        at!("object_get");
        // ORDERING: Relaxed; the handle holds a reference.
        self.access(|| self.refcount.fetch_add(1, Ordering::Relaxed));
        self.memory.with(|_| ());
        let guard = (self.fix != Fix::Unlocked).then(|| {
            at!("lock");
            self.mutex.lock()
        });
        let found = self.find();
        let number = found.unwrap_or_else(|| self.export());
        if let Some(guard) = guard {
            at!("unlock");
            drop(guard);
        }
        // A new wrapper keeps the reference to the object.
        if found.is_some() {
            at!("object_put");
            self.put();
        }
        number
    }

    /// `get_dma_buf_unless_doomed` of the wrapper that is remembered.
    fn find(&self) -> Option<u32> {
        at!("load");
        // ORDERING: Relaxed; prime->mutex orders it.
        let number = self.dma_buf.load(Ordering::Relaxed);
        if number == 0 {
            return None;
        }
        local!(w = number);
        let file = &self.wrapper(number).file;
        if self.fix == Fix::Get {
            file.get_file();
            return Some(number);
        }
        let got = file.get_active();
        if !got {
            witness("Refused", format_args!("the wrapper that is remembered is dying"));
        }
        got.then_some(number)
    }

    /// `dma_buf_export`.
    fn export(&self) -> u32 {
        let number = self.exported.with(|n| {
            *n += 1;
            *n
        });
        local!(w = number, mine = true);
        if self.alive() > 1 {
            violated("OneWrapper", format_args!("two wrappers of one object are alive"));
        }
        if number > 1 {
            witness(
                "Another",
                format_args!("the object has outlived its wrapper and gets another"),
            );
        }
        at!("remember");
        // ORDERING: Relaxed; prime->mutex orders it.
        self.dma_buf.swap(number, Ordering::Relaxed);
        number
    }

    /// A reference to the object goes.
    fn put(&self) {
        // ORDERING: AcqRel; whoever finishes the object has seen all that was done with it.
        if self.access(|| self.refcount.fetch_sub(1, Ordering::AcqRel)) == 1 {
            if self.alive() > 0 {
                violated("WrapperHoldsObject", format_args!("the object goes before its wrapper"));
            }
            self.finished.with(|n| *n += 1);
            self.memory.retire();
        }
    }

    /// A step uses the object, which had better be there.
    fn access<R>(&self, step: impl FnOnce() -> R) -> R {
        around(step, || {
            if self.finished.get() > 0 {
                self.uaf.set(true);
                violated("NoUseAfterFree", format_args!("the object was used after it was freed"));
            }
        })
    }

    /// For observers: prime->mutex, prime->dma_buf, the object's references, how many wrappers there have been, and
    /// how often the object was freed.
    pub fn raw(&self) -> (bool, u32, i32, u32, u32) {
        (
            self.mutex.raw_is_locked(),
            self.dma_buf.raw_load(),
            self.refcount.raw_load().cast_signed(),
            self.exported.get(),
            self.finished.get(),
        )
    }

    /// The files of all the wrappers that may be, for observers.
    pub fn raw_files(&self) -> impl Iterator<Item = &File<C>> {
        self.wrappers.iter().map(|wrapper| &wrapper.file)
    }

    /// Whether the object was used after it was freed, for observers.
    pub fn raw_uaf(&self) -> bool {
        self.uaf.get()
    }

    fn wrapper(&self, number: u32) -> &Wrapper<C> {
        &self.wrappers[number as usize - 1]
    }

    fn exported(&self) -> &[Wrapper<C>] {
        &self.wrappers[..self.exported.get() as usize]
    }

    fn alive(&self) -> usize {
        self.exported().iter().filter(|w| w.file.raw_f_count() > 0).count()
    }
}

impl<C: FCount> FileOps<C> for Ops<'_, C> {
    /// `dma_buf_release`, and from it `ttm_prime_dmabuf_release`.
    fn d_release(&self, file: &File<C>) {
        let Self { object, number } = *self;
        at!("lock");
        let guard = object.mutex.lock();
        at!("forget");
        // ORDERING: Relaxed; prime->mutex orders it.
        let _ = object.dma_buf.compare_exchange(number, 0, Ordering::Relaxed, Ordering::Relaxed);
        at!("unlock");
        drop(guard);
        at!("object_put");
        object.put();
        at!("dput");
        object.wrapper(number).dma_buf.retire();
        file.ghost.gone.set(true);
    }
}
