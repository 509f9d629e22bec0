//! A second user of the table while something is borrowed without a reference.

use graceref::{Fd, Pool, Table};

fn main() {
    let pool: Pool<String> = Pool::new();
    let mut table = Table::new(&pool);
    let local = table.local().unwrap();
    let borrowed = local.borrow(Fd::new(0));
    let other = table.share();
    println!("{borrowed:?}");
    drop(other);
}
