//! A borrow without a reference, across a close.

use graceref::{Fd, Pool, Table};

fn main() {
    let pool: Pool<String> = Pool::new();
    let mut table = Table::new(&pool);
    let mut local = table.local().unwrap();
    let borrowed = local.borrow(Fd::new(0)).unwrap();
    drop(local.close(Fd::new(0)));
    println!("{borrowed}");
}
