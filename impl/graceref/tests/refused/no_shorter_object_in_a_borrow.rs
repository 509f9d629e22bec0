//! A borrowed reference to an object of one lifetime, as one to an object of another.

use graceref::{Borrowed, Pool, Ref};

fn shorter<'a>(longer: Borrowed<'a, &'static str>, _: &'a str) -> Borrowed<'a, &'a str> {
    longer
}

fn main() {
    let pool: Pool<&'static str> = Pool::new();
    let object = pool.insert("a").unwrap();
    drop(shorter(Ref::borrow(&object), "b"));
}
