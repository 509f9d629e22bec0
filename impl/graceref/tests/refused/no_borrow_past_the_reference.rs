//! A borrowed reference, kept after the reference.

use graceref::{Borrowed, Pool, Ref};

fn main() {
    let pool: Pool<String> = Pool::new();
    let borrowed = {
        let object = pool.insert("a".to_owned()).unwrap();
        Ref::borrow(&object)
    };
    drop(Borrowed::to_ref(borrowed));
    let object = pool.insert("b".to_owned()).unwrap();
    let borrowed = Ref::borrow(&object);
    drop(object);
    println!("{borrowed}");
}
