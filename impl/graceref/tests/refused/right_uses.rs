//! The right uses beside the wrong ones: these compile.

use graceref::{Borrowed, Fd, Local, Pool, Ref, Table};

fn main() {
    let pool: Pool<String> = Pool::new();
    let mut table = Table::new(&pool);
    let reserved = table.reserve().unwrap();
    let a = reserved.install(pool.insert("a".to_owned()).unwrap()).unwrap();
    let other = table.share();
    std::thread::scope(|scope| {
        let reserved = table.reserve().unwrap();
        scope.spawn(move || drop(reserved));
    });
    drop(other);
    let mut local = table.local().unwrap();
    assert_eq!(local.borrow(a).unwrap(), "a");
    drop(local.close(a));
    assert!(local.borrow(Fd::new(0)).is_none());
    let object = pool.insert("b".to_owned()).unwrap();
    let borrowed = shorter(Ref::borrow(&object), &local);
    let another = Borrowed::to_ref(borrowed);
    drop(object);
    assert_eq!(*another, "b");
}

/// A borrow may be shortened.
fn shorter<'a, 'b: 'a, T>(longer: Borrowed<'b, T>, _: &'a Local<'_, T>) -> Borrowed<'a, T> {
    longer
}
