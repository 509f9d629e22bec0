//! Counted pointers: no key, no table. What a look-up can at best cost.

use super::Value;
use std::sync::{Arc, Weak};

/// A pointer from which a counted one is made, read, and dropped.
pub(crate) trait Counted: Send + Sync + 'static {
    const NAME: &'static str;
    fn all(values: Vec<Value>) -> Vec<Self>
    where
        Self: Sized;
    fn get(&self) -> u64;
}

impl Counted for Arc<Value> {
    const NAME: &'static str = "arc";

    fn all(values: Vec<Value>) -> Vec<Self> {
        values.into_iter().map(Arc::new).collect()
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        let object = Arc::clone(self);
        object.read()
    }
}

/// A weak pointer to an object that is alive.
pub(crate) struct Weakly {
    weak: Weak<Value>,
    _strong: Arc<Value>,
}

impl Counted for Weakly {
    const NAME: &'static str = "weak";

    fn all(values: Vec<Value>) -> Vec<Self> {
        let strong = values.into_iter().map(Arc::new);
        strong.map(|strong| Weakly { weak: Arc::downgrade(&strong), _strong: strong }).collect()
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        self.weak.upgrade().map_or(0, |object| object.read())
    }
}

impl Counted for triomphe::Arc<Value> {
    const NAME: &'static str = "triomphe";

    fn all(values: Vec<Value>) -> Vec<Self> {
        values.into_iter().map(triomphe::Arc::new).collect()
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        let object = triomphe::Arc::clone(self);
        object.read()
    }
}

impl Counted for arc_swap::ArcSwap<Value> {
    const NAME: &'static str = "arc-swap";

    fn all(values: Vec<Value>) -> Vec<Self> {
        values.into_iter().map(arc_swap::ArcSwap::from_pointee).collect()
    }

    #[inline(always)]
    fn get(&self) -> u64 {
        self.load_full().read()
    }
}
